"""The references in the composer: those that the engine takes, in order, and those set aside.

A form sends the identifiers of the first as `references` and of the others as `aside`. When the
engine changes, what it does not take is set aside, and it comes back with an engine that takes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.utils.translation import ngettext

from accounts.models import User
from generations.forms.draft import Draft
from generations.forms.engine_choice import EngineChoice
from generations.forms.fields import FILE_LEFT_OUT, images_of_team
from generations.forms.given import GivenValues
from generations.models import Image, Reference

KEPT, ASIDE = "references", "aside"
# Of what a form names, so that nobody makes the studio look up thousands.
MOST = 100
# Files that may be added in one step.
MOST_AT_ONCE = 20


def arranged(given: GivenValues, *, user: User, engines: EngineChoice) -> dict[str, list[Any]]:
    """`given`, with as many references as the engine takes, and the others set aside."""
    draft = Draft(given, user, engines)
    names, files = _named(given), [each for each in given.all(KEPT) if not _is_name(each)]
    most = 0 if draft.why_no_references else draft.able.max_references
    room = max(most - len(files), 0)
    values = {name: each for name, each in given.values.items() if name not in (KEPT, ASIDE)}
    tray = {KEPT: [*names[:room], *files], ASIDE: names[room:]}
    return values | {name: each for name, each in tray.items() if each}


def set_aside(draft: Draft) -> dict[str, list[str]]:
    """The identifiers that are set aside, as values of the form."""
    aside = [each for each in draft.given.all(ASIDE) if _is_name(each)]
    return {ASIDE: aside} if aside else {}


def images_aside(draft: Draft) -> list[Reference | Image]:
    """The references and images that are set aside."""
    names = set_aside(draft).get(ASIDE, [])[:MOST]
    found = images_of_team(names, draft.user) if names else {}
    aside = [found[each] for each in names if each in found]
    return [*draft.images, *aside] if draft.why_no_references else aside


def why_aside(draft: Draft, count: int) -> str:
    """Why `count` references are set aside, and when they come back; empty if there are none."""
    if not count:
        return ""
    message = ngettext(
        "%(count)d reference is set aside and is not sent. It comes back with an engine that takes "
        "it.",
        "%(count)d references are set aside and are not sent. They come back with an engine that "
        "takes them.",
        count,
    )
    why = draft.why_no_references or ngettext(
        "This engine takes %(most)d reference.",
        "This engine takes %(most)d references.",
        draft.able.max_references,
    ) % {"most": draft.able.max_references}
    return f"{why} {message % {'count': count}}"


def changed(given: QueryDict) -> QueryDict:
    """What a form sent, after what its buttons `remove`, `earlier` and `later` say of a reference.

    These name a reference by its identifier. An unknown one changes nothing.
    """
    given = given.copy()
    gone = given.get("remove", "")
    for name in (KEPT, ASIDE):
        given.setlist(name, [each for each in given.getlist(name) if each != gone])
    for name, step in (("earlier", -1), ("later", 1)):
        given.setlist(KEPT, _moved(given.getlist(KEPT), given.get(name, ""), step))
    return given


def with_more(given: Mapping[str, Any], identifiers: Sequence[str]) -> dict[str, list[Any]]:
    """The values of a form, with further references at the end."""
    values = dict(GivenValues.of(given).values)
    return values | {KEPT: [*values.get(KEPT, ()), *identifiers]}


def _moved(names: list[str], moved: str, step: int) -> list[str]:
    if moved not in names:
        return names
    at = names.index(moved)
    to = min(max(at + step, 0), len(names) - 1)
    names.insert(to, names.pop(at))
    return names


def _named(given: GivenValues) -> list[str]:
    """Every identifier once, in order."""
    named = [each for name in (KEPT, ASIDE) for each in given.all(name) if _is_name(each)]
    return list(dict.fromkeys(named))[:MOST]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", FILE_LEFT_OUT)
