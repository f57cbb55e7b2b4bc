"""Lists whose cost does not grow with their table.

Django counts every row of a list and sorts by any column. Here no list counts more than some pages.
A list without an end (`LongListMixin`) is sorted by key, newest first; after its last page a link
leads to older rows.
"""

from collections.abc import Callable, Iterable
from copy import copy
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin, ShowFacets
from django.contrib.admin.filters import ChoicesFieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Field, QuerySet
from django.http import HttpRequest

# The query parameter with which a long list begins at older rows.
OLDER_THAN = "id__lt"


class BoundedPaginator(Paginator):
    """Pages over the first `most` rows. `has_more` says whether there are more rows."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.most)

    @property
    def has_more(self) -> bool:
        return self._counted > self.most

    @cached_property
    def _counted(self) -> int:
        # Unsorted, because a sort might read all rows.
        rows: Any = self.object_list
        return rows.order_by()[: self.most + 1].count()


class WindowPaginator(BoundedPaginator):
    """So few pages that the last is about as fast as the first."""

    most = 2_000


class LongList(ChangeList):
    """The list of a `LongListMixin`: by key, newest first; the query string cannot change that."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        return ["-id"]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        return {}

    @property
    def older(self) -> str:
        """The query string of the rows after the last page; empty on all other pages."""
        paginator: Any = self.paginator
        if not paginator.has_more or self.page_num < paginator.num_pages:
            return ""
        last = list(self.result_list)[-1]
        return self.get_query_string({OLDER_THAN: last.pk})


class LongListMixin(ModelAdmin):
    """For a table that grows all the time: no sorting by columns, no counts beside filters."""

    ordering = ("-id",)
    paginator = WindowPaginator
    list_parameters: ClassVar[tuple[str, ...]] = (OLDER_THAN,)
    sortable_by = ()
    show_facets = ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LongList


def known_values(
    values: Callable[[], Iterable[Any]], label: Callable[[Any], str] = str
) -> type[ChoicesFieldListFilter]:
    """Return a filter by the given values of a field. Django's own reads every row to find them."""

    class KnownValues(ChoicesFieldListFilter):
        def __init__(self, field: Field, *args: Any, **kwargs: Any) -> None:
            known = copy(field)
            known.choices = [(str(value), label(value)) for value in values()]
            super().__init__(known, *args, **kwargs)

    return KnownValues
