"""What a person last chose and wrote in the composer, kept for all of their devices.

The newest values win. What another page wrote meanwhile, and this one has not seen, is kept as
`replaced` until the person brings it back, discards it, or overwrites something else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.identifiers import uuid_of
from accounts.models import User
from generations.models import SavedDraft, TeamDefault
from generations.providers.answers import storable
from generations.providers.types import OPTIONS

PROMPT, REFERENCES, ASIDE = "prompt", "references", "aside"
TEXTS = (PROMPT, "negative_prompt")
CHOICES = ("engine", "num_images", "campaign", *(name for name in OPTIONS if name not in TEXTS))
# What belongs to one request, and not to the next one.
ONCE = (PROMPT, REFERENCES, ASIDE, "seed")
LONGEST_TEXT = 50_000
LONGEST_CHOICE = 200
MOST_REFERENCES = 20

Values = dict[str, Any]


class DraftTooLong(Exception):
    """The text is too long to be kept; `message` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.message = _("The text is too long to be kept: at most %(most)d characters.") % {
            "most": LONGEST_TEXT
        }


def saved(user: User) -> SavedDraft | None:
    """What is kept for `user`; None if nothing is."""
    return SavedDraft.objects.filter(pk=user.pk).first()


def start(user: User, kept: SavedDraft | None) -> Values:
    """The values of a fresh form: what the person chose last, or else their team's default."""
    if kept:
        return dict(kept.given)
    chosen = TeamDefault.objects.filter(team=user.team_id).values(
        "engine", "resolution", "aspect_ratio", "num_images"
    )
    return {name: str(value) for name, value in (chosen.first() or {}).items() if value}


def values_of(given: Mapping[str, Sequence[Any]]) -> Values:
    """What is kept of a form that was sent. Raises DraftTooLong."""
    texts = {name: storable(str(_last(given, name))) for name in TEXTS}
    if any(len(text) > LONGEST_TEXT for text in texts.values()):
        raise DraftTooLong
    choices = {name: storable(str(_last(given, name))) for name in CHOICES}
    kept: Values = texts | {name: v for name, v in choices.items() if len(v) <= LONGEST_CHOICE}
    for name in (REFERENCES, ASIDE):
        named = [str(each) for each in given.get(name, ()) if uuid_of(str(each))]
        kept[name] = list(dict.fromkeys(named))[:MOST_REFERENCES]
    return {name: value for name, value in kept.items() if value}


def keep(user: User, values: Values, *, form: str, seen: str) -> SavedDraft:
    """Keep `values` of the form `form`, which began with the version `seen` of what was kept."""
    with transaction.atomic():
        row = _locked(user)
        if row.given != values:
            _write(row, values, form=form, seen=seen)
        return row


def keep_after_submit(user: User, values: Values, *, form: str, seen: str) -> SavedDraft:
    """Keep the choices of a form whose request was accepted, without what belongs to it alone."""
    with transaction.atomic():
        row = _locked(user)
        _write(row, values, form=form, seen=seen)
        row.given = {name: value for name, value in values.items() if name not in ONCE}
        row.save()
        return row


def bring_back(user: User) -> SavedDraft:
    """Exchange what is kept and what was written over."""
    with transaction.atomic():
        row = _locked(user)
        if row.replaced:
            row.given, row.replaced = row.replaced, _worth_keeping(row.given)
            row.version, row.form = row.version + 1, None
            row.save()
        return row


def discard_replaced(user: User) -> SavedDraft:
    """Forget what was written over."""
    with transaction.atomic():
        row = _locked(user)
        row.replaced = {}
        row.save()
        return row


def _locked(user: User) -> SavedDraft:
    SavedDraft.objects.get_or_create(pk=user.pk)
    return SavedDraft.objects.select_for_update().get(pk=user.pk)


def _write(row: SavedDraft, values: Values, *, form: str, seen: str) -> None:
    has_seen = seen == str(row.version) or (row.form is not None and str(row.form) == form)
    if not has_seen and _loses(row.given, values):
        row.replaced = row.given
    row.given, row.form, row.version = values, uuid_of(form), row.version + 1
    row.save()


def _loses(old: Values, new: Values) -> bool:
    """Whether text or references of `old` are not in `new`."""
    lost = _references(old) - _references(new)
    return bool(lost) or old.get(PROMPT, "") not in new.get(PROMPT, "")


def _references(values: Values) -> set[str]:
    """The references that are chosen, or set aside until an engine takes them."""
    return {*values.get(REFERENCES, ()), *values.get(ASIDE, ())}


def _worth_keeping(values: Values) -> Values:
    return values if values.get(PROMPT) or _references(values) else {}


def _last(given: Mapping[str, Sequence[Any]], name: str) -> Any:
    values = given.get(name) or [""]
    return values[-1]
