"""What records of new labels say, in a sentence."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.events import Event
from accounts.phrases import listed
from generations.reading import amounts
from generations.relabelling import troubles


def _image(facts: Mapping[str, Any]) -> str:
    version = _("version %(number)s of the label") % {"number": facts["label_version"]}
    return listed(_why(facts), version)


def _why(facts: Mapping[str, Any]) -> str:
    """Why an image was labelled again or left out, or an order stopped."""
    reasons = {
        "damaged": _("A file had been changed in storage"),
        "lost": _("A file had been lost from storage"),
    }
    code = facts.get("why", "")
    return reasons.get(code, "") or str(troubles.SENTENCES.get(code, "")).rstrip(".")


def _asked(facts: Mapping[str, Any]) -> str:
    return listed(_why(facts), amounts.images(facts["images"]))


def _stopped(facts: Mapping[str, Any]) -> str:
    return listed(_why(facts), _finished(facts))


def _finished(facts: Mapping[str, Any]) -> str:
    """How far an order has come."""
    left = facts["left_out"]
    told = _("%(count)s left out") % {"count": left} if left else ""
    return listed(amounts.images(facts["done"]), told)


SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    Event.IMAGE_RELABELLED: _image,
    Event.IMAGE_LEFT_OUT: _why,
    Event.RELABELLING_ASKED: _asked,
    Event.RELABELLING_STOPPED: _stopped,
    Event.RELABELLING_FINISHED: _finished,
}
