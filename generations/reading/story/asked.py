"""What a run asked for, who asked, and from what it was made, by the record of its submission."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts import access
from accounts.identifiers import uuid_of
from accounts.models import Team, User
from generations.reading.feed import engine_label
from generations.reading.shapes import format_asked
from generations.reading.story.finding import Found, told
from generations.reading.story.lines import named
from generations.reading.story.wording import Moment, Text, moment, text_of
from generations.tampering import Names


@dataclass(frozen=True)
class Asked:
    """The request of a person. `person` is the name at that time, `now_called` another one since.

    `person_page` is the person's page in the admin, if the reader may open it. `parent` is the
    address of the story of the failed run that this one replaces, or empty.
    """

    number: int
    leaf: str
    when: Moment
    person: str
    now_called: str
    person_page: str
    initials: str
    colour: int
    team: str
    campaign: str
    prompt: Text
    avoid: Text
    params: list[tuple[str, str]]
    parent: str


def asked_of(found: Found, reader: User) -> Asked | None:
    """What the record of the submission says; None if there is none."""
    if found.submitted is None:
        return None
    (submitted,) = told([found.submitted])
    record, facts = submitted.record, submitted.facts
    person = record.actor
    campaign = uuid_of(str(facts.get("campaign") or ""))
    names = Names.then([each for each in (person and person.uuid, campaign) if each], record.at)
    now = Names().now([person.uuid] if person else [])
    then = named(person, names) if person else ""
    latest = named(person, now) if person else ""
    parent = uuid_of(str(facts.get("of", "")))
    return Asked(
        number=record.pk,
        leaf=bytes(record.leaf).hex(),
        when=moment(record.at, reader.tzinfo),
        person=then,
        now_called=latest if latest != then else "",
        person_page=access.page_of_person(person, reader),
        initials=person.initials if person else "",
        colour=person.colour if person else 0,
        team=_team(found),
        campaign=_campaign(found, campaign, names),
        prompt=text_of(submitted, "prompt"),
        avoid=text_of(submitted, "negative_prompt"),
        params=_params(facts),
        parent=reverse("story", args=[parent]) if parent else "",
    )


def _team(found: Found) -> str:
    """The team of that time; its name is on no record."""
    uuid = found.submitted.subject_team if found.submitted else None
    if uuid is None:  # a record of version 1
        return str(found.row.team) if found.row else ""
    name = Team.objects.filter(uuid=uuid).values_list("name", flat=True).first()
    return name or str(uuid)


def _campaign(found: Found, uuid: UUID | None, names: dict[UUID, Any]) -> str:
    """The campaign's recorded name; that of its row, if no record has it."""
    if uuid is None:
        return ""
    if uuid in names:
        return str(names[uuid].value)
    row = found.row.campaign if found.row else None
    return row.name if row and row.uuid == uuid else str(uuid)


def _params(facts: dict[str, Any]) -> list[tuple[str, str]]:
    options = facts.get("options")
    options = options if isinstance(options, dict) else {}
    images, credits = facts.get("images"), facts.get("credits")
    known = [
        (_("Engine"), engine_label(str(facts.get("engine", "")))),
        (_("Images"), str(images or "")),
        (pgettext("shape of an image", "Format"), format_asked(options)),
        (_("Resolution"), str(options.get("resolution", ""))),
        (_("Price"), _price(images, credits)),
        *_rare(options),
    ]
    return [(label, value) for label, value in known if value]


def _rare(options: dict[str, Any]) -> list[tuple[str, str]]:
    """The options that few runs have, by their names."""
    usual = ("resolution", "aspect_ratio", "width", "height")
    rare = {name: value for name, value in options.items() if name not in usual}
    return [(name.replace("_", " ").capitalize(), str(value)) for name, value in rare.items()]


def _price(images: Any, credits: Any) -> str:
    if not (isinstance(images, int) and isinstance(credits, int) and images):
        return ""
    text = ngettext("%(all)d credit", "%(all)d credits", credits)
    if credits % images == 0 and images > 1:
        text = ngettext(
            "%(all)d credit, %(each)d for each image",
            "%(all)d credits, %(each)d for each image",
            credits,
        )
    return text % {"all": credits, "each": credits // images}
