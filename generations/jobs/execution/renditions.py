"""The labelled files of an image, made from its original."""

import hashlib
import re
from collections.abc import Sequence

from django.conf import settings

from generations import certificates, label_policies, mark_keys, storage
from generations.imaging import ImageFacts, UnusableImage, extension
from generations.jobs.execution import requests, upstream
from generations.label_policies import LabelsInForce
from generations.labelling import (
    RECIPES,
    Badge,
    LabelFacts,
    LabelledImage,
    Labels,
    Original,
    Recipe,
    ReferenceFacts,
    Source,
    label,
)
from generations.models import Delivery, Generation, Image, Reference, Rendition, Run
from generations.providers import registry

# An image with less than this part of the pixels that were asked for, or with a side below
# LEAST_SIDE, is unusable. One that is only somewhat smaller is delivered, and its page says so.
LEAST_PART = 0.01
LEAST_SIDE = 64
# What a provider may call its model. A reply is not trusted with more: it goes into every file.
MODEL = re.compile(r"[A-Za-z0-9._:/@-]{1,100}")


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
        source_type=source_of(generation.run),
    )
    return image, make_files(image, opened, RECIPES)


def make_files(
    image: Image, original: Original, recipes: Sequence[Recipe] = RECIPES
) -> list[Rendition]:
    """The renditions of an image, with files written and rows not saved. Raises LabelFailed."""
    facts = label_facts(image.generation, image)
    policy = label_policies.of_run(image.generation.run)
    badge = policy.badge(facts.source)
    mark = mark_keys.mark(image.delivery_id)
    labels = Labels(badge, mark=mark, signer=certificates.signer())
    files = label(
        original,
        facts=facts,
        recipes=recipes,
        labels=labels,
        secrets=upstream.secrets_of(image.generation.run),
    )
    rows = [_stored(image, recipe, file) for recipe, file in zip(recipes, files, strict=True)]
    for row, file in zip(rows, files, strict=True):
        _note_badge(row, policy, badge, file)
    return rows


def _note_badge(row: Rendition, policy: LabelsInForce, badge: Badge, file: LabelledImage) -> None:
    row.policy = policy.digest
    row.preset, row.preset_version = policy.preset.name, policy.preset.version
    row.badge = {
        "text": badge.text,
        "corner": badge.corner,
        "size": badge.size,
        "icon": badge.icon.name if badge.icon else "",
        "clear_of_stories": badge.clear_of_stories,
        "contrast": file.contrast,
    }


def _refuse_far_smaller(facts: ImageFacts, run: Run) -> None:
    """Raise UnusableImage if the image is far smaller than asked for."""
    asked = requests.size_asked(run)
    least = LEAST_PART * asked[0] * asked[1] if asked else 0
    if facts.width * facts.height < least or min(facts.width, facts.height) < LEAST_SIDE:
        raise UnusableImage("far smaller than what was asked for")


def source_of(run: Run) -> Source:
    """What the images of a run are, from the pictures that they are made of.

    An upload counts as somebody's photograph: nothing that a person declares about it shows that a
    model made it. An image of ours passes on what it is made of itself.
    """
    made_of = {_source_of_reference(reference) for reference in _references(run)}
    return Source.GENERATED if made_of <= {Source.GENERATED} else Source.COMPOSITE


def _source_of_reference(reference: Reference) -> Source | None:
    return Source(reference.image.source_type) if reference.image else None


def _references(run: Run) -> list[Reference]:
    rows = run.run_references.select_related("reference__image")
    return [row.reference for row in rows]


def label_facts(generation: Generation, image: Image) -> LabelFacts:
    """What the label of an image says about its origin; never the prompt."""
    engine = registry.known_engines().get(generation.run.engine)
    policy = label_policies.of_run(generation.run)
    source = Source(image.source_type)
    model = generation.model if MODEL.fullmatch(generation.model) else ""
    return LabelFacts(
        image_id=str(image.uuid),
        system=engine.label if engine else generation.run.engine,
        system_version=model or (engine.model if engine else ""),
        credit=policy.credit_of(source),
        producer=policy.producer_code,
        producer_name=policy.producer_name,
        made_at=image.delivery.created_at,
        source=source,
        tool_version=settings.STUDIO_VERSION,
        mining=policy.mining,
        references=tuple(map(_reference_facts, _references(generation.run))),
    )


def _reference_facts(reference: Reference) -> ReferenceFacts:
    image = reference.image
    return ReferenceFacts(reference.sha256, reference.format, str(image.uuid) if image else None)


def label_in_words(image: Image) -> dict[str, str]:
    """What the label of an image says, for its record: the visible one and the machine-readable."""
    facts = label_facts(image.generation, image)
    policy = label_policies.of_run(image.generation.run)
    badge = policy.badge(facts.source)
    told = ("image_id", "system", "system_version", "credit", "producer", "producer_name")
    return {
        **{name: getattr(facts, name) for name in (*told, "tool", "tool_version", "mining")},
        "made_at": facts.made_at.isoformat(),
        "digital_source_type": facts.source.uri,
        "references": " ".join(reference.sha256 for reference in facts.references),
        "badge": badge.text,
        "badge_corner": badge.corner,
        "badge_size": f"{badge.size:.1%}",
        "badge_icon": badge.icon.name if badge.icon else "",
        "badge_place": "clear of stories" if badge.clear_of_stories else "edge",
        "badge_preset": policy.preset.name,
        "badge_version": str(policy.preset.version),
    }


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
