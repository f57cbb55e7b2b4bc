"""The runs that a person has taken out of the feed, the last first."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import User
from generations import dismissals
from generations.reading import feed

PAGE_SIZE = 20


@dataclass(frozen=True)
class DismissedRun:
    """A run without images; `why` says in a few words how it ended."""

    uuid: str
    author: int
    person: str
    prompt: str
    about: str
    why: str
    at: str
    ago: str
    is_out_for_all: bool


@dataclass(frozen=True)
class DismissedPage:
    """Runs, the last dismissed first. `next_cursor` leads to the rest; empty at the end."""

    runs: list[DismissedRun]
    next_cursor: str

    @property
    def authors(self) -> Iterable[int]:
        return {run.author for run in self.runs}


def page(viewer: User, *, cursor: str = "") -> DismissedPage:
    """The runs that `viewer` dismissed last, or those before the run with the UUID `cursor`."""
    found = dismissals.dismissed_by(viewer, before=cursor).select_related("run__user")
    rows = [each.run for each in found[: PAGE_SIZE + 1]]
    cards = feed.cards(rows[:PAGE_SIZE], viewer=viewer)
    more = str(rows[PAGE_SIZE - 1].uuid) if len(rows) > PAGE_SIZE else ""
    return DismissedPage([_dismissed(card) for card in cards], more)


def _dismissed(card: feed.RunCard) -> DismissedRun:
    return DismissedRun(
        uuid=card.uuid,
        author=card.author,
        person=card.person,
        prompt=card.prompt,
        about=card.about,
        why=card.frames[0].title if card.frames else "",
        at=card.at,
        ago=card.ago,
        is_out_for_all=card.dismisses_for_all,
    )
