"""What the page about the proof of the credits shows: the last proofs, and what they found."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.phrases import listed
from generations.models import Finding, Generation, Proof

MOST = 50  # findings that the page shows
PROOFS = 10
What = Finding.What
TO_DO: dict[str, Promise] = {
    What.DRIFT: gettext_lazy(
        "The entries are sealed, so they decide. A correction makes the columns their sums."
    ),
    What.NO_RESERVATION: gettext_lazy(
        "Cancel the request, or let it end: nobody is charged for what it delivers."
    ),
    What.NO_END: gettext_lazy(
        "A correction spends the credits of the images that arrived and releases the rest."
    ),
    What.EARLY_END: gettext_lazy(
        "Wait until the request has ended, then prove again: what was charged is compared then."
    ),
    What.UNEQUAL: gettext_lazy(
        "Entries are missing or were added by hand. Verify the log, and restore a backup."
    ),
    What.OVERCHARGED: gettext_lazy("A correction writes off what was spent too much."),
    What.UNDERCHARGED: gettext_lazy(
        "A correction notes that the studio bears the difference. Nobody is charged afterwards."
    ),
    What.NO_GENERATION: gettext_lazy("A correction gives these credits back."),
    What.BUDGET: gettext_lazy("Look at the budget of that month."),
}
NAMES: dict[str, Promise] = {
    "limit": gettext_lazy("limit"),
    "top_up": gettext_lazy("top-up"),
    "reserved": gettext_lazy("reserved"),
    "spent": gettext_lazy("spent"),
    "released": gettext_lazy("released"),
    "due": gettext_lazy("due"),
}


@dataclass(frozen=True)
class Shown:
    """A finding on the page: what, about whom, in figures, what to do; `address` leads to it."""

    row: Finding
    about: str
    address: str
    figures: str
    to_do: str


@dataclass(frozen=True)
class Page:
    """`last` is the newest proof that has ended, `running` one that has begun after it."""

    last: Proof | None
    running: Proof | None
    proofs: list[Proof]
    findings: list[Shown]
    more: bool


def page(viewer: User) -> Page:
    proofs = list(Proof.objects.all()[: PROOFS + 1])
    ended = [proof for proof in proofs if proof.ended_at]
    running = proofs[0] if proofs and not proofs[0].ended_at else None
    rows = list(
        Finding.objects.filter(ended_at__isnull=True).select_related(
            "allowance__user", "allowance__team"
        )[: MOST + 1]
    )
    found = _shown(rows[:MOST], viewer)
    return Page(ended[0] if ended else None, running, ended, found, len(rows) > MOST)


def in_words(finding: Finding) -> str:
    """One line about a finding, for a terminal."""
    return f"{finding.what} ({finding.cause}): {_figures(finding)}"


def _shown(rows: list[Finding], viewer: User) -> list[Shown]:
    named = [row.generation for row in rows if row.generation]
    generations = Generation.objects.filter(uuid__in=named).order_by()
    keys = dict(generations.values_list("uuid", "pk"))
    may_open = viewer.is_staff and viewer.has_perm("generations.view_generation")
    return [_one(row, keys if may_open else {}) for row in rows]


def _one(row: Finding, keys: dict[Any, int]) -> Shown:
    about, address = row.cause, ""
    if row.allowance:
        about = str(row.allowance)
        address = reverse("admin:accounts_allowance_change", args=[row.allowance.pk])
    elif row.generation:
        about = _("Request %(uuid)s") % {"uuid": str(row.generation)}
        if row.generation in keys:
            address = reverse("admin:generations_generation_change", args=[keys[row.generation]])
    return Shown(row, about, address, _figures(row), str(TO_DO[row.what]))


def _figures(row: Finding) -> str:
    columns, entries = row.credits.get("columns"), row.credits.get("entries")
    if columns and entries:
        return listed(
            *(
                _("%(name)s %(shown)d, entries %(due)d")
                % {"name": NAMES.get(name, name), "shown": columns[name], "due": entries[name]}
                for name in columns
                if columns[name] != entries.get(name)
            )
        )
    return listed(
        *(
            _("%(name)s %(credits)s") % {"name": NAMES.get(name, name), "credits": value}
            for name, value in row.credits.items()
        )
    )
