from django.db import migrations

from accounts.audit.index import index_next


def index_old_records(apps, schema_editor):
    """Each batch stays when it is done: stopped and started again, the migration goes on."""
    records = apps.get_model("accounts", "Record").objects.all()
    at, _ = index_next(records, after=0)
    while at:
        at, _ = index_next(records, after=at)


class Migration(migrations.Migration):
    """In this app, because the teams of old records are filled here."""

    atomic = False

    dependencies = [
        ("accounts", "0015_index_of_the_log"),
        ("generations", "0017_rights_of_uploads"),
    ]

    operations = [
        migrations.RunPython(index_old_records, migrations.RunPython.noop, elidable=True),
    ]
