"""The form in which an admin decides what became of a generation, and the words around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.db import transaction
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import access, audit
from accounts.events import Event
from accounts.models import User
from generations.admin.words import key_in_words, provider_in_words
from generations.models import Generation, Run
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.states import Status


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


@dataclass(frozen=True)
class Asked:
    """What the generation asked for, and where its provider shows what it received.

    `prompt` and `references` are empty for people who may not read the run.
    """

    provider: str
    console: str
    may_read: bool
    prompt: str
    references: list[str]


def what_was_asked(generation: Generation, reader: User) -> Asked:
    """Return it, and record that `reader` was shown the prompt, if that is somebody else's."""
    run, provider = generation.run, generation.provider
    known = provider in registry.provider_names()
    may_read = _may_read(run, reader)
    if may_read and run.user_id != reader.pk:
        with transaction.atomic():
            audit.record(Event.RECORD_READ, actor=reader, subject=run, story=run.uuid)
    rows = run.run_references.select_related("reference") if may_read else ()
    return Asked(
        provider=provider_in_words(provider),
        console=registry.adapter_class(provider).console if known else "",
        may_read=may_read,
        prompt=run.prompt if may_read else "",
        references=[reverse("reference", args=[row.reference.uuid]) for row in rows],
    )


def _may_read(run: Run, reader: User) -> bool:
    visible = Run.objects.visible_to(reader).filter(pk=run.pk)
    return reader.has_perm(access.SEE_IMAGES) and visible.exists()


def what_is_known(generation: Generation) -> str:
    """Tell an admin what to look for in the provider's console."""
    sent = generation.submitted_at
    return gettext(
        "Sent on %(day)s at %(time)s UTC with the key %(account)s, for %(images)s, and nobody "
        "knows what became of it. Look for it in the provider's console, then decide. Until then "
        "the credits stay reserved."
    ) % {
        "day": date_format(sent, "DATE_FORMAT") if sent else "?",
        "time": sent.strftime("%H:%M:%S") if sent else "?",
        "account": key_in_words(generation.account) or provider_in_words(generation.provider),
        "images": ngettext("%(count)d image", "%(count)d images", generation.wanted)
        % {"count": generation.wanted},
    }


def what_may_be_told(generation: Generation) -> str:
    """Tell an admin about a failed generation whose images the provider may still have made."""
    until = generation.may_arrive_until
    return gettext(
        "It counts as failed, and its credits are settled. If the provider's console shows a task "
        "for it, give the id of that task before %(day)s, %(time)s UTC."
    ) % {
        "day": date_format(until, "DATE_FORMAT") if until else "?",
        "time": until.strftime("%H:%M") if until else "?",
    }
