"""The composer as the page shows it: the form, its price, and why its button is off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.forms import BoundField
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.errors import InsufficientCredits
from accounts.identifiers import uuid_to_look_up
from accounts.ledger import Balance
from accounts.models import User
from accounts.phrases import listed
from generations import drafts, snippets, submission
from generations.forms.asking import Asking, asking_of
from generations.forms.compose import ComposeForm
from generations.forms.engine_list import EngineRow, engine_rows
from generations.forms.fields import images_of_team
from generations.forms.lineage import mark_of
from generations.forms.prompt_help import PromptHelp, help_of
from generations.forms.thumbnails import ShownReferences, shown_references
from generations.label_chips import chip_of
from generations.labelling import PREVIEW
from generations.models import Campaign, Rendition, Run, SavedDraft
from generations.offering import OfferedEngine
from generations.paths import image_path, rendition_path
from generations.pricing import credits_in_words
from generations.submission import AlreadyMade

# Characters of a replaced draft that the page quotes.
OTHER_LENGTH = 80


@dataclass(frozen=True)
class Preview:
    """A small labelled image that links to its page."""

    href: str
    src: str
    alt: str
    chip: str
    width: int
    height: int


@dataclass(frozen=True)
class Made:
    """The offer of images that the team already has; sending `digest` makes them again."""

    sentence: str
    previews: list[Preview]
    digest: str


@dataclass(frozen=True)
class SharedErrors:
    """Errors that one or several fields share.

    `id` is that of the first field's error text, `others` those of the other fields' texts.
    """

    id: str
    label: str
    errors: list[str]
    others: list[str]


@dataclass(frozen=True)
class DraftState:
    """What is kept of the composer. `seen` is the version that the page shows.

    `other` is the beginning of a draft that this one replaced, and `trouble` why nothing is kept.
    """

    seen: str = ""
    other: str = ""
    trouble: str = ""


NO_DRAFT = DraftState()


@dataclass(frozen=True)
class Composer:
    """The composer of the page. `price` is the text on its button.

    `blocked` says why the button is off, or is empty. `made` offers images that the team already
    has, or is None. `draft` is what is kept of it, and `engines` the list to choose from. `asking`
    is what it says about more credits.
    """

    form: ComposeForm
    engines: list[EngineRow]
    draft: DraftState
    price: str
    blocked: str
    shown: ShownReferences
    help: PromptHelp
    campaigns: list[str]
    made: Made | None
    asking: Asking

    @property
    def engine(self) -> OfferedEngine | None:
        """The chosen engine; None if there is none to choose."""
        engine = self.form.draft.engine
        return self.form.engines.offered[engine.name] if engine else None

    @property
    def references(self) -> int:
        """How many references are chosen, including files that are still in the browser."""
        return len(self.shown.chosen) + self.form.draft.uploads

    @property
    def errors(self) -> list[SharedErrors]:
        """The errors of all fields but the prompt, each shown once."""
        told: dict[tuple[str, ...], list[BoundField]] = {}
        for field in self.form.visible_fields():
            if field.name != "prompt" and field.errors:
                told.setdefault(tuple(map(str, field.errors)), []).append(field)
        return [
            SharedErrors(
                id=_error_id(fields[0]),
                label=listed(*(field.label for field in fields)),
                errors=list(errors),
                others=[_error_id(field) for field in fields[1:]],
            )
            for errors, fields in told.items()
        ]

    @property
    def lacks_rights(self) -> bool:
        """Whether files are chosen and their rights are not declared."""
        return bool(self.asks_rights and not self.form.draft.chosen.rights)

    @property
    def asks_rights(self) -> int:
        """How many files are chosen whose rights are still to be declared."""
        return self.form.draft.uploads + self.shown.lacking_rights

    @property
    def lacks_references(self) -> bool:
        """Whether the engine needs more references than are chosen."""
        return self.references < self.form.draft.able.min_references


def _error_id(field: BoundField) -> str:
    return f"{field.auto_id}_error"


def composer_of(form: ComposeForm, *, balance: Balance, draft: DraftState = NO_DRAFT) -> Composer:
    """The composer for `form` and a person with `balance`."""
    campaigns = Campaign.objects.visible_to(form.user)
    return Composer(
        form=form,
        engines=engine_rows(form.draft),
        draft=draft,
        price=credits_in_words(form.draft.price) if form.draft.price else "",
        blocked=_why_blocked(form, balance),
        shown=shown_references(form.draft),
        help=help_of(form.draft),
        campaigns=list(campaigns.values_list("name", flat=True)),
        made=_made(form.made, form) if form.made else None,
        asking=asking_of(
            form.user, prompt=_prompt_in(form), price=form.draft.price, balance=balance
        ),
    )


def _prompt_in(form: ComposeForm) -> str:
    return str(form["prompt"].value() or "")


def draft_state(kept: SavedDraft | None, *, seen: str = "", trouble: str = "") -> DraftState:
    """What the page says of the draft that is kept; `seen` is the version that it shows."""
    replaced = kept.replaced if kept else {}
    text = " ".join(str(replaced.get("prompt", ""))[:OTHER_LENGTH].split())
    other = text or (_("references without a prompt") if replaced else "")
    return DraftState(seen, other, trouble)


def prefilled_form(
    user: User,
    *,
    run: str = "",
    images: Sequence[str] = (),
    snippet: str = "",
    kept: SavedDraft | None = None,
    granted: Mapping[str, Any] | None = None,
) -> ComposeForm:
    """A form filled from the run `run`, else from what is kept for `user` or their team's default.

    If credits were granted for the draft `granted`, the form is filled from that.

    `images` are added as references, and the snippet `snippet` becomes the prompt. What the team
    does not have is left out.
    """
    given = (_asked_for(user, run) if run else {}) or dict(granted or drafts.start(user, kept))
    if snippet and (text := snippets.text_of(user, snippet)):
        given["prompt"] = text
    if found := images_of_team(images, user) if images else {}:
        added = [each for each in images if each in found]
        others = [each for each in given.get("references", []) if each not in added]
        given["references"] = [*others, *added]
    return ComposeForm.fitting(given, user=user) if given else ComposeForm(user=user)


def _asked_for(user: User, identifier: str) -> dict[str, Any]:
    """What a run asked for, as values of the form; empty if the team has no such run."""
    runs = Run.objects.visible_to(user).select_related("campaign")
    run = runs.filter(uuid=uuid_to_look_up(identifier)).first()
    if run is None:
        return {}
    kept = run.run_references.filter(reference__erased_at__isnull=True)
    references = kept.values_list("reference__uuid", flat=True)
    return run.options | {
        "parent": mark_of(run.uuid, user=user),
        "engine": run.engine,
        "prompt": "" if run.erased_at else run.prompt,
        "num_images": run.wanted,
        "campaign": run.campaign.name if run.campaign else "",
        "references": [str(reference) for reference in references],
    }


def _made(found: AlreadyMade, form: ComposeForm) -> Made:
    run = found.run
    on = date_format(run.created_at.astimezone(form.user.tzinfo), "DATE_FORMAT")
    sentence = _("Your team already has exactly these images, made by %(person)s on %(date)s.")
    images = submission.images_made(run, form.draft.num_images)
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
        chip=chip_of(preview),
        width=preview.width,
        height=preview.height,
    )


def _why_blocked(form: ComposeForm, balance: Balance) -> str:
    if form.draft.engine is None:
        return _("No engine is set up yet. An admin can add a provider's key.")
    if why := submission.blocked_in_words(form.engines.code(form.draft.engine.name)):
        return why
    if form.draft.able.min_references and form.draft.why_no_references:
        return form.draft.why_no_references
    if form.draft.image_price is None or form.draft.price is None:
        return str(submission.NO_PRICE)
    if form.draft.price > balance.left:
        return _shortfall(form.draft.price, balance).message
    return submission.why_no_budget(
        form.user,
        form.draft.image_price,
        form.draft.num_images,
        references=form.draft.sent_references,
    )


def _shortfall(price: int, balance: Balance) -> InsufficientCredits:
    whose = "team" if balance.team_is_short else "person"
    return InsufficientCredits(
        needed=price, left=balance.left, renews_on=balance.renews_on, whose=whose
    )
