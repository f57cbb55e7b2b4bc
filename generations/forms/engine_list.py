"""The list from which a person chooses an engine: each with its price, its speed and what it takes.

Nothing here asks the database: `EngineChoice` has read it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.translation import gettext as _

from generations import speeds
from generations.forms.draft import Draft
from generations.forms.engine_fields import why_no_references
from generations.jobs.provider_health import Standstill
from generations.offering import OfferedEngine
from generations.pricing import credits_in_words
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.capabilities import Capabilities


@dataclass(frozen=True)
class EngineRow:
    """One engine of the list. Every text is ready to print, and empty if there is nothing to say.

    `price` is for what the person has chosen, `speed` for one request of it. `takes` are words for
    what the engine can do; `trouble` says that nothing is sent to it now.
    """

    name: str
    id: str
    label: str
    provider: str
    price: str
    speed: str
    takes: tuple[str, ...]
    note: str
    trouble: str
    is_chosen: bool
    is_cheapest: bool = False
    is_fastest: bool = False


@dataclass(frozen=True)
class _Figures:
    """What rows are compared by: credits and seconds, None if unknown or of no use now."""

    credits: int | None
    seconds: float | None


def engine_rows(draft: Draft) -> list[EngineRow]:
    """The engines that are offered to the person of `draft`, in the order of admins."""
    rows, figures = [], []
    for offered in draft.engines.offered.values():
        row, compared = _row(offered, draft.at(offered.engine), chosen=draft.engine)
        rows.append(row)
        figures.append(compared)
    least = _least([each.credits for each in figures]), _least([each.seconds for each in figures])
    return [
        replace(
            row,
            is_cheapest=least[0] is not None and each.credits == least[0],
            is_fastest=least[1] is not None and each.seconds == least[1],
        )
        for row, each in zip(rows, figures, strict=True)
    ]


def _row(offered: OfferedEngine, draft: Draft, *, chosen: object) -> tuple[EngineRow, _Figures]:
    """The row of an engine; `draft` is what the person has chosen, at this engine."""
    engine = offered.engine
    seconds = speeds.usual_seconds(engine, draft.resolution, draft.engines.speeds)
    standstill = draft.engines.standstills.get(engine.name)
    row = EngineRow(
        name=engine.name,
        id=f"engine-{slugify(engine.name.replace('/', ' '))}",
        label=offered.label,
        provider=offered.provider,
        price=_("no price yet") if draft.price is None else credits_in_words(draft.price),
        speed=_("usually %(time)s") % {"time": speeds.in_words(seconds)} if seconds else "",
        takes=_takes(draft.able),
        note=" ".join(filter(None, [offered.note, str(engine.about)])),
        trouble=_trouble(standstill, draft.user.tzinfo) if standstill else "",
        is_chosen=engine is chosen,
    )
    # The demo engine is no choice for work, so it can't be the best one.
    if standstill or engine.provider == registry.DEMO:
        return row, _Figures(None, None)
    return row, _Figures(draft.price, seconds)


def _takes(able: Capabilities) -> tuple[str, ...]:
    said = {
        _("References"): able.max_references and not why_no_references(able),
        _("Sets"): able.sequential,
        _("Seed"): able.seed,
        _("Custom size"): able.custom_size,
    }
    return (*able.sizes, *(word for word, is_so in said.items() if is_so))


def _trouble(standstill: Standstill, zone: dt.tzinfo) -> str:
    if standstill.code and standstill.since:
        about = {
            "time": date_format(standstill.since.astimezone(zone), "H:i"),
            "why": explain(standstill.code).title,
        }
        return _("Blocked since %(time)s. %(why)s") % about
    until = date_format(standstill.until.astimezone(zone), "H:i")
    return _("The provider rests until %(time)s.") % {"time": until}


def _least(figures: Sequence[float | None]) -> float | None:
    """The smallest figure; None if it says nothing because all are equal, or only one is known."""
    known = [figure for figure in figures if figure is not None]
    return min(known) if len(set(known)) > 1 else None
