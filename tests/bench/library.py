"""Fills a studio with images fast: rows without files."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from generations.models import Delivery, Generation, Image, Price, Rendition, Run
from generations.models.prompt_index import index_runs
from generations.states import Status
from tests.generations.asking import DEMO

IMAGES_A_RUN = 4
SUBJECTS = ("ridges at dawn", "a red fox", "poured ink", "matte spheres", "city at night")


def fill(user: User, images: int) -> None:
    """Give `user` this many finished images in runs of four, a minute apart, newest last."""
    price = Price.objects.get(engine=DEMO, tier="2K")
    runs = Run.objects.bulk_create(
        [_run(user, number) for number in range(images // IMAGES_A_RUN)], batch_size=500
    )
    index_runs(runs)
    _date(runs)
    generations = Generation.objects.bulk_create(
        [_generation(run, price) for run in runs], batch_size=500
    )
    deliveries = Delivery.objects.bulk_create(
        [_delivery(row, index) for row in generations for index in range(IMAGES_A_RUN)],
        batch_size=500,
    )
    made = Image.objects.bulk_create([_image(row) for row in deliveries], batch_size=500)
    _date(made)
    Rendition.objects.bulk_create(
        [_rendition(image, recipe) for image in made for recipe in ("preview", "screen", "full")],
        batch_size=500,
    )


def _run(user: User, number: int) -> Run:
    return Run(
        user=user,
        team=user.team,
        engine=DEMO,
        prompt=f"{SUBJECTS[number % len(SUBJECTS)]}, take {number}",
        options={"resolution": "2K", "aspect_ratio": "3:2"},
        idempotency_key=uuid.uuid4(),
        content_digest="0" * 64,
        wanted=IMAGES_A_RUN,
        delivered=IMAGES_A_RUN,
    )


def _generation(run: Run, price: Price) -> Generation:
    return Generation(
        run=run,
        user=run.user,
        provider="demo",
        price=price,
        status=Status.SUCCEEDED,
        position=0,
        wanted=IMAGES_A_RUN,
        delivered=IMAGES_A_RUN,
        submitted_at=run.created_at,
        ended_at=run.created_at + timedelta(seconds=5),
    )


def _delivery(generation: Generation, index: int) -> Delivery:
    return Delivery(
        generation=generation, index=index, status=Delivery.Status.STORED, original_name="none"
    )


def _image(delivery: Delivery) -> Image:
    run = delivery.generation.run
    return Image(
        run=run,
        team=run.team,
        generation=delivery.generation,
        delivery=delivery,
        position=delivery.index,
        format="JPEG",
        width=2496,
        height=1664,
        bytes=900_000,
        original_name="none",
        original_sha256="0" * 64,
    )


def _date(rows: list[Any]) -> None:
    """Spread rows over the past, one run a minute: `created_at` can only be changed afterwards."""
    now = timezone.now()
    for number, row in enumerate(rows):
        row.created_at = now - timedelta(minutes=len(rows) - number) / (
            IMAGES_A_RUN if isinstance(row, Image) else 1
        )
    type(rows[0]).objects.bulk_update(rows, ["created_at"], batch_size=500)


def _rendition(image: Image, recipe: str) -> Rendition:
    return Rendition(
        image=image,
        recipe=recipe,
        name="none",
        format="WEBP",
        width=640,
        height=427,
        bytes=30_000,
        sha256="0" * 64,
        label_version=1,
    )
