from django.db import migrations

from accounts.audit.index import index_next

SEARCHES = (
    "gallery:searched",
    "log:searched",
    "log:search_saved",
    "log:search_deleted",
    "export:asked",
)


def index_old_searches(apps, schema_editor):
    """Each batch stays when it is done. Stopped and started again, the migration begins anew."""
    records = apps.get_model("accounts", "Record").objects.filter(event__in=SEARCHES)
    at, _ = index_next(records, after=0, again=True)
    while at:
        at, _ = index_next(records, after=at, again=True)


class Migration(migrations.Migration):
    """Searches are found by what was searched for, so that it can be erased."""

    atomic = False

    dependencies = [
        ("accounts", "0016_verification_and_time_stamps"),
        ("generations", "0020_exports"),
    ]

    operations = [
        migrations.RunPython(index_old_searches, migrations.RunPython.noop, elidable=True),
    ]
