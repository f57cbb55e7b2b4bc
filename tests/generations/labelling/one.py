"""Labels one file by one recipe."""

from generations.labelling import (
    Badge,
    LabelFacts,
    LabelledImage,
    Labels,
    Original,
    Recipe,
    label,
)


def label_one(data: bytes, *, facts: LabelFacts, recipe: Recipe, badge: Badge) -> LabelledImage:
    (labelled,) = label(Original(data), facts=facts, recipes=[recipe], labels=Labels(badge))
    return labelled
