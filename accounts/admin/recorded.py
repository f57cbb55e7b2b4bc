"""The base of every admin class: what is done here is on the record, with before and after."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.contrib import admin
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from accounts import audit
from accounts.admin import changes
from accounts.admin.changes import Snapshot
from accounts.events import Event
from accounts.http import actor_of

Action = Callable[["RecordedAdmin", HttpRequest, QuerySet], HttpResponse | None]


class RecordedAdmin(admin.ModelAdmin):
    """Records additions, changes and deletions, those of the list and of bulk actions included.

    A record is written when a field of the row has changed, whatever code changed it. Rows need a
    `uuid`. Text that somebody wrote goes to the erasable part of a record, unless its field is
    named in `plain_text_fields`. Only the fields changed in the form are saved, so that a form
    opened earlier takes back nothing that happened since. Inlines are refused.
    """

    show_full_result_count = False
    plain_text_fields: ClassVar[frozenset[str]] = frozenset()

    # What subclasses may say more precisely

    def event_of_change(self, before: Snapshot, after: Snapshot) -> Event:
        return Event.ADMIN_CHANGED

    def after_change(
        self, request: HttpRequest, row: models.Model, before: Snapshot, after: Snapshot
    ) -> None:
        """Called in the transaction of a recorded change with the fields that differ."""

    def record_addition(self, request: HttpRequest, row: models.Model) -> None:
        self._record(Event.ADMIN_ADDED, request, row, after=changes.snapshot(row))

    # Hooks of Django's admin, each called within a transaction

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
        # From the table, for what the form did not touch may have changed under it.
        saved = self.model._base_manager.get(pk=obj.pk)
        self._record_change(request, saved, obj.before_change, changes.snapshot(saved))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            self._record(Event.ADMIN_DELETED, request, row, before=changes.snapshot(row))
        return super().log_deletions(request, queryset)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: Any = super().get_actions(request)
        return {
            name: (self._recorded(function), name, description)
            for name, (function, _, description) in actions.items()
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
        """With everything that a snapshot reads, in a constant number of queries."""
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
    """Rows to look at. Its actions work through services, which keep the record themselves."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _recorded(self, action: Action) -> Action:
        return action
