"""The admin as a browser uses it: a form is sent as it was shown, except for what is changed."""

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.forms import BaseForm, BoundField, ModelMultipleChoiceField
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


def url(model: type[Model], view: str, *args: Any) -> str:
    return reverse(f"admin:accounts_{model._meta.model_name}_{view}", args=args)


def shown(form: BaseForm) -> dict[str, Any]:
    """What a browser sends for an untouched form."""
    values = {field.html_name: _sent(field) for field in form}
    # Beside some fields stands the value that the page shows.
    values |= {each.html_initial_name: each.initial for each in form if _shows_initial(each)}
    return {name: value for name, value in values.items() if value not in (None, False)}


def _shows_initial(field: BoundField) -> bool:
    return field.field.show_hidden_initial


def _sent(field: BoundField) -> Any:
    if isinstance(field.field, ModelMultipleChoiceField):
        offered = set(field.field.queryset.values_list("pk", flat=True))
        return [pk for pk in field.value() or () if pk in offered]
    return field.value()


def change(client: Client, row: Model, **changes: Any) -> HttpResponse:
    """Open a row's form, change some fields and save. A change to None leaves the field out."""
    address = url(type(row), "change", row.pk)
    data = shown(client.get(address).context["adminform"].form) | changes
    return client.post(address, {name: value for name, value in data.items() if value is not None})


def run_action(client: Client, rows: list[Model], action: str, **data: Any) -> HttpResponse:
    selected = {ACTION_CHECKBOX_NAME: [row.pk for row in rows], "action": action}
    return client.post(url(type(rows[0]), "changelist"), selected | data)


def change_list(client: Client, model: type[Model], row: Model, **changes: Any) -> HttpResponse:
    """Change one row in the list itself."""
    address = url(model, "changelist")
    formset = client.get(address).context["cl"].formset
    data = shown(formset.management_form) | {"_save": "Save"}
    for form in formset:
        data |= shown(form)
        if form.instance == row:
            data |= {form.add_prefix(name): value for name, value in changes.items()}
    return client.post(address, data)
