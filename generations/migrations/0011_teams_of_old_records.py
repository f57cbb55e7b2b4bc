"""Who may see the records that are older than the table that says so (`generations.catch_up`)."""

from django.db import migrations

from generations.catch_up import add_teams


def fill(apps, schema_editor):
    add_teams(schema_editor.connection)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("generations", "0010_index_old_prompts"),
        ("accounts", "0007_teams_of_records"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
