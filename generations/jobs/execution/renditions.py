"""The labelled files of an image, made from its original."""

import dataclasses
import hashlib

from generations import mark_keys, storage
from generations.imaging import ImageFacts, UnusableImage, extension
from generations.jobs.execution import requests
from generations.labelling import (
    DIGITAL_SOURCE_TYPE,
    RECIPES,
    Badge,
    LabelFacts,
    LabelledImage,
    Labels,
    Original,
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
    opened = Original(original)
    _refuse_far_smaller(opened.facts, generation.run)
    facts = opened.facts
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
    return image, make_files(image, opened)


def make_files(image: Image, original: Original) -> list[Rendition]:
    """The renditions of an image, with files written and rows not saved. Raises LabelFailed."""
    facts = label_facts(image.generation, image)
    labels = Labels(BADGE, mark=mark_keys.mark(image.delivery_id))
    files = label(original, facts=facts, recipes=RECIPES, labels=labels)
    return [_stored(image, recipe, file) for recipe, file in zip(RECIPES, files, strict=True)]


def _refuse_far_smaller(facts: ImageFacts, run: Run) -> None:
    """Raise UnusableImage if the image is far smaller than asked for."""
    asked = requests.size_asked(run)
    least = LEAST_PART * asked[0] * asked[1] if asked else 0
    if facts.width * facts.height < least or min(facts.width, facts.height) < LEAST_SIDE:
        raise UnusableImage("far smaller than what was asked for")


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


def _stored(image: Image, recipe: Recipe, labelled: LabelledImage) -> Rendition:
    """The row of a labelled file, whose content is written."""
    name = storage.rendition_name(
        image.uuid,
        recipe=recipe.name,
        sha256=labelled.sha256,
        extension=extension(labelled.format),
    )
    storage.save_rendition(name, labelled.data)
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
        capitals=labelled.capitals,
        mark_key=labelled.mark_key,
        certificate=labelled.certificate,
        is_stamped=labelled.is_stamped,
    )
