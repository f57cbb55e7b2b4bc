"""What a record says, in words: its facts as a person reads them, by event.

Facts are plain values that outlive the code, so a sentence is made of what is there, and left out
where a fact is missing. Nothing personal is in them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.events import Event
from generations.provider_health import LOW
from generations.providers.advice import Remedy, explain
from generations.reading.feed import engine_label
from generations.reading.frames import shortened

Facts = Mapping[str, Any]
HASH_LENGTH = 16
TASK_ID_LENGTH = 40


def in_words(event: str, facts: Facts) -> str:
    """One line on a record, or nothing where its event says it all."""
    words = _WORDS.get(event)
    return words(facts) if words else ""


def short_hash(digest: str) -> str:
    """The beginning of a hexadecimal hash, in groups of four as one compares them."""
    start = digest[:HASH_LENGTH]
    return " ".join(start[at : at + 4] for at in range(0, len(start), 4))


def _credits(count: Any) -> str:
    return ngettext("%(count)d credit", "%(count)d credits", count) % {"count": count}


def _images(count: Any) -> str:
    return ngettext("%(count)d image", "%(count)d images", count) % {"count": count}


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _error(facts: Facts) -> str:
    return str(explain(facts["error"]).title).rstrip(".") if facts.get("error") else ""


def _submitted(facts: Facts) -> str:
    options, references = facts.get("options", {}), len(facts.get("references", ()))
    given = ngettext("%(count)d reference", "%(count)d references", references)
    custom = _("%(width)s×%(height)s") % options if "width" in options else ""
    return _listed(
        _remedied(facts),
        _images(facts["images"]),
        engine_label(facts["engine"]),
        options.get("aspect_ratio", ""),
        custom or options.get("resolution", ""),
        given % {"count": references} if references else "",
        _credits(facts["credits"]),
    )


def _remedied(facts: Facts) -> str:
    """What was changed against the run that this one makes up for."""
    remedies = {
        Remedy.LOWER_RESOLUTION: _("again at a lower resolution"),
        Remedy.WITHOUT_REFERENCES: _("again without references"),
        Remedy.FEWER_AT_A_TIME: _("again, fewer at a time"),
    }
    return remedies.get(facts.get("remedy", ""), "")


def _retried(facts: Facts) -> str:
    return _listed(_images(facts["images"]), _credits(facts["credits"]))


def _moved(facts: Facts) -> str:
    again = _("attempt %(number)d") % {"number": facts.get("attempt", 0)}
    reasons = {"worker_gone": _("The worker had stopped")}
    return _listed(
        _error(facts),
        reasons.get(facts.get("why", ""), ""),
        engine_label(facts["engine"]),
        again if facts.get("attempt", 0) > 1 else "",
    )


def _accepted(facts: Facts) -> str:
    known = shortened(facts.get("task_id", ""), TASK_ID_LENGTH)
    task = _("task %(id)s") % {"id": known} if known else ""
    return _listed(engine_label(facts["engine"]), task)


def _ended(facts: Facts) -> str:
    delivered, spent = facts.get("delivered", 0), facts.get("credits_spent", 0)
    released = facts.get("credits_released", 0)
    return _listed(
        _error(facts),
        _images(delivered) if delivered else "",
        _("%(credits)s spent") % {"credits": _credits(spent)} if spent else "",
        _("%(credits)s returned") % {"credits": _credits(released)} if released else "",
    )


def _decided(facts: Facts) -> str:
    decisions = {
        "task_id": _("A task id was given"),
        "accept_charge": _("The charge was accepted"),
        "release": _("The credits were released"),
    }
    return decisions.get(facts.get("decision", ""), "")


def _stored(facts: Facts) -> str:
    size = f"{facts['width']}×{facts['height']}"
    original = _("original %(hash)s") % {"hash": short_hash(facts["original_sha256"])}
    return _listed(size, facts["format"], original)


def _missed(facts: Facts) -> str:
    return str(explain(facts.get("error", "")).title)


def _downloaded(facts: Facts) -> str:
    digest = short_hash(facts.get("sha256", ""))
    return _("SHA-256 %(hash)s") % {"hash": digest} if digest else ""


def _uploaded(facts: Facts) -> str:
    return _listed(_downloaded(facts), _rights(facts.get("rights", "")))


def _rights(declared: str) -> str:
    rights = {"own": _("declared as our own"), "licensed": _("declared as licensed")}
    return rights.get(declared, "")


def _limit_set(facts: Facts) -> str:
    change = _("%(before)d to %(after)d credits") % facts
    return _listed(change, facts.get("month", ""))


def _credited(facts: Facts) -> str:
    return _listed(_credits(facts["credits"]), facts.get("month", ""))


def _changed(facts: Facts) -> str:
    fields = facts.get("changed") or sorted({*facts.get("before", {}), *facts.get("after", {})})
    return ", ".join(name.replace("_", " ") for name in fields)


def _alerted(facts: Facts) -> str:
    key = _("%(provider)s, key %(slot)s") % {
        "provider": facts.get("provider", ""),
        "slot": facts.get("slot", ""),
    }
    is_low = facts.get("code") == LOW
    what = _("The balance is low") if is_low else _error({"error": facts.get("code", "")})
    return _listed(key, what)


def _invited(facts: Facts) -> str:
    return _("once more") if facts.get("again") else ", ".join(facts.get("groups", ()))


_WORDS: dict[str, Callable[[Facts], str]] = {
    Event.RUN_SUBMITTED: _submitted,
    Event.RUN_RETRIED: _retried,
    Event.GENERATION_QUEUED: _moved,
    Event.GENERATION_SUBMITTING: _moved,
    Event.GENERATION_RUNNING: _accepted,
    Event.GENERATION_STORING: _moved,
    Event.GENERATION_UNKNOWN: _moved,
    Event.GENERATION_SUCCEEDED: _ended,
    Event.GENERATION_FAILED: _ended,
    Event.GENERATION_CANCELLED: _ended,
    Event.GENERATION_DECIDED: _decided,
    Event.IMAGE_STORED: _stored,
    Event.IMAGE_MISSED: _missed,
    Event.IMAGE_DOWNLOADED: _downloaded,
    Event.ORIGINAL_DOWNLOADED: _downloaded,
    Event.REFERENCE_UPLOADED: _uploaded,
    Event.ALLOWANCE_LIMIT_SET: _limit_set,
    Event.ALLOWANCE_TOPPED_UP: _credited,
    Event.ALLOWANCE_WRITTEN_OFF: _credited,
    Event.PROVIDER_ALERTED: _alerted,
    Event.USER_INVITED: _invited,
    Event.USER_CHANGED: _changed,
    Event.USER_DEACTIVATED: _changed,
    Event.ADMIN_CHANGED: _changed,
}
