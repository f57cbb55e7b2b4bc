"""What somebody has chosen so far: the engine, the fields it has, and the price."""

from functools import cached_property
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import User
from generations import pricing, submission
from generations.forms.engine_choice import EngineChoice
from generations.forms.engine_fields import (
    Chosen,
    counts,
    fields_of,
    size_fields,
    why_no_references,
)
from generations.forms.fields import FILE_LEFT_OUT, images_of_team
from generations.forms.given import GivenValues
from generations.models import Image, Price, Reference
from generations.providers import unsupported
from generations.providers.capabilities import CUSTOM, Capabilities, Engine
from generations.providers.types import GenerationRequest

USUAL_IMAGES = 4
SIZE_IN_RESOLUTION = {"aspect_ratio", "width", "height"}


class Draft:
    """The choices of `user` so far; they need not be valid.

    `engine` is the chosen one, or else the first of `engines`; None if there is no engine. `able`
    is what it can do.
    """

    def __init__(self, given: GivenValues, user: User, engines: EngineChoice) -> None:
        self.given = given
        self.user = user
        self.engines = engines
        self._set_engine(engines.named(given.one("engine")) or engines.first)

    def _set_engine(self, engine: Engine | None) -> None:
        self.engine = engine
        self.able = engine.capabilities if engine else Capabilities(0, 0, {})

    def at(self, engine: Engine) -> Self:
        """The same choices at another engine."""
        other = type(self)(self.given, self.user, self.engines)
        other._set_engine(engine)
        other.images = self.images
        return other

    @cached_property
    def fields(self) -> dict[str, forms.Field]:
        """The engine's fields, which also depend on the other choices."""
        return fields_of(self.able, self.chosen, user=self.user)

    @property
    def resolution(self) -> str:
        choices, given = self.able.resolutions, self.given.one("resolution")
        return given if given in choices else next(iter(choices), "")

    @property
    def chosen(self) -> Chosen:
        """The choices on which other fields depend."""
        return Chosen(
            resolution=self.resolution,
            aspect_ratio=self.given.one("aspect_ratio"),
            sequential=self.able.sequential and self.given.has("sequential"),
            references=len(self.images) + self.uploads,
            rights=self.given.one("rights"),
        )

    @property
    def num_images(self) -> int:
        """How many images: the given number if the engine offers it, else the usual one."""
        given, offered = self.given.one("num_images"), counts(self.able, self.chosen)
        return int(given) if given in map(str, offered) else min(USUAL_IMAGES, offered[-1])

    @cached_property
    def images(self) -> list[Reference | Image]:
        """The team's images and references that were chosen as references."""
        named = [each for each in self.given.all("references") if isinstance(each, str)]
        found = images_of_team(named, self.user) if named else {}
        return [found[each] for each in named if each in found]

    @property
    def uploads(self) -> int:
        """How many files are chosen as references, sent or still only in the browser."""
        given = self.given.all("references")
        return sum(each == FILE_LEFT_OUT or not isinstance(each, str) for each in given)

    @cached_property
    def why_no_references(self) -> str:
        """Why the engine can be given no references; empty if it can."""
        return why_no_references(self.able)

    @cached_property
    def image_price(self) -> Price | None:
        """The price of one image; None if there is no engine, or no price for this choice."""
        if self.engine is None:
            return None
        options = submission.with_defaults(self.engine.name, self._size())
        asked = GenerationRequest.from_options(options, engine=self.engine.name, prompt="")
        return self.engines.price_of(asked)

    @property
    def price(self) -> int | None:
        """Credits for what is chosen; None without a price."""
        if self.image_price is None:
            return None
        references = self.sent_references
        return pricing.credits_for(self.image_price, self.num_images, references=references)

    @property
    def sent_references(self) -> int:
        """How many of the chosen references the engine is sent; the others are set aside."""
        most = 0 if self.why_no_references else self.able.max_references
        return min(self.chosen.references, most)

    def _size(self) -> dict[str, Any]:
        """The options that set the image's size; a wrong value is replaced by the field's first."""
        size: dict[str, Any] = {"resolution": self.resolution}
        for name, field in size_fields(self.able, self.chosen).items():
            try:
                size[name] = field.clean(self.given.one(name))
            except ValidationError:
                size[name] = field.initial
        return size

    def why_absent(self, name: str) -> str:
        """Why the form has no field `name` although the engine may have it; else empty."""
        if name == "references":
            return self.why_no_references
        return str(unsupported.OTHER_SIZE) if self.is_other_size(name) else ""

    def is_other_size(self, name: str) -> bool:
        """Whether `name`, which the form lacks, sets the size at another of its resolutions."""
        if name == "aspect_ratio":
            return self.resolution == CUSTOM
        return name in SIZE_IN_RESOLUTION and self.able.custom_size is not None
