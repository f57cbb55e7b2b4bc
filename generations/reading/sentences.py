"""The facts of a record as a sentence, by event.

Records are older than the code that reads them, so a part of the sentence is left out if its fact
is missing. Facts hold nothing personal.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import stored_texts
from accounts.events import Event
from accounts.groups import title_of
from accounts.phrases import listed
from generations.conversions import ORIGINAL
from generations.jobs.provider_health import LOW, POLLS_REFUSED
from generations.models import Reference
from generations.providers.advice import Remedy, explain
from generations.reading import (
    amounts,
    erased,
    exports,
    field_labels,
    labels,
    quotas,
    relabelled,
    told,
)
from generations.reading.feed import engine_label
from generations.reading.frames import shortened
from generations.reading.shapes import ratio_asked

Facts = Mapping[str, Any]
HASH_LENGTH = 16
TASK_ID_LENGTH = 40


def in_words(event: str, facts: Facts) -> str:
    """Return one line about a record; empty if the name of its event says everything.

    It is empty too for facts that no version wrote: somebody has changed the record in the
    database, which the seal shows. The page must still open.
    """
    sentence = _SENTENCES.get(event)
    try:
        return sentence(facts) if sentence else ""
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""


def short_hash(digest: str) -> str:
    """The beginning of a hexadecimal hash, in groups of four, which are easy to compare."""
    start = digest[:HASH_LENGTH]
    return " ".join(start[at : at + 4] for at in range(0, len(start), 4))


def _error(facts: Facts) -> str:
    return str(explain(facts["error"]).title).rstrip(".。") if facts.get("error") else ""


def _submitted(facts: Facts) -> str:
    options, references = facts.get("options", {}), len(facts.get("references", ()))
    given = ngettext("%(count)d reference", "%(count)d references", references)
    custom = _("%(width)s×%(height)s") % options if "width" in options else ""
    return listed(
        _remedied(facts),
        amounts.images(facts["images"]),
        engine_label(facts["engine"]),
        ratio_asked(options),
        custom or options.get("resolution", ""),
        given % {"count": references} if references else "",
        amounts.credits(facts["credits"]),
    )


def _remedied(facts: Facts) -> str:
    """How this run differs from the failed run that it replaces."""
    if "remedy" not in facts:
        return ""
    remedies = {
        Remedy.LOWER_RESOLUTION: _("again at a lower resolution"),
        Remedy.WITHOUT_REFERENCES: _("again without references"),
        Remedy.FEWER_AT_A_TIME: _("again, fewer at a time"),
        Remedy.OTHER_ENGINE: _("again, at another engine"),
    }
    return remedies.get(facts["remedy"], "")


def _refused_before(facts: Facts) -> str:
    reasons = {
        "already_made": _("The team already has these images"),
        "insufficient_credits": _("Not enough credits"),
        "budget_used_up": _("A budget is used up"),
        "invalid": _("Something in the form did not fit"),
        "key_reused": _("The form had been sent before"),
        "refused": _("The engine cannot do this, or not now"),
        "unusable_image": _("A reference could not be used"),
    }
    if "more" in facts:
        return _by_strangers(facts)
    return listed(reasons.get(facts.get("why", ""), ""), engine_label(facts.get("engine", "")))


def _seen(facts: Facts) -> str:
    people = len(facts.get("authors", ()))
    told = ngettext("of %(count)d person", "of %(count)d people", people) % {"count": people}
    pages = {
        "studio": _("Studio"),
        "gallery": _("Gallery"),
        "image": _("Page of an image"),
        "compare": _("Page that compares images"),
        "log": _("Log"),
    }
    return listed(told, pages.get(facts.get("where", ""), ""))


def _of_images(facts: Facts) -> str:
    return amounts.images(facts["images"])


def _program(facts: Facts) -> str:
    if "more" in facts:
        return _by_strangers(facts)
    return listed(facts.get("program", ""), facts.get("studio", ""))


def _configured(facts: Facts) -> str:
    return listed(facts.get("program", ""), *facts.get("changed", ()))


def _migrated(facts: Facts) -> str:
    return listed(*facts.get("applied", ()), *facts.get("unapplied", ()))


def _tested(facts: Facts) -> str:
    cost = _("%(cost)s USD") % {"cost": facts["cost_usd"]} if "cost_usd" in facts else ""
    key = _("key %(slot)s") % {"slot": facts.get("slot", "")}
    return listed(engine_label(facts.get("engine", "")), key, facts.get("outcome", ""), cost)


def _balance(facts: Facts) -> str:
    key = _("%(provider)s, key %(slot)s") % facts
    return listed(key, f"{facts['balance']} {facts['unit']}")


def _counted(facts: Facts) -> str:
    return _by_strangers(facts) if "more" in facts else ""


def _used(facts: Facts) -> str:
    return str(facts.get("command", ""))


def _retried(facts: Facts) -> str:
    return listed(amounts.images(facts["images"]), amounts.credits(facts["credits"]))


def _moved(facts: Facts) -> str:
    again = _("attempt %(number)d") % {"number": facts.get("attempt", 0)}
    reasons = {
        "worker_gone": _("The program that made it had stopped"),
        "sent_elsewhere": _("Sent to another engine instead"),
        "own_trouble": _("The studio's database or storage could not be reached"),
    }
    return listed(
        _error(facts),
        reasons.get(facts.get("why", ""), ""),
        engine_label(facts["engine"]),
        again if facts.get("attempt", 0) > 1 else "",
    )


def _requested(facts: Facts) -> str:
    key = _("key %(slot)s") % facts if "slot" in facts else ""
    seed = _("seed %(seed)s") % facts if facts.get("seed") is not None else ""
    return listed(engine_label(facts["engine"]), key, facts.get("endpoint", ""), seed)


def _accepted(facts: Facts) -> str:
    known = shortened(facts.get("task_id", ""), TASK_ID_LENGTH)
    task = _("task %(id)s") % {"id": known} if known else ""
    late = _("late, after it had failed") if facts.get("late") else ""
    return listed(engine_label(facts["engine"]), task, late)


def _ended(facts: Facts) -> str:
    delivered, spent = facts.get("delivered", 0), facts.get("credits_spent", 0)
    released = facts.get("credits_released", 0)
    return listed(
        _error(facts),
        amounts.images(delivered) if delivered else "",
        _("%(credits)s spent") % {"credits": amounts.credits(spent)} if spent else "",
        _("%(credits)s returned") % {"credits": amounts.credits(released)} if released else "",
        _("came late, not charged") if facts.get("late") and delivered else "",
        _("the provider may bill it") if facts.get("provider_may_bill") else "",
    )


def _decided(facts: Facts) -> str:
    decisions = {
        "task_id": _("A task id was given"),
        "accept_charge": _("The charge was accepted"),
        "release": _("The credits were released"),
        "released_by_age": _("The outcome stayed unknown: the studio released the credits"),
    }
    return decisions.get(facts.get("decision", ""), "")


def _stored(facts: Facts) -> str:
    size = f"{facts['width']}×{facts['height']}"
    original = _("original %(hash)s") % {"hash": short_hash(facts["original_sha256"])}
    marks = labels.marks_in_words(facts.get("arrived_with", {}))
    return listed(size, facts["format"], original, marks)


def _missed(facts: Facts) -> str:
    return str(explain(facts.get("error", "")).title)


def _downloaded(facts: Facts) -> str:
    digest = short_hash(facts.get("sha256", ""))
    return _("SHA-256 %(hash)s") % {"hash": digest} if digest else ""


def _converted(facts: Facts) -> str:
    return listed(_conversion(facts), _downloaded(facts))


def _conversion(facts: Facts) -> str:
    size, _hyphen, image_format = str(facts["recipe"]).partition("-")
    pixels = _("original size") if size == ORIGINAL else _("%(side)s pixels") % {"side": size}
    return listed(image_format.upper(), pixels)


def _inspected(facts: Facts) -> str:
    return listed(_downloaded(facts), labels.recognised_in_words(facts.get("found", "")))


def _uploaded(facts: Facts) -> str:
    return listed(_downloaded(facts), _rights(facts.get("rights", "")))


def _declared(facts: Facts) -> str:
    return _rights(facts["rights"])


def _by_strangers(facts: Facts) -> str:
    """The hash of the file, for a first record; how often it happened again, for a second one."""
    if "more" not in facts:
        return _downloaded(facts)
    return ngettext(
        "%(count)d more time within %(minutes)d minutes",
        "%(count)d more times within %(minutes)d minutes",
        facts["more"],
    ) % {"count": facts["more"], "minutes": facts.get("seconds", 0) // 60}


def _cleaned(facts: Facts) -> str:
    size = f"{facts['width']}×{facts['height']}"
    return listed(size, facts["format"], _downloaded(facts))


def _refused(facts: Facts) -> str:
    return stored_texts.read(str(facts.get("problem", "")))


def _rights(declared: str) -> str:
    rights = {
        Reference.Rights.OWN: _("declared as our own"),
        Reference.Rights.LICENSED: _("declared as licensed"),
        Reference.Rights.CLIENT: _("declared as the client's"),
        Reference.Rights.PUBLIC: _("declared as public domain"),
        Reference.Rights.UNSURE: _("rights not sure"),
    }
    return {str(each): words for each, words in rights.items()}.get(declared, "")


def _notices_mailed(facts: Facts) -> str:
    return amounts.notices(facts["notices"])


def _changed(facts: Facts) -> str:
    return _names(facts["changed"]) if facts.get("changed") else _changed_in_admin(facts)


def _changed_in_admin(facts: Facts) -> str:
    return _names(sorted({*facts.get("before", {}), *facts.get("after", {})}))


def _names(fields: Sequence[str]) -> str:
    return listed(*map(field_labels.label_of, fields))


def _alerted(facts: Facts) -> str:
    key = _("%(provider)s, key %(slot)s") % {
        "provider": facts.get("provider", ""),
        "slot": facts.get("slot", ""),
    }
    code = facts.get("code", "")
    known = {
        LOW: _("The balance is low"),
        POLLS_REFUSED: _("The provider refuses to report on accepted requests"),
    }
    engine = engine_label(facts["engine"]) if "engine" in facts else ""
    return listed(key, engine, known.get(code) or _error({"error": code}))


def _invited(facts: Facts) -> str:
    return _("again") if facts.get("again") else listed(*map(title_of, facts.get("groups", ())))


_SENTENCES: dict[str, Callable[[Facts], str]] = {
    Event.RUN_SUBMITTED: _submitted,
    Event.RUN_REFUSED: _refused_before,
    Event.RUN_RETRIED: _retried,
    Event.GENERATION_QUEUED: _moved,
    Event.GENERATION_SUBMITTING: _moved,
    Event.GENERATION_REQUESTED: _requested,
    Event.GENERATION_RUNNING: _accepted,
    Event.GENERATION_STORING: _moved,
    Event.GENERATION_UNKNOWN: _moved,
    Event.GENERATION_SUCCEEDED: _ended,
    Event.GENERATION_FAILED: _ended,
    Event.GENERATION_CANCELLED: _ended,
    Event.GENERATION_DECIDED: _decided,
    Event.IMAGE_STORED: _stored,
    Event.IMAGE_MISSED: _missed,
    Event.FILE_INSPECTED: _inspected,
    **relabelled.SENTENCES,
    Event.IMAGE_CONVERSION_ASKED: _conversion,
    Event.IMAGE_CONVERTED: _converted,
    Event.IMAGE_DOWNLOADED: _downloaded,
    Event.ORIGINAL_DOWNLOADED: _downloaded,
    Event.REFERENCE_UPLOADED: _uploaded,
    Event.REFERENCE_DECLARED: _declared,
    Event.REFERENCE_FETCHED: _by_strangers,
    Event.REFERENCE_CLEANED: _cleaned,
    Event.REFERENCE_REFUSED: _refused,
    **quotas.SENTENCES,
    Event.PROVIDER_ALERTED: _alerted,
    Event.USER_INVITED: _invited,
    Event.USER_CHANGED: _changed,
    Event.USER_DEACTIVATED: _changed_in_admin,
    Event.NOTICES_MAILED: _notices_mailed,
    Event.USER_SIGN_IN_FAILED: _by_strangers,
    Event.USER_RESET_ASKED: _by_strangers,
    Event.SHELL_USED: _used,
    Event.GALLERY_SEARCHED: _counted,
    Event.IMAGES_HIDDEN: _of_images,
    Event.IMAGES_RESTORED: _of_images,
    Event.IMAGES_TAGGED: _of_images,
    Event.IMAGES_UNTAGGED: _of_images,
    Event.IMAGES_MOVED: _of_images,
    Event.IMAGES_PACKED: _of_images,
    Event.PROMPTS_SEEN: _seen,
    Event.STUDIO_STARTED: _program,
    Event.STUDIO_STOPPED: _program,
    Event.STUDIO_CONFIGURED: _configured,
    Event.STUDIO_MIGRATED: _migrated,
    Event.PROVIDER_TESTED: _tested,
    Event.PROVIDER_BALANCE: _balance,
    **erased.SENTENCES,
    **exports.SENTENCES,
    **told.SENTENCES,
    Event.WEBHOOK_FORGED: _by_strangers,
    Event.ADMIN_CHANGED: _changed_in_admin,
}
