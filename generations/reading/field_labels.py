"""What people call the fields of the studio's models, which records of changes name."""

from collections.abc import Mapping
from functools import cache

from django.apps import apps

from accounts.models import User
from accounts.phrases import Text


def label_of(name: str) -> str:
    """The label of the field called `name` in any model; the name itself if there is none."""
    return str(_labels().get(name, name.replace("_", " ")))


@cache
def _labels() -> Mapping[str, Text]:
    models = [model for app in _APPS for model in apps.get_app_config(app).get_models()]
    fields = [field for model in models for field in model._meta.fields]
    return {field.name: field.verbose_name for field in (*fields, *User._meta.many_to_many)}


# The last one wins where fields have the same name: records mostly tell of people.
_APPS = ("generations", "accounts")
