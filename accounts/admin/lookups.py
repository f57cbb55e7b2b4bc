"""The query parameters that an admin list accepts: only those that the list itself declares.

Django lets a query string compare any field of the model with any value (`lookup_allowed` of Django
5.2 refuses only relations that no filter names). A hidden field could be read letter by letter:
`?body__contains=…` answers yes or no.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.filters import SimpleListFilter
from django.contrib.admin.utils import NotRelationField, get_model_from_relation
from django.contrib.admin.utils import get_fields_from_path as fields_of
from django.db.models import Field
from django.http import HttpRequest

# What Django's own filters write into links.
COMPARISONS = ("exact", "gte", "in", "isempty", "isnull", "lt")


def declared(modeladmin: ModelAdmin, request: HttpRequest) -> frozenset[str]:
    """Return the names of all query parameters that may filter the list of `modeladmin`."""
    named = getattr(modeladmin, "list_parameters", ())
    of_filters, of_paths = _of_filters(modeladmin, request), _of_paths(modeladmin, request)
    return frozenset((*named, *of_filters, *of_paths))


def _of_filters(modeladmin: ModelAdmin, request: HttpRequest) -> Iterator[str]:
    """The parameters of filters that are not filters of a field."""
    for each in modeladmin.get_list_filter(request):
        if isinstance(each, type) and issubclass(each, SimpleListFilter):
            yield str(each.parameter_name)


def _of_paths(modeladmin: ModelAdmin, request: HttpRequest) -> Iterator[str]:
    for path in _paths(modeladmin, request):
        for target in (path, *_keys(modeladmin, path)):
            yield target
            yield from (f"{target}__{comparison}" for comparison in COMPARISONS)


def _paths(modeladmin: ModelAdmin, request: HttpRequest) -> Iterator[str]:
    """The fields that are named by filters and by the search."""
    for each in modeladmin.get_list_filter(request):
        name: Any = each[0] if isinstance(each, tuple | list) else each
        if isinstance(name, str | Field):
            yield name if isinstance(name, str) else name.name
    yield from (name.lstrip("^=@") for name in modeladmin.get_search_fields(request))


def _keys(modeladmin: ModelAdmin, path: str) -> Iterator[str]:
    """The key of the row that a relation leads to. Filters compare it, as in `team__id__exact`."""
    try:
        related = get_model_from_relation(fields_of(modeladmin.model, path)[-1])
    except NotRelationField:
        return
    yield f"{path}__{related._meta.pk.name}"
