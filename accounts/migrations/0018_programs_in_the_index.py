"""What programs record of themselves leaves the lines of the log's list."""

from django.db import migrations

from accounts.audit.index import BATCH, OF_PROGRAMS, index_records


def index_again(apps, schema_editor):
    records = apps.get_model("accounts", "Record").objects
    of_programs = records.filter(event__in=[str(event) for event in OF_PROGRAMS])
    keys = list(of_programs.values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        found = records.filter(pk__in=keys[start : start + BATCH])
        index_records(found.select_related("payload"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0017_emptied_payloads")]

    operations = [migrations.RunPython(index_again, migrations.RunPython.noop)]
