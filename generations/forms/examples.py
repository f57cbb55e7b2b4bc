"""Example briefs for a person's first images, which fill the composer with one press."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from generations.forms.compose import ComposeForm
from generations.models import Run
from generations.pricing import credits_in_words


@dataclass(frozen=True)
class Example:
    """A brief: what it is for, and what the composer then holds."""

    title: str | Promise
    prompt: str | Promise
    aspect_ratio: str
    num_images: int


@dataclass(frozen=True)
class Offer:
    """An example as the page shows it. `price` is empty if the engine has none."""

    name: str
    title: str
    prompt: str
    aspect_ratio: str
    num_images: int
    price: str


# By the name in the address.
EXAMPLES = {
    "product": Example(
        title=_("A product on a plain ground"),
        prompt=_(
            "A bar of olive soap on wet slate, olive leaves beside it, soft morning light from the "
            "left, plain warm grey background, room for a headline above"
        ),
        aspect_ratio="1:1",
        num_images=4,
    ),
    "banner": Example(
        title=_("A wide banner for a landing page"),
        prompt=_(
            "A long breakfast table in an orchard in late summer, seen from the side, warm light, "
            "calm colours, the right half empty sky for text"
        ),
        aspect_ratio="16:9",
        num_images=2,
    ),
    "story": Example(
        title=_("An upright picture for a story"),
        prompt=_(
            "Running shoes on wet asphalt at dawn, seen from close to the ground, reflections of "
            "street lamps, blurred city behind, upper third free for text"
        ),
        aspect_ratio="9:16",
        num_images=2,
    ),
}


def example_form(user: User, name: str, *, engine: str) -> ComposeForm | None:
    """The composer filled with the example `name` for `engine`; None if there is none."""
    example = EXAMPLES.get(name)
    if example is None:
        return None
    given = {
        "engine": engine,
        "prompt": str(example.prompt),
        "aspect_ratio": example.aspect_ratio,
        "num_images": str(example.num_images),
    }
    return ComposeForm.fitting(given, user=user)


def offers(user: User, *, engine: str) -> list[Offer]:
    """The examples with their prices at `engine`, for a person who has not made a run yet."""
    if not engine or Run.objects.filter(user=user).exists():
        return []
    return [_offer(user, name, example, engine) for name, example in EXAMPLES.items()]


def _offer(user: User, name: str, example: Example, engine: str) -> Offer:
    form = example_form(user, name, engine=engine)
    price = form.draft.price if form else None
    return Offer(
        name=name,
        title=str(example.title),
        prompt=str(example.prompt),
        aspect_ratio=example.aspect_ratio,
        num_images=form.draft.num_images if form else example.num_images,
        price=credits_in_words(price) if price else "",
    )
