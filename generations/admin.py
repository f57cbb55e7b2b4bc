"""The work in the Django admin: prices, provider accounts, and outcomes that nobody knows.

Prompts and originals do not appear here.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.recorded import ReadOnlyAdmin, RecordedAdmin
from accounts.models import User
from generations import resolution
from generations.models import Generation, Price, ProviderAccount
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.states import Status


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
    """Prices are added, never changed: every run keeps what it was sold at."""

    form = PriceForm
    list_display = ("engine", "tier", "credits", "cost_usd", "valid_from", "source")
    list_filter = ("engine", "source")
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
    """What one key may do at once and in a minute, and whether it rests."""

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
        "webhooks_refused",
    )
    fields = ("concurrency", "per_minute", "paused_until", "warn_below", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DecisionForm(forms.ModelForm):
    """What to do with a generation whose outcome the provider never told."""

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
    """What can be decided, each with what follows from it for whom."""
    who = {"credits": credits_in_words(generation.reserved_credits), "person": generation.run.user}
    if not registry.engine(generation.run.engine).capabilities.answers_at_once:
        yield (
            "give_task_id",
            gettext(
                "It was accepted as the task below: ask for its result. Pictures that come are "
                "delivered to %(person)s and charged, %(credits)s at most; the rest goes back."
            )
            % who,
        )
    yield (
        "accept_charge",
        gettext("It was billed and no picture will come: %(credits)s of %(person)s are spent.")
        % who,
    )
    yield (
        "release",
        gettext(
            "Give %(credits)s back to %(person)s. If the provider bills it after all, the company "
            "pays, and a picture that still arrives is not delivered."
        )
        % who,
    )


def _what_is_known(generation: Generation) -> str:
    """Where an admin finds out, in the provider's own console, what became of it."""
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


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    """Generations to look at; one whose outcome is unknown waits for a decision here."""

    form = DecisionForm
    list_display = ("uuid", "status", "provider", "engine", "person", "created_at", "error_code")
    list_filter = ("status", "provider", "error_code")
    list_select_related = ("run__user", "account")
    search_fields = ("uuid", "task_id", "request_id")
    ordering = ("-created_at", "-id")
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
        if obj is None or obj.status != Status.UNKNOWN:
            return [facts]
        fields = ("decision", "task_id", "reason")
        at_once = registry.engine(obj.run.engine).capabilities.answers_at_once
        decide = {
            "fields": [name for name in fields if name != "task_id" or not at_once],
            "description": _what_is_known(obj),
        }
        return [(_("Decide"), decide), facts]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        undecided = obj is not None and obj.status == Status.UNKNOWN
        return undecided and request.user.has_perm("generations.change_generation")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        chosen = form.cleaned_data
        who = {"actor": request.user, "reason": chosen["reason"]}
        try:
            if chosen["decision"] == "give_task_id":
                resolution.give_task_id(obj, chosen["task_id"], **who)
            elif chosen["decision"] == "accept_charge":
                resolution.accept_charge(obj, **who)
            else:
                resolution.release(obj, **who)
        except resolution.DecisionRefused as refusal:
            messages.error(request, str(refusal))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # The decision has written its own record.
        return admin.ModelAdmin.log_change(self, request, obj, message)

    @admin.action(description=_("Fetch missing images again"), permissions=["decide"])
    def fetch_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = cast(User, request.user)
        images = sum(resolution.fetch_again(row, actor=actor) for row in queryset)
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

    @admin.display(description=_("task at the provider"), ordering="task_id")
    def provider_task(self, row: Generation) -> str | None:
        return row.task_id or None

    @admin.display(description=_("engine"), ordering="run__engine")
    def engine(self, row: Generation) -> str:
        return row.run.engine

    @admin.display(description=_("person"), ordering="run__user")
    def person(self, row: Generation) -> str:
        return str(row.run.user)
