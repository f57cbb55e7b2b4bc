"""Labels one file by one recipe, and draws badges."""

from PIL import Image

from generations.labelling import (
    Badge,
    LabelFacts,
    LabelledImage,
    Labels,
    Original,
    Recipe,
    label,
    put,
)


def label_one(data: bytes, *, facts: LabelFacts, recipe: Recipe, badge: Badge) -> LabelledImage:
    (labelled,) = label(Original(data), facts=facts, recipes=[recipe], labels=Labels(badge))
    return labelled


def draw(image: Image.Image, badge: Badge) -> Image.Image:
    """A copy of the image with the badge."""
    return put(badge, image).image


def capitals(badge: Badge, *, width: int, height: int) -> int:
    """The height in pixels of the badge's capitals in an image of that size."""
    return put(badge, Image.new("RGB", (width, height))).capitals
