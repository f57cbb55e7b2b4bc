"""Records from before the seal wait for sealing too (`accounts.sealing.old_records`)."""

from django.db import migrations

from accounts.sealing.old_records import add_unsealed


def fill(apps, schema_editor):
    add_unsealed(schema_editor.connection)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0010_sealing_of_the_log")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
