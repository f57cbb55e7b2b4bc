"""Copies of rows are as good as the rows, and the tables are as they were."""

import pytest
from django.db import connection

from accounts.models import User
from generations.gallery_filters import Filter
from generations.models import Image, Run
from generations.reading import gallery
from tests.bench.scale import images

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such copies"),
]
RUNS = 30
TIMES = 3, 2
KEPT = """
SELECT indexrelid::regclass::text, indisvalid, indisunique FROM pg_index
UNION ALL SELECT conname, convalidated, contype = 'u' FROM pg_constraint
"""


def indexes_and_constraints():
    with connection.cursor() as cursor:
        cursor.execute(KEPT)
        return sorted(cursor.fetchall())


def found(user, query):
    return [card.frame.id for card in gallery.page(user, chosen=Filter(query=query)).cards]


def test_copies_are_newer_rows_that_a_search_finds_and_every_index_is_back():
    images.fill(RUNS * images.IMAGES_A_RUN)
    connection.check_constraints()  # now, because a table with checks to come can't be altered
    large, new = (User.objects.get(email=email) for email in (images.LARGE, images.NEW))
    before, of_new = indexes_and_constraints(), Image.objects.filter(team=new.team).count()
    runs = Run.objects.visible_to(large)
    newest, count = runs.newest().first(), runs.count()

    for times in TIMES:
        images.multiply_images(times)

    assert indexes_and_constraints() == before
    assert runs.count() == 6 * count
    assert Image.objects.filter(team=new.team).count() == of_new
    copies = runs.filter(created_at__gt=newest.created_at)
    assert copies.count() == 5 * count
    assert [run.images.count() for run in copies] == [images.IMAGES_A_RUN] * copies.count()
    last = copies.newest().first()
    shown = found(large, last.prompt.split(", ")[-1])  # "take" and its number
    assert f"image-{last.images.first().uuid}" in shown
    assert len(shown) == 6 * images.IMAGES_A_RUN
    connection.check_constraints()
    assert Run.objects.create(**{**vars_of(last), "prompt": "new"}).pk > last.pk


def vars_of(run):
    names = ("user", "team", "engine", "idempotency_key", "content_digest", "wanted")
    return {name: getattr(run, name) for name in names} | {"idempotency_key": run.uuid}
