"""Lists, for the authors, who opened their stories and originals before there was such a list."""

from itertools import islice

from django.db import migrations

CHUNK = 2_000
# The kind of page by the event, as `accounts.audit.recording` has them.
PAGES = {"record:read": "story", "original:downloaded": "original"}


def fill(apps, schema_editor):
    record = apps.get_model("accounts", "Record")
    acts = record.objects.filter(event__in=PAGES, actor__isnull=False, story__isnull=False)
    listed = acts.order_by("pk").values_list("pk", "event", "actor_id", "story", "at")
    rows = listed.iterator(CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        _list(apps, chunk)


def _list(apps, chunk):
    reading, run = apps.get_model("accounts", "Reading"), apps.get_model("generations", "Run")
    runs = run.objects.filter(uuid__in={story for *_, story, _at in chunk})
    authors = dict(runs.values_list("uuid", "user_id"))
    reading.objects.bulk_create(
        reading(
            record_id=pk,
            author_id=authors[story],
            reader_id=actor,
            page=PAGES[event],
            created_at=at,
        )
        for pk, event, actor, story, at in chunk
        if story in authors and authors[story] != actor
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_readings"),
        ("generations", "0015_polls"),
    ]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
