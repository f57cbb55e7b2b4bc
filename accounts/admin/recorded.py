"""The base of every admin class: each change is recorded, with the values before and after."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts import audit
from accounts.admin import changes, lookups
from accounts.admin.changes import Snapshot
from accounts.admin.long_lists import BoundedPaginator
from accounts.events import Event
from accounts.http import actor_of

Action = Callable[["RecordedAdmin", HttpRequest, QuerySet], HttpResponse | None]


class RecordedAdmin(admin.ModelAdmin):
    """Record additions, changes and deletions, also those made in the list and by bulk actions.

    A record is written when a field of the row has changed, whichever code changed it. Rows need a
    `uuid`. Text that a person wrote goes to the erasable part of a record, unless its field is
    named in `plain_text_fields`. Only the fields changed in the form are saved, so that a form
    opened earlier undoes no later change. Inlines are refused.

    The query string of the list may compare only what the list declares (see
    `accounts.admin.lookups`); anything else gets a 400. Django itself limits `q` and autocomplete
    to `search_fields`, and `o` to the columns of `list_display`.
    """

    class Media:
        js: ClassVar[list[str]] = ["js/admin-clock.js"]

    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    # Parameters of the list besides those of its filters and search.
    list_parameters: ClassVar[tuple[str, ...]] = ()
    plain_text_fields: ClassVar[frozenset[str]] = frozenset()

    # What subclasses may override

    def event_of_change(self, before: Snapshot, after: Snapshot) -> Event:
        return Event.ADMIN_CHANGED

    def after_change(
        self, request: HttpRequest, row: models.Model, before: Snapshot, after: Snapshot
    ) -> None:
        """Called in the transaction of a recorded change, with the fields that differ."""

    def record_addition(self, request: HttpRequest, row: models.Model) -> None:
        self._record(Event.ADMIN_ADDED, request, row, after=changes.snapshot(row))

    # The list

    @admin.display(description=mark_safe('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, obj: models.Model) -> SafeString:
        """The same box as Django's, which draws a template for each row."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            _("Select this object for an action - {}").format(obj),
        )

    # Query parameters

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return request is not None and lookup in lookups.declared(self, request)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Only the primary key may name a row, in addresses, popups and autocomplete."""
        return to_field == self.opts.pk.name

    # Hooks of Django's admin, each called in a transaction

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if not change:
            obj.save(force_insert=True)
            return
        obj.before_change = self._locked_snapshot(obj)
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=columns & set(form.changed_data))

    def save_formset(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("the rows of an inline would be saved without a record")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.record_addition(request, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # From the database, because fields that the form did not touch may have changed meanwhile.
        saved = self.model._base_manager.get(pk=obj.pk)
        self._record_change(request, saved, obj.before_change, changes.snapshot(saved))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            self._record(Event.ADMIN_DELETED, request, row, before=changes.snapshot(row))
        return super().log_deletions(request, queryset)

    def response_action(self, request: HttpRequest, queryset: QuerySet, *args: Any) -> Any:
        """Refuse "all that match" if that is more than the list has counted."""
        paginator: Any = self.get_paginator(request, queryset, self.list_per_page)
        if request.POST.get("select_across") == "1" and paginator.has_more:
            text = _(
                "There are more than %(most)d. Filter the list first, or select them page by page."
            )
            self.message_user(request, text % {"most": paginator.most}, messages.ERROR)
            return None
        return super().response_action(request, queryset, *args)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: Any = super().get_actions(request)
        return {
            name: (self._recorded(function), name, description)
            for name, (function, _name, description) in actions.items()
        }

    def _recorded(self, action: Action) -> Action:
        @wraps(action)
        @transaction.atomic
        def run(
            modeladmin: RecordedAdmin, request: HttpRequest, queryset: QuerySet
        ) -> HttpResponse | None:
            before = {row.pk: changes.snapshot(row) for row in self._loaded(queryset)}
            response = action(modeladmin, request, queryset)
            for row in self._loaded(self.model._base_manager.filter(pk__in=before)):
                self._record_change(request, row, before[row.pk], changes.snapshot(row))
            return response

        return run

    def _loaded(self, queryset: QuerySet) -> QuerySet:
        """`queryset` with all relations that a snapshot reads, in a constant number of queries."""
        relations = [field.name for field in self.opts.concrete_fields if field.is_relation]
        several = [field.name for field in self.opts.many_to_many]
        return queryset.select_related(*relations).prefetch_related(*several)

    def _locked_snapshot(self, row: models.Model) -> Snapshot:
        rows = self.model._base_manager.select_for_update()
        return changes.snapshot(rows.get(pk=row.pk))

    def _record_change(
        self, request: HttpRequest, row: Any, before: Snapshot, after: Snapshot
    ) -> None:
        before, after = changes.difference(before, after)
        if after:
            self._record(
                self.event_of_change(before, after), request, row, before=before, after=after
            )
            self.after_change(request, row, before, after)

    def _record(self, event: Event, request: HttpRequest, row: Any, **values: Snapshot) -> None:
        written = changes.free_text(self.model) - self.plain_text_fields
        facts, personal = changes.facts_and_personal(values, written)
        audit.record(
            event, actor=actor_of(request), subject=row, facts=facts, personal=personal or None
        )


class ReadOnlyAdmin(RecordedAdmin):
    """A read-only list. Its actions call functions that write their own records."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _recorded(self, action: Action) -> Action:
        return action
