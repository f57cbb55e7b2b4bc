"""The button that sends a run to another engine because its provider is down or blocked."""

from dataclasses import replace

from django.urls import reverse

from accounts.access import may_make
from accounts.models import User
from generations.models import Run
from generations.pricing import credits_in_words
from generations.reading.frames.frame import Frame, RemedyButton
from generations.reading.frames.rows import Gathered


def with_offer(frame: Frame, run: Run, rows: Gathered, viewer: User) -> Frame:
    """The frame with the button, if there is an offer for its run that `viewer` may press."""
    offer = rows.elsewhere.get(run.pk)
    if offer is None or not may_make(viewer):
        return frame
    button = RemedyButton(
        f"{offer.label} · {credits_in_words(offer.credits)}",
        path=reverse("run-instead", args=[run.uuid, offer.engine, offer.credits]),
        note=offer.note,
    )
    return replace(frame, remedies=(*frame.remedies, button))
