"""Runs and what belongs to them, as rows: plain functions, every value of which can be given.

Credits are left alone: runs that reserve and settle are made by `tests.generations.asking`.
"""

import hashlib
import io
import uuid
from functools import cache
from typing import Any

from django.utils import timezone
from PIL import Image as Pillow

from accounts.models import User
from generations import storage
from generations.conversions import KEPT, recipe_named
from generations.imaging import extension
from generations.jobs.execution.renditions import make_files
from generations.labelling import RECIPES, Original, Recipe
from generations.models import (
    Conversion,
    Delivery,
    Generation,
    Image,
    Price,
    Reference,
    Rendition,
    Run,
)
from generations.providers.capabilities import provider_of
from generations.states import ENDED, OPEN, Status
from tests.generations.asking import DEMO

SIZE = (96, 64)


def make_run(user: User, **values: Any) -> Run:
    """A run without generations; four images wanted, none of them open, unless said otherwise."""
    values = {
        "team": user.team,
        "engine": DEMO,
        "prompt": "ridges at dawn",
        "options": {"resolution": "2K", "aspect_ratio": "3:2"},
        "idempotency_key": uuid.uuid4(),
        "content_digest": "0" * 64,
        "wanted": 4,
    } | values
    run = Run.objects.create(user=user, **values)
    run.refresh_from_db()  # its status is the database's own
    return run


def make_generation(run: Run, status: Status = Status.QUEUED, **values: Any) -> Generation:
    """A request of `run` for one image, with what a row of its status must have."""
    needed: dict[str, Any] = {}
    if status in (Status.SUBMITTING, Status.RUNNING):
        needed = {"submit_token": uuid.uuid4(), "claimed_by": "worker", "task_id": uuid.uuid4()}
    if status in ENDED:
        needed = {"ended_at": run.created_at}
    values = {
        "user": run.user,
        "provider": provider_of(run.engine),
        "price": Price.objects.filter(engine=run.engine).first(),
        "position": 0,
        "wanted": 1,
        **needed,
    } | values
    return Generation.objects.create(run=run, status=status, **values)


def make_pending_run(user: User, status: Status = Status.QUEUED, **values: Any) -> Run:
    """A run of one image that is on its way."""
    assert status in OPEN
    run = make_run(user, wanted=1, open=1, **values)
    make_generation(run, status)
    return run


def make_finished_run(
    user: User,
    *,
    images: int = 1,
    files: bool = False,
    size: tuple[int, int] = SIZE,
    **values: Any,
) -> Run:
    """A run of which every image has come."""
    run = make_run(user, wanted=images, delivered=images, **values)
    generation = make_generation(run, Status.SUCCEEDED, wanted=images, delivered=images)
    for index in range(images):
        make_image(generation, index, files=files, size=size)
    return run


def make_image(
    generation: Generation,
    index: int = 0,
    *,
    files: bool = True,
    size: tuple[int, int] = SIZE,
) -> Image:
    """A stored image with its renditions; with `files` they are real, and really labelled."""
    original = image_file(size)
    delivery = Delivery.objects.create(
        generation=generation,
        index=index,
        status=Delivery.Status.STORED,
        original_name=storage.original_name(generation.uuid, attempt=1, index=index),
    )
    image = Image.objects.create(
        run=generation.run,
        team=generation.run.team,
        generation=generation,
        delivery=delivery,
        position=generation.position + index,
        format="PNG",
        width=size[0],
        height=size[1],
        bytes=len(original),
        original_name=delivery.original_name,
        original_sha256=hashlib.sha256(original).hexdigest(),
        arrived_with={"looked": "1"},
    )
    if files:
        storage.save_original(image.original_name, original)
        rows = make_files(image, Original(original))
    else:
        rows = [_without_file(image, recipe) for recipe in RECIPES]
    for row in rows:
        row.save(force_insert=True)
    return image


def make_conversion(image: Image, **values: Any) -> Conversion:
    """A file of `image` in another format that is ready, really labelled."""
    recipe = recipe_named("original-webp")
    original = Original(storage.read(storage.originals(), image.original_name))
    made = make_files(image, original, recipes=(recipe,))[0]
    copied = ("name", "format", "width", "height", "bytes", "sha256", "label_version", "policy")
    known = {name: getattr(made, name) for name in copied}
    now = timezone.now()
    times = {"next_action_at": now, "made_at": now, "expires_at": now + KEPT}
    known |= {"state": Conversion.State.READY, "recipe": recipe.name, "is_stored": True, **times}
    return Conversion.objects.create(image=image, **(known | values))


def make_reference(user: User, **values: Any) -> Reference:
    """An uploaded reference with its file."""
    data = image_file()
    digest = hashlib.sha256(data).hexdigest()
    name = storage.reference_name(digest)
    storage.save_original(name, data)
    known = {"name": name, "sha256": digest, "format": "PNG", "width": 96, "height": 64}
    values = {**known, "rights": Reference.Rights.OWN} | values
    return Reference.objects.create(owner=user, team=user.team, **values)


@cache
def image_file(size: tuple[int, int] = SIZE, image_format: str = "PNG") -> bytes:
    """A plain image as a file."""
    file = io.BytesIO()
    Pillow.new("RGB", size, "teal").save(file, image_format)
    return file.getvalue()


def _without_file(image: Image, recipe: Recipe) -> Rendition:
    image_format = recipe.format or image.format
    name = storage.rendition_name(
        image.uuid, recipe=recipe.name, sha256="0" * 64, extension=extension(image_format)
    )
    return Rendition(
        image=image,
        recipe=recipe.name,
        name=name,
        format=image_format,
        width=image.width,
        height=image.height,
        bytes=0,
        sha256="0" * 64,
        label_version=1,
    )
