"""The forms that people fill in. They check input and return values; they write nothing."""

import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from django.utils.text import slugify
from django.utils.translation import gettext_lazy

from accounts.errors import InsufficientCredits
from accounts.identifiers import uuid_of
from accounts.models import User
from accounts.phrases import pair
from generations import submission
from generations.forms.draft import Draft
from generations.forms.engine_choice import EngineChoice
from generations.forms.engine_fields import LABELS, EngineField, counts, links_possible
from generations.forms.fields import Given, TextField, checked_upload
from generations.forms.fitting import what_fits
from generations.forms.given import SWITCHES, GivenValues
from generations.forms.lineage import run_marked
from generations.forms.tray import arranged, set_aside
from generations.providers import unsupported
from generations.providers.capabilities import Engine
from generations.providers.errors import UnsupportedOption
from generations.providers.types import OPTIONS
from generations.providers.validation import validate
from generations.submission import AlreadyMade, AnyReference, RunRequest, SubmissionRefused


class ComposeForm(forms.Form):
    """The composer: it has only the fields that the chosen engine supports.

    `draft` holds what was chosen, the engine's fields and the price. `notes` are sentences about
    given values that the engine can't take. `made` is set if the team already has these images.
    """

    prompt = TextField(
        label=LABELS["prompt"],
        error_messages={"required": unsupported.NO_PROMPT},
        widget=forms.Textarea(
            attrs={
                "rows": 2,
                "placeholder": gettext_lazy("Describe the image"),
                "data-draft": True,
            }
        ),
    )
    campaign = TextField(
        label=LABELS["campaign"],
        required=False,
        max_length=100,
        help_text=gettext_lazy("A new name creates a new campaign."),
        widget=forms.TextInput(attrs={"list": "campaigns", "autocomplete": "off"}),
    )
    idempotency_key = forms.UUIDField(
        label=gettext_lazy("Form"),
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid"),
            gettext_lazy("This form was out of date. Nothing was charged: press again."),
        ),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, Any] | None = None,
        *,
        user: User,
        initial: Mapping[str, Any] | None = None,
        engines: EngineChoice | None = None,
    ) -> None:
        super().__init__(data, files, initial=dict(initial or {}))
        self.user = user
        self.engines = engines or EngineChoice(user)
        self.notes: list[str] = []
        self.made: AlreadyMade | None = None
        given = GivenValues.of(self.initial if data is None else data, files)
        self.draft = Draft(given, user, self.engines)
        self.fields["engine"] = EngineField(self.engines.offered.values(), user)
        self.fields |= self.draft.fields
        _name_controls(self.fields, self.draft, self.key)
        engine = self.draft.engine.name if self.draft.engine else ""
        self.initial = {"engine": engine, "num_images": self.draft.num_images, **self.initial}
        if data is not None:
            self.data = self._completed(data)

    @classmethod
    def fitting(cls, given: Mapping[str, Any], *, user: User) -> Self:
        """An unsent form that keeps those of `given` that fit and names the others in `notes`."""
        engines = EngineChoice(user)
        placed = arranged(GivenValues.of(given), user=user, engines=engines)
        asked = cls(initial=placed, user=user, engines=engines)
        kept, notes = what_fits(asked.draft, asked.fields)
        carried = {"idempotency_key": asked.key, "parent": asked.parent, **set_aside(asked.draft)}
        form = cls(initial={**carried, **kept}, user=user, engines=engines)
        form.notes = notes
        return form

    @cached_property
    def key(self) -> str:
        """The idempotency key that the form sends next."""
        given = self.draft.given.one("idempotency_key")
        return given if uuid_of(given) else str(uuid.uuid4())

    @property
    def parent(self) -> str:
        """The mark of the run from which the form was filled; empty if there is none."""
        return self.draft.given.one("parent")

    @property
    def more(self) -> list[forms.BoundField]:
        """The fields that the page keeps in a menu because few people need them."""
        names = ("negative_prompt", "guidance_scale", "seed", "output_format", *SWITCHES)
        return [self[name] for name in names if name in self.fields]

    def to_request(self) -> RunRequest:
        """What a valid form asks for."""
        return self._request(references=list(self.cleaned_data.get("references", ())))

    def refuse(self, message: str, *, field: str | None = None) -> None:
        """Add an error: `message` beside `field`, or above the form if it has no such field."""
        self.add_error(field if field in self.fields else None, message)

    def renew_key(self) -> None:
        """Give the form a new key, so that it can be sent although the old key was used."""
        self.key = str(uuid.uuid4())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in (*OPTIONS, "references"):
            if name not in self.fields and self.draft.given.has(name):
                why = self.draft.why_absent(name) or unsupported.NO_OPTION
                self.add_error(None, pair(LABELS[name], why))
        if not self.errors and self.draft.engine:
            self._check(self.draft.engine)
        return cleaned

    def _check(self, engine: Engine) -> None:
        """Check everything that needs no file, credits included, before reading a file."""
        given: list[Given] = self.cleaned_data.get("references", [])
        request = self._request(references=[])
        asked = submission.as_generation_request(request)
        try:
            validate(engine, asked, references=len(given), links_possible=links_possible())
            uploads = [each for each in given if isinstance(each, UploadedFile)]
            known = [each for each in given if not isinstance(each, UploadedFile)]
            if uploads or submission.lack_rights(known):
                submission.check_rights(**self._declared)
            if uploads:
                submission.refuse_shortfall(self.user, request)
            self.cleaned_data["references"] = self._checked_references(given)
        except UnsupportedOption as error:
            for field in error.fields:
                self.refuse(error.message, field=field)
        except InsufficientCredits as error:
            self.refuse(error.message)
        except SubmissionRefused as error:
            self.refuse(error.message, field=error.field)
        except ValidationError as error:
            self.add_error("references", error)

    def _checked_references(self, given: list[Given]) -> list[AnyReference]:
        """The references, each upload checked. Raises ValidationError for the first bad one."""
        return [
            checked_upload(each, **self._declared) if isinstance(each, UploadedFile) else each
            for each in given
        ]

    @property
    def _declared(self) -> dict[str, str]:
        """The rights that were declared to the uploads."""
        return {name: self.cleaned_data.get(name, "") for name in ("rights", "licence")}

    def _request(self, *, references: list[AnyReference]) -> RunRequest:
        cleaned = self.cleaned_data
        options = {name: cleaned[name] for name in OPTIONS if cleaned.get(name) not in ("", None)}
        if not cleaned.get("sequential"):
            options.pop("sequential", None)
        return RunRequest(
            engine=cleaned["engine"],
            prompt=cleaned["prompt"],
            num_images=cleaned["num_images"],
            idempotency_key=uuid.UUID(self.key),
            options=submission.with_defaults(cleaned["engine"], options),
            references=references,
            **self._declared,
            campaign=cleaned["campaign"],
            make_again=self.draft.given.one("make_again"),
            parent=run_marked(self.parent, user=self.user),
        )

    def _completed(self, data: Mapping[str, Any]) -> Any:
        """`data`, in which each missing field has the value that the page would have shown."""
        completed: Any = data.copy() if isinstance(data, MultiValueDict) else dict(data)
        for name in ("num_images", "resolution", "aspect_ratio"):
            if name in self.fields:
                completed.setdefault(name, self.get_initial_for_field(self.fields[name], name))
        return completed


def _name_controls(fields: Mapping[str, forms.Field], draft: Draft, key: str) -> None:
    """Give each list of choices an `id` that changes together with its choices.

    htmx replaces a list that has a new `id`. It would add the new choices to a list with the same
    `id`, from which somebody has already chosen.
    """
    engine = slugify(draft.engine.name.replace("/", " ")) if draft.engine else ""
    deciding = dict.fromkeys(("resolution", "output_format"), engine)
    deciding["num_images"] = f"{engine}-{counts(draft.able, draft.chosen)[-1]}"
    offers_reference = draft.chosen.references and draft.able.as_reference(draft.resolution)
    ratios = f"{engine}-{draft.resolution}" + ("-reference" if offers_reference else "")
    # A new key means a new form: files that were chosen in the last one must not stay.
    deciding |= {"aspect_ratio": ratios, "references": key}
    for name in deciding.keys() & fields.keys():
        fields[name].widget.attrs["id"] = f"id_{name}-{deciding[name]}"


class OriginalForm(forms.Form):
    """Asks why somebody needs an original, which carries no label."""

    reason = TextField(
        label=gettext_lazy("Reason"),
        max_length=500,
        help_text=gettext_lazy("The log keeps it with your name."),
        error_messages={"required": gettext_lazy("Write what you need the original for.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
