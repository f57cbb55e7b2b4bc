"""The composer as the page shows it: the form, its price, and why it cannot be pressed."""

from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.ledger import Balance
from accounts.models import User
from generations import submission
from generations.forms.compose import ComposeForm
from generations.forms.fields import pictures_of_team
from generations.identifiers import uuid_to_look_up
from generations.labelling import PREVIEW
from generations.models import Campaign, Rendition, Run
from generations.paths import image_path, reference_path, rendition_path
from generations.pricing import credits_in_words
from generations.submission import AlreadyMade


@dataclass(frozen=True)
class Thumbnail:
    """A picture that is chosen as a reference, by its identifier."""

    uuid: str
    src: str


@dataclass(frozen=True)
class Preview:
    """A labelled picture, small, that links to its page."""

    href: str
    src: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Made:
    """The offer of pictures that are there already; `digest` is what asks for them once more."""

    sentence: str
    previews: list[Preview]
    digest: str


@dataclass(frozen=True)
class Composer:
    """`price` is what stands on the button; `blocked` says why it cannot be pressed, or nothing.

    `made` is the offer of pictures that are there already, where that is so.
    """

    form: ComposeForm
    price: str
    blocked: str
    thumbnails: list[Thumbnail]
    campaigns: list[str]
    made: Made | None

    @property
    def references(self) -> int:
        """How many references are chosen, those still in the browser included."""
        return len(self.thumbnails) + self.form.uploads

    @property
    def lacks_references(self) -> bool:
        """Whether the engine needs more pictures than are chosen."""
        return self.references < self.form.able.min_references


def composer_of(form: ComposeForm, *, balance: Balance) -> Composer:
    """The composer around `form`, for a person with `balance`."""
    campaigns = Campaign.objects.visible_to(form.user)
    thumbnails = [
        Thumbnail(str(each.uuid), reference_path(each.uuid))
        for each in ([] if form.no_references else form.pictures)
    ]
    return Composer(
        form=form,
        price=credits_in_words(form.price) if form.price else "",
        blocked=_why_blocked(form, balance),
        thumbnails=thumbnails,
        campaigns=list(campaigns.values_list("name", flat=True)),
        made=_made(form.made, form) if form.made else None,
    )


def form_to_begin_with(user: User, *, run: str = "", picture: str = "") -> ComposeForm:
    """A form filled from the run `run` and with `picture` as a reference, where there are such."""
    given = _asked_for(user, run)
    if picture and pictures_of_team([picture], user):
        given["references"] = [*given.get("references", []), picture]
    return ComposeForm.fitting(given, user=user)


def _asked_for(user: User, identifier: str) -> dict[str, Any]:
    """What a run asked for, as values of the form; nothing where there is no such run."""
    runs = Run.objects.visible_to(user).select_related("campaign")
    run = runs.filter(uuid=uuid_to_look_up(identifier)).first()
    if run is None:
        return {}
    references = run.run_references.values_list("reference__uuid", flat=True)
    return run.options | {
        "engine": run.engine,
        "prompt": run.prompt,
        "num_images": run.wanted,
        "campaign": run.campaign.name if run.campaign else "",
        "references": [str(reference) for reference in references],
    }


def _made(found: AlreadyMade, form: ComposeForm) -> Made:
    run = found.run
    on = date_format(run.created_at.astimezone(form.user.team.tzinfo), "j F Y")
    sentence = _("Your team has exactly these pictures already, made by %(person)s on %(date)s.")
    images = submission.images_made(run, form.num_images)
    previews = Rendition.objects.filter(recipe=PREVIEW.name, image__in=images)
    ordered = previews.select_related("image").order_by("image__position", "pk")
    return Made(
        sentence=sentence % {"person": run.user, "date": on},
        previews=[_preview(number, preview) for number, preview in enumerate(ordered, 1)],
        digest=found.digest,
    )


def _preview(number: int, preview: Rendition) -> Preview:
    return Preview(
        href=image_path(preview.image.uuid),
        src=rendition_path(preview.uuid, preview.format),
        alt=_("Image %(number)d of this run") % {"number": number},
        width=preview.width,
        height=preview.height,
    )


def _why_blocked(form: ComposeForm, balance: Balance) -> str:
    if form.engine is None:
        return _("No engine is set up yet. An admin can add a provider's key.")
    if why := submission.why_blocked(form.engine.provider):
        return why
    if form.able.min_references and form.no_references:
        return form.no_references
    if form.price is None:
        return _("This engine has no price yet. Ask an admin to set one.")
    if form.price <= balance.left:
        return ""
    left, date = balance.left, date_format(balance.renews_on, "j F")
    if balance.team_is_short:
        sentence = ngettext(
            "Your team has %(left)d credit left until %(date)s.",
            "Your team has %(left)d credits left until %(date)s.",
            left,
        )
    else:
        sentence = ngettext(
            "You have %(left)d credit left until %(date)s.",
            "You have %(left)d credits left until %(date)s.",
            left,
        )
    what_to_do = _("Ask for fewer images, or ask an admin for more credits.")
    return f"{sentence % {'left': left, 'date': date}} {what_to_do}"
