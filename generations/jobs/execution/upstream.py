"""What an original says of itself when it arrives, and whether its engine still marks its images.

The worker that labels an image looks once. One row for each engine and kind of mark remembers when
the mark was last there and how many originals in a row have come without it, so nobody ever has to
search the images for it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from generations.labelling.inspecting.layers import read_layers
from generations.labelling.inspecting.reports import BEHIND, MARKS, carried, in_codes
from generations.labelling.manifests.disclosing import may_leave
from generations.models import Run, UpstreamMark

# So many in a row are no accident: one original without a mark may have come from a cache.
MISSING = 3
# After this, the engine is one that does not mark.
REMEMBERED = timedelta(days=30)
# While nothing is missing, the time is written only now and then.
_FRESH = timedelta(hours=1)


def look(original: bytes, run: Run) -> dict[str, str]:
    """What is kept of the marks of an original, as `reports.in_codes` says. Never raises.

    Issuers are not vouched for here: `valid` means that nothing has changed since somebody signed.
    """
    kept = in_codes(read_layers(original), secret=run.prompt)
    left = {} if may_leave(original, secrets_of(run)) else {BEHIND: "1"}
    return kept | left


def secrets_of(run: Run) -> Sequence[str] | None:
    """What a file of a run must not say: its prompts. None once they are erased."""
    if run.erased_at:
        return None
    return [run.prompt, str(run.options.get("negative_prompt") or "")]


def note(engine: str, kept: Mapping[str, str]) -> None:
    """Remember which marks an original of `engine` carried. Opens no transaction."""
    known = {row.kind: row for row in UpstreamMark.objects.filter(engine=engine)}
    found = carried(kept)
    for kind in MARKS:  # always in this order, so that two workers never wait for each other
        row = known.get(kind)
        if kind in found:
            _note_seen(engine, kind, row)
        elif row:
            missing_since = Coalesce("missing_since", timezone.now())
            UpstreamMark.objects.filter(pk=row.pk).update(
                missing=F("missing") + 1, missing_since=missing_since
            )


def _note_seen(engine: str, kind: str, row: UpstreamMark | None) -> None:
    now = timezone.now()
    if row and not row.missing and row.seen_at > now - _FRESH:
        return
    seen = {"seen_at": now, "missing": 0, "missing_since": None}
    UpstreamMark.objects.update_or_create(defaults=seen, engine=engine, kind=kind)


def is_lost(row: UpstreamMark) -> bool:
    """Whether an engine that marked its images has stopped, and admins should know."""
    since = row.missing_since
    return row.missing >= MISSING and since is not None and since > timezone.now() - REMEMBERED
