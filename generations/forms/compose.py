"""What people fill in. Forms check and give values; they write nothing and call nobody."""

import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from generations import submission
from generations.forms.engine_fields import (
    LABELS,
    Chosen,
    counts,
    engine_field,
    fields_of,
    links_possible,
    no_references,
)
from generations.forms.fields import (
    FILE_LEFT_OUT,
    TextField,
    pictures_of_team,
)
from generations.identifiers import uuid_of
from generations.imaging import CleanImage
from generations.models import Image, Reference
from generations.providers import registry
from generations.providers.errors import UnsupportedOption
from generations.providers.types import CUSTOM, OPTIONS, Capabilities, Engine
from generations.providers.validation import validate
from generations.submission import AlreadyMade, NewReference, RunRequest

USUAL_IMAGES = 4
SWITCHES = ("sequential", "enhance_prompt", "use_pre_llm")
SIZE_IN_RESOLUTION = {"aspect_ratio", "width", "height"}
SWITCHED_OFF = ("off", "false", "False", "0", False)


class ComposeForm(forms.Form):
    """The composer: what one engine can do, and nothing else.

    The fields follow the engine that was chosen, or the first there is. `notes` are sentences
    about what was given and does not fit; `made` is set where the pictures are there already.
    """

    prompt = TextField(
        label=LABELS["prompt"],
        error_messages={"required": gettext_lazy("Write what the images should show.")},
        widget=forms.Textarea(
            attrs={
                "rows": 2,
                "placeholder": gettext_lazy("Describe the picture"),
                "data-draft": True,
            }
        ),
    )
    campaign = TextField(
        label=LABELS["campaign"],
        required=False,
        max_length=100,
        help_text=gettext_lazy("A name that is new makes a new campaign."),
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
    ) -> None:
        super().__init__(data, files, initial=dict(initial or {}))
        self.user = user
        self.notes: list[str] = []
        self.made: AlreadyMade | None = None
        self.given: Mapping[str, Any] = self.initial if data is None else data
        engines = registry.engines()
        chosen = engines.get(self._one("engine")) or next(iter(engines.values()), None)
        self.engine: Engine | None = chosen
        self.able = chosen.capabilities if chosen else Capabilities(0, 0, {})
        self.fields["engine"] = engine_field(engines.values())
        self.fields |= fields_of(self.able, self.chosen, user=user)
        self._name_controls()
        chosen_first = {"engine": chosen.name if chosen else "", "num_images": self.num_images}
        self.initial = {**chosen_first, **self.initial}
        if data is not None:
            self.data = self._completed(data)

    @classmethod
    def fitting(cls, given: Mapping[str, Any], *, user: User) -> Self:
        """An unsent form that keeps what fits of `given` and says in `notes` what does not."""
        asked = cls(initial=dict(_listed(given)), user=user)
        form = cls(initial=asked._kept(), user=user)
        form.notes = asked.notes
        return form

    # --- What is chosen --------------------------------------------------------------------------

    @property
    def resolution(self) -> str:
        choices, given = self.able.resolutions, self._one("resolution")
        return given if given in choices else next(iter(choices), "")

    @property
    def chosen(self) -> Chosen:
        """What decides which other choices there are."""
        return Chosen(
            resolution=self.resolution,
            aspect_ratio=self._one("aspect_ratio"),
            sequential=self.able.sequential and self._is_given("sequential"),
            references=len(self.pictures) + self.uploads,
        )

    @property
    def num_images(self) -> int:
        """Images that the button names: as given, or as many as people usually ask for."""
        given, offered = self._one("num_images"), counts(self.able, self.chosen)
        return int(given) if given in map(str, offered) else min(USUAL_IMAGES, offered[-1])

    @cached_property
    def pictures(self) -> list[Reference | Image]:
        """The pictures of the team that stand in the form as references."""
        named = [each for each in self._many("references") if isinstance(each, str)]
        found = pictures_of_team(named, self.user) if named else {}
        return [found[each] for each in named if each in found]

    @property
    def uploads(self) -> int:
        """How many files are chosen in the browser."""
        given = self._many("references")
        return sum(each == FILE_LEFT_OUT or not isinstance(each, str) for each in given)

    @cached_property
    def no_references(self) -> str:
        """Why the engine can be given no references; empty where it can."""
        return no_references(self.able)

    @property
    def more(self) -> list[forms.BoundField]:
        """The fields that few people need and that the page keeps in a menu."""
        names = ("negative_prompt", "guidance_scale", "seed", "output_format", *SWITCHES)
        return [self[name] for name in names if name in self.fields]

    @cached_property
    def price(self) -> int | None:
        """Credits for what is chosen, or None where there is no engine or no price for it."""
        if self.engine is None:
            return None
        some_upload = NewReference(CleanImage(b"", "JPEG", 1, 1))
        references = [*self.pictures, *[some_upload] * self.uploads]
        return submission.quote(self._request(self.engine, self._size(), references))

    def _size(self) -> dict[str, Any]:
        """The options that say how large a picture is; at first choice where none fits."""
        size: dict[str, Any] = {"resolution": self.resolution}
        for name in SIZE_IN_RESOLUTION & self.fields.keys():
            field = self.fields[name]
            try:
                size[name] = field.clean(self._one(name))
            except ValidationError:
                size[name] = field.initial
        return size

    @cached_property
    def key(self) -> str:
        """The idempotency key that the form sends next."""
        given = self._one("idempotency_key")
        return given if uuid_of(given) else str(uuid.uuid4())

    # --- What comes out --------------------------------------------------------------------------

    def to_request(self) -> RunRequest:
        """What a valid form asks for."""
        cleaned = self.cleaned_data
        options = {name: cleaned[name] for name in OPTIONS if cleaned.get(name) not in ("", None)}
        if not cleaned.get("sequential"):
            options.pop("sequential", None)
        rights = cleaned.get("rights") or Reference.Rights.OWN
        references = [
            NewReference(each, rights=rights) if isinstance(each, CleanImage) else each
            for each in cleaned.get("references", ())
        ]
        engine = registry.engines()[cleaned["engine"]]
        return self._request(engine, options, references)

    def refuse(self, message: str, *, field: str | None = None) -> None:
        """Say beside `field` why what was asked for cannot be done."""
        self.add_error(field if field in self.fields else None, message)

    def renew_key(self) -> None:
        """Let the form be sent anew after its key was used for something else."""
        self.key = str(uuid.uuid4())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in (*OPTIONS, "references"):
            if name not in self.fields and self._is_given(name):
                self.add_error(None, f"{LABELS[name]}: {self._lack(name)}")
        if not self.errors and self.engine:
            self._validate(self.engine)
        return cleaned

    def _validate(self, engine: Engine) -> None:
        request = submission.as_generation_request(self.to_request())
        try:
            validate(engine, request, links_possible=links_possible())
        except UnsupportedOption as error:
            self.refuse(error.message, field=error.field)

    def _request(
        self, engine: Engine, options: dict[str, Any], references: list[Any]
    ) -> RunRequest:
        cleaned = getattr(self, "cleaned_data", {})
        return RunRequest(
            engine=engine.name,
            prompt=cleaned.get("prompt", ""),
            num_images=cleaned.get("num_images", self.num_images),
            idempotency_key=uuid.UUID(self.key),
            options=submission.with_defaults(engine.name, options),
            references=references,
            campaign=cleaned.get("campaign", ""),
            make_again=self._one("make_again"),
        )

    # --- Values given ----------------------------------------------------------------------------

    def _many(self, name: str) -> list[Any]:
        given = dict(_listed(self.given)).get(name, [])
        return [*given, *self.files.getlist(name)] if self.files else given

    def _one(self, name: str) -> str:
        values = self._many(name)
        return "" if not values or values[-1] is None else str(values[-1])

    def _is_given(self, name: str) -> bool:
        nothing = ("", None, *SWITCHED_OFF) if name in SWITCHES else ("", None)
        return any(value not in nothing for value in self._many(name))

    def _is_idle(self, name: str) -> bool:
        """Where there can be no uploads, their rights are no loss; nor is one size for another."""
        if name in self.fields:
            return False
        return name == "rights" or self._is_other_size(name)

    def _is_other_size(self, name: str) -> bool:
        """Whether `name` is the way to say a size at another resolution of the engine."""
        if name == "aspect_ratio":
            return self.resolution == CUSTOM
        return name in SIZE_IN_RESOLUTION and self.able.custom_size is not None

    def _kept(self) -> dict[str, Any]:
        """What fits of the values given; `notes` gets a sentence for each that does not."""
        kept: dict[str, Any] = {"idempotency_key": self.key}
        for name in LABELS:
            if not self._is_given(name) or self._is_idle(name):
                continue
            try:
                kept[name] = self._fit(name)
            except ValidationError as error:
                self.notes.append(f"{LABELS[name]}: {' '.join(error.messages)}")
                if name == "references":
                    found = [str(picture.uuid) for picture in self.pictures]
                    kept[name] = found[: self.able.max_references]
        for name in {"width", "height"} & self.fields.keys():
            kept.setdefault(name, self.fields[name].initial)
        return kept

    def _fit(self, name: str) -> Any:
        """What was given for a field, if it fits. Raises ValidationError where it does not."""
        field = self.fields.get(name)
        if field is None:
            raise ValidationError(self._lack(name))
        if isinstance(field, TextField):
            return self._one(name)  # a text in the making is nobody's mistake
        if name == "references":
            given = self._many(name)
            field.clean([each for each in given if each != FILE_LEFT_OUT])
            return given
        return field.clean(self._one(name))

    def _name_controls(self) -> None:
        """Give each list of choices an identifier that goes with what decides its content.

        So a page that is brought up to date puts in a new list, and does not graft its choices on
        the one that somebody has chosen from.
        """
        engine = slugify(self.engine.name.replace("/", " ")) if self.engine else ""
        deciding = dict.fromkeys(("resolution", "output_format"), engine)
        deciding["num_images"] = f"{engine}-{counts(self.able, self.chosen)[-1]}"
        # Another key is another form: files sent with the last one do not stay behind.
        deciding |= {"aspect_ratio": f"{engine}-{self.resolution}", "references": self.key}
        for name in deciding.keys() & self.fields.keys():
            self.fields[name].widget.attrs["id"] = f"id_{name}-{deciding[name]}"

    def _lack(self, name: str) -> str:
        if name == "references":
            return self.no_references
        if self._is_other_size(name):
            return _("It does not go with the resolution chosen. Leave it out.")
        if self.is_bound:
            return _("This engine does not have this option. Leave it out, or choose another.")
        return _("This engine does not have this option, so it is left out.")

    def _completed(self, data: Mapping[str, Any]) -> Any:
        """What a form leaves out altogether stands at what the page would have shown."""
        completed: Any = data.copy() if isinstance(data, MultiValueDict) else dict(data)
        for name in ("num_images", "resolution", "aspect_ratio", "rights"):
            if name in self.fields:
                completed.setdefault(name, self.get_initial_for_field(self.fields[name], name))
        return completed


class OriginalForm(forms.Form):
    """Why somebody needs an original, which carries no label."""

    reason = TextField(
        label=gettext_lazy("Reason"),
        max_length=500,
        help_text=gettext_lazy("It goes on the record together with your name."),
        error_messages={"required": gettext_lazy("Write what the original is needed for.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def _listed(given: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """The values of a form or of a plain mapping, as lists."""
    if isinstance(given, MultiValueDict):
        return list(given.lists())
    return [(name, value if isinstance(value, list) else [value]) for name, value in given.items()]
