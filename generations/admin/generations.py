"""Generations in the Django admin.

Prompts and references appear on the page for a decision, to those who may read the run.
"""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.filters import ChoicesFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.long_lists import LongListMixin, known_values
from accounts.admin.recorded import ReadOnlyAdmin
from accounts.http import actor_of
from accounts.identifiers import uuid_of
from accounts.models import User
from generations.admin import deciding
from generations.admin.words import engine_in_words, error_in_words, key_in_words
from generations.jobs import decisions
from generations.models import Generation, ProviderAccount
from generations.providers import registry
from generations.providers.errors import Code
from generations.states import ENDED_BADLY, OPEN, Status

# Rows of one search term. A provider's request id may belong to several generations, but not many.
MOST_FOUND = 100


class StatusFilter(ChoicesFieldListFilter):
    """By status. Repeats the condition of the status index: SQLite needs it to use the index."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        rows: Any = super().queryset(request, queryset)
        for statuses in (OPEN, ENDED_BADLY):
            if self.lookup_val and set(self.lookup_val) <= statuses:
                rows = rows.filter(status__in=sorted(statuses))
        return rows


class ErrorFilter(known_values(lambda: sorted(Code), error_in_words)):  # type: ignore[misc]
    """By error. Repeats the condition of the error indexes: SQLite needs it to use them."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        rows: Any = super().queryset(request, queryset)
        return rows.exclude(error_code="") if self.lookup_val else rows


def _found(term: str) -> list[int]:
    """Return the keys of the generations with this identifier, task id or request id."""
    generations = Generation.objects.order_by()
    accounts = list(ProviderAccount.objects.values_list("pk", flat=True))
    found = [
        generations.exclude(task_id="").filter(account__in=accounts, task_id=term),
        generations.exclude(request_id="").filter(request_id=term),
    ]
    if identifier := uuid_of(term):
        found.append(generations.filter(uuid=identifier))
    return [pk for rows in found for pk in rows.values_list("pk", flat=True)[:MOST_FOUND]]


@admin.register(Generation)
class GenerationAdmin(LongListMixin, ReadOnlyAdmin):
    """A read-only list. A generation whose outcome is unknown has a form for the decision."""

    form = deciding.DecisionForm
    change_form_template = "admin/generations/decision.html"
    list_display = ("created_at", "state", "engine", "person", "error", "uuid")
    list_display_links = ("created_at", "uuid")
    list_filter = (("status", StatusFilter), "account", ("error_code", ErrorFilter))
    list_select_related = ("run__user", "account")
    search_fields = ("=uuid", "=task_id", "=request_id")
    search_help_text = _("A whole identifier, task id or request id of the provider")
    actions = ("fetch_again",)
    readonly_fields = (
        "uuid",
        "status",
        "engine",
        "person",
        "key",
        "wanted",
        "delivered",
        "attempt",
        "submitted_at",
        "ended_at",
        "provider_task",
        "request_id",
        "model",
        "cost_usd",
        "error",
        "error_raw_code",
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        facts = (None, {"fields": self.readonly_fields})
        if obj is None or not decisions.can_be_decided(obj):
            return [facts]
        fields = ("decision", "task_id", "reason")
        at_once = registry.engine(obj.run.engine).capabilities.answers_at_once
        decide = {
            "fields": [name for name in fields if name != "task_id" or not at_once],
            "description": deciding.what_is_known(obj)
            if obj.status == Status.UNKNOWN
            else deciding.what_may_be_told(obj),
        }
        return [(_("Decide"), decide), facts]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        undecided = obj is not None and decisions.can_be_decided(obj)
        return undecided and request.user.has_perm("generations.change_generation")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        chosen = form.cleaned_data
        who = {"actor": request.user, "reason": chosen["reason"]}
        try:
            if chosen["decision"] == "give_task_id":
                decisions.give_task_id(obj, chosen["task_id"], **who)
            elif chosen["decision"] == "accept_charge":
                decisions.accept_charge(obj, **who)
            else:
                decisions.release(obj, **who)
        except decisions.DecisionRefused as refusal:
            messages.error(request, str(refusal))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # The decision has written its own record.
        return admin.ModelAdmin.log_change(self, request, obj, message)

    @admin.action(description=_("Fetch missing images again"), permissions=["decide"])
    def fetch_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = cast(User, request.user)
        images = sum(decisions.fetch_again(row, actor=actor) for row in queryset)
        message = ngettext(
            "%(images)d image will be fetched again.",
            "%(images)d images will be fetched again.",
            images,
        )
        messages.info(request, message % {"images": images})

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.change_generation")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("body", "error_message")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return (queryset.filter(pk__in=_found(search_term)) if search_term else queryset), False

    @admin.display(description=_("task at the provider"), ordering="task_id")
    def provider_task(self, row: Generation) -> str:
        return row.task_id or self.get_empty_value_display()

    @admin.display(description=_("status"))
    def state(self, row: Generation) -> str:
        return str(Status(row.status).label)

    @admin.display(description=_("engine"), ordering="run__engine")
    def engine(self, row: Generation) -> str:
        return engine_in_words(row.run.engine)

    @admin.display(description=_("person"), ordering="run__user")
    def person(self, row: Generation) -> str:
        return str(row.run.user)

    @admin.display(description=_("key"))
    def key(self, row: Generation) -> str:
        return key_in_words(row.account) or self.get_empty_value_display()

    @admin.display(description=_("error"))
    def error(self, row: Generation) -> str:
        return error_in_words(row.error_code) or self.get_empty_value_display()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        generation = kwargs.get("obj")
        if generation and decisions.can_be_decided(generation):
            context["asked"] = deciding.what_was_asked(generation, actor_of(request))
        return super().render_change_form(request, context, *args, **kwargs)
