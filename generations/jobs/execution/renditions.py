"""The labelled files of an image, made from its original."""

import dataclasses
import hashlib

from generations import storage
from generations.imaging import ImageFacts, UnusableImage, extension, inspect
from generations.jobs.execution import requests
from generations.labelling import (
    DIGITAL_SOURCE_TYPE,
    RECIPES,
    Badge,
    LabelFacts,
    LabelledImage,
    Recipe,
    label,
)
from generations.models import Delivery, Generation, Image, Rendition, Run
from generations.providers import registry

# An image with less than this part of the pixels that were asked for, or with a side below
# LEAST_SIDE, is unusable. One that is only somewhat smaller is delivered, and its page says so.
LEAST_PART = 0.01
LEAST_SIDE = 64
# What GB 45438 calls the content producer; its alphabet has no space.
PRODUCER = "Seedream-Studio"
CREDIT = "AI-generated with Seedream Studio"
BADGE = Badge()


def make(delivery: Delivery, original: bytes) -> tuple[Image, list[Rendition]]:
    """The image and its renditions, with files written and rows not saved.

    Raises UnusableImage and LabelFailed.
    """
    generation = delivery.generation
    facts = _usable(original, generation.run)
    image = Image(
        uuid=delivery.uuid,  # the same again if a worker dies in between
        run=generation.run,
        team=generation.run.team,
        generation=generation,
        delivery=delivery,
        position=generation.position + delivery.index,  # if it is free: see `positions`
        format=facts.format,
        width=facts.width,
        height=facts.height,
        bytes=len(original),
        original_name=delivery.original_name,
        original_sha256=hashlib.sha256(original).hexdigest(),
    )
    about = label_facts(generation, image)
    return image, [_rendition(image, original, recipe, about) for recipe in RECIPES]


def _usable(original: bytes, run: Run) -> ImageFacts:
    """The facts of the image. Raises UnusableImage, also if it is far smaller than asked for."""
    facts = inspect(original)
    asked = requests.size_asked(run)
    least = LEAST_PART * asked[0] * asked[1] if asked else 0
    if facts.width * facts.height < least or min(facts.width, facts.height) < LEAST_SIDE:
        raise UnusableImage("far smaller than what was asked for")
    return facts


def label_facts(generation: Generation, image: Image) -> LabelFacts:
    """What the label of an image says about its origin; never the prompt."""
    engine = registry.known_engines().get(generation.run.engine)
    return LabelFacts(
        image_id=str(image.uuid),
        system=engine.label if engine else generation.run.engine,
        system_version=generation.model or (engine.model if engine else ""),
        credit=CREDIT,
        producer=PRODUCER,
    )


def label_in_words(image: Image) -> dict[str, str]:
    """What the label of an image says, for its record: the visible one and the machine-readable."""
    facts = dataclasses.asdict(label_facts(image.generation, image))
    badge = {"badge": BADGE.text, "badge_corner": BADGE.corner}
    return {**facts, **badge, "digital_source_type": DIGITAL_SOURCE_TYPE}


def _rendition(image: Image, original: bytes, recipe: Recipe, facts: LabelFacts) -> Rendition:
    labelled = label(original, facts=facts, recipe=recipe, badge=BADGE)
    name = storage.rendition_name(
        image.uuid, recipe=recipe.name, extension=extension(labelled.format)
    )
    storage.save_rendition(name, labelled.data)
    return _rendition_row(image, recipe, name, labelled)


def _rendition_row(image: Image, recipe: Recipe, name: str, labelled: LabelledImage) -> Rendition:
    return Rendition(
        image=image,
        recipe=recipe.name,
        name=name,
        format=labelled.format,
        width=labelled.width,
        height=labelled.height,
        bytes=len(labelled.data),
        sha256=labelled.sha256,
        label_version=labelled.label_version,
    )
