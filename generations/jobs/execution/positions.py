"""The position that an image gets in its run."""

from django.db.models import F, Max

from generations.models import Delivery, Generation, Image


def position_of(delivery: Delivery) -> int:
    """The position of an image in its run: the one asked for if it is free, else a new last.

    A late image may have been asked for again in the meantime, and an image beyond the number
    wanted has no position. Neither takes the position of another image.
    """
    generation = delivery.generation
    own = generation.position + delivery.index
    others = Generation.objects.filter(run=generation.run_id).exclude(pk=generation.pk)
    rivals = others if delivery.index >= generation.wanted else others.filter(pk__gt=generation.pk)
    claimed = rivals.filter(position__lte=own, position__gt=own - F("wanted"))
    images = Image.objects.filter(run=generation.run_id)
    if not claimed.exists() and not images.filter(position=own).exists():
        return own
    asked = Generation.objects.filter(run=generation.run_id)
    end = asked.aggregate(end=Max(F("position") + F("wanted")))["end"]
    last = images.aggregate(last=Max("position"))["last"]
    return max(end, 0 if last is None else last + 1)
