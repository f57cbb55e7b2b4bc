"""Prices, provider accounts and generations in the Django admin.

Prompts and originals do not appear here.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.filters import ChoicesFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.long_lists import LongListMixin, known_values
from accounts.admin.recorded import ReadOnlyAdmin, RecordedAdmin
from accounts.identifiers import uuid_of
from accounts.models import User
from generations import (  # Django imports this module only
    admin_erasing,  # noqa: F401
    admin_labels,  # noqa: F401
    admin_relabelling,  # noqa: F401
)
from generations.jobs import decisions
from generations.models import Generation, Price, ProviderAccount
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.providers.errors import Code
from generations.states import ENDED_BADLY, OPEN, Status

# Rows of one search term. A provider's request id may belong to several generations, but not many.
MOST_FOUND = 100


class PriceForm(forms.ModelForm):
    engine = forms.ChoiceField(label=_("Engine"))

    class Meta:
        model = Price
        fields = ("engine", "tier", "credits", "cost_usd", "valid_from")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted(registry.known_engines())
        self.fields["engine"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        engine = registry.known_engines().get(cleaned.get("engine", ""))
        tiers = [price.tier for price in engine.prices] if engine else []
        if engine and cleaned.get("tier") not in tiers:
            message = _("This engine has the tiers %(tiers)s.") % {"tiers": ", ".join(tiers)}
            self.add_error("tier", message)
        return cleaned


@admin.register(Price)
class PriceAdmin(RecordedAdmin):
    """Prices are added, never changed: each run keeps the price that it was submitted at."""

    form = PriceForm
    list_display = ("engine", "tier", "credits", "cost_usd", "valid_from", "source")
    list_filter = (("engine", known_values(lambda: sorted(registry.known_engines()))), "source")
    plain_text_fields = frozenset({"engine", "tier"})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ProviderAccount)
class ProviderAccountAdmin(RecordedAdmin):
    """The limits of one key, and whether it rests."""

    list_display = (
        "provider",
        "slot",
        "key_fingerprint",
        "concurrency",
        "per_minute",
        "paused_until",
        "blocked_code",
        "balance",
        "balance_unit",
    )
    readonly_fields = (
        "provider",
        "slot",
        "key_fingerprint",
        "concurrency_at_provider",
        "paused_why",
        "blocked_code",
        "failures",
        "balance",
        "balance_unit",
        "balance_at",
        "alert",
    )
    fields = ("concurrency", "per_minute", "paused_until", "warn_below", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DecisionForm(forms.ModelForm):
    """What to do with a generation whose outcome the provider has not reported."""

    decision = forms.ChoiceField(label=_("Decision"), widget=forms.RadioSelect)
    task_id = forms.CharField(label=_("Task id at the provider"), required=False, max_length=600)
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Kept in the log with your name.")
    )

    class Meta:
        model = Generation
        fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "decision" in self.fields:
            choices = list(_decisions(self.instance))
            self.fields["decision"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("decision") == "give_task_id" and not cleaned.get("task_id"):
            self.add_error("task_id", _("Write the task id that the provider shows."))
        return cleaned


def _decisions(generation: Generation) -> Iterator[tuple[str, str]]:
    """Yield the decisions that are possible, each with its consequences."""
    who = {"credits": credits_in_words(generation.reserved_credits), "person": generation.run.user}
    if generation.status != Status.UNKNOWN:
        yield (
            "give_task_id",
            gettext(
                "It was accepted as the task below: ask for its result. Images that come are "
                "delivered to %(person)s and not charged: the credits are settled."
            )
            % who,
        )
        return
    if not registry.engine(generation.run.engine).capabilities.answers_at_once:
        yield (
            "give_task_id",
            gettext(
                "It was accepted as the task below: ask for its result. Images that come are "
                "delivered to %(person)s and charged, %(credits)s at most; the rest goes back."
            )
            % who,
        )
    yield (
        "accept_charge",
        gettext("It was billed and no image will come: %(credits)s of %(person)s are spent.") % who,
    )
    yield (
        "release",
        gettext(
            "Give %(credits)s back to %(person)s. If the provider bills it after all, the company "
            "pays; an image that still arrives within a day is delivered and not charged."
        )
        % who,
    )


def _what_is_known(generation: Generation) -> str:
    """Tell an admin what to look for in the provider's console."""
    sent = generation.submitted_at
    return gettext(
        "Sent on %(day)s at %(time)s UTC with the key %(account)s, for %(images)s, and nobody "
        "knows what became of it. Look for it in the provider's console, then decide. Until then "
        "the credits stay reserved."
    ) % {
        "day": date_format(sent, "j F Y") if sent else "?",
        "time": sent.strftime("%H:%M:%S") if sent else "?",
        "account": generation.account or generation.provider,
        "images": ngettext("%(count)d image", "%(count)d images", generation.wanted)
        % {"count": generation.wanted},
    }


def _what_may_be_told(generation: Generation) -> str:
    """Tell an admin about a failed generation whose images the provider may still have made."""
    until = generation.may_arrive_until
    return gettext(
        "It counts as failed, and its credits are settled. If the provider's console shows a task "
        "for it, give the id of that task before %(day)s, %(time)s UTC."
    ) % {
        "day": date_format(until, "j F Y") if until else "?",
        "time": until.strftime("%H:%M") if until else "?",
    }


class StatusFilter(ChoicesFieldListFilter):
    """By status. Repeats the condition of the status index: SQLite needs it to use the index."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        rows: Any = super().queryset(request, queryset)
        for statuses in (OPEN, ENDED_BADLY):
            if self.lookup_val and set(self.lookup_val) <= statuses:
                rows = rows.filter(status__in=sorted(statuses))
        return rows


class ErrorFilter(known_values(lambda: sorted(Code))):  # type: ignore[misc]
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

    form = DecisionForm
    list_display = ("uuid", "state", "provider", "engine", "person", "created_at", "error_code")
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
        "account",
        "wanted",
        "delivered",
        "attempt",
        "submitted_at",
        "ended_at",
        "provider_task",
        "request_id",
        "model",
        "cost_usd",
        "error_code",
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
            "description": _what_is_known(obj)
            if obj.status == Status.UNKNOWN
            else _what_may_be_told(obj),
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
    def provider_task(self, row: Generation) -> str | None:
        return row.task_id or None

    @admin.display(description=_("status"))
    def state(self, row: Generation) -> str:
        return str(Status(row.status).label)

    @admin.display(description=_("engine"), ordering="run__engine")
    def engine(self, row: Generation) -> str:
        return row.run.engine

    @admin.display(description=_("person"), ordering="run__user")
    def person(self, row: Generation) -> str:
        return str(row.run.user)
