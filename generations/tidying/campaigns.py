"""Moving images to another campaign. A campaign is that of a run, so all images of a run move."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef

from accounts.events import Event
from accounts.models import User
from generations import holds
from generations.models import Campaign, LegalHold, Run
from generations.models.prompt_index import index_runs, note_shape
from generations.providers.capabilities import AS_REFERENCE
from generations.tidying import chosen


@dataclass(frozen=True)
class Moved:
    """How many of the chosen images moved, and how many stay because a legal hold covers them."""

    count: int
    held: int


def move(user: User, keys: Sequence[int], campaign: Campaign | None) -> Moved:
    """Move the runs of images to `campaign`, or out of any.

    Runs stay in a campaign on which there is a legal hold, because it would no longer cover them.
    """
    with holds.decided():
        images = list(chosen.visible(user, keys).select_related("run"))
        runs = Run.objects.filter(pk__in={image.run_id for image in images})
        elsewhere = runs.exclude(campaign=campaign) if campaign else runs.exclude(campaign=None)
        is_held = holds.held(LegalHold.Scope.CAMPAIGN, subject=OuterRef("campaign__uuid"))
        held = set(elsewhere.filter(is_held).values_list("pk", flat=True))
        moving = {run.pk: run for run in elsewhere if run.pk not in held}
        for run in moving.values():
            run.campaign = campaign
        Run.objects.filter(pk__in=moving).update(campaign=campaign)
        index_runs(moving.values())
        moved = [image for image in images if image.run_id in moving]
        for image in moved:
            if image.run.options.get("aspect_ratio") == AS_REFERENCE:
                note_shape(image.run_id, image.width, image.height)
        facts = {"campaign": str(campaign.uuid) if campaign else None}
        chosen.record(Event.IMAGES_MOVED, moved, actor=user, facts=facts)
        chosen.show_again(moved)
    return Moved(len(moved), sum(image.run_id in held for image in images))
