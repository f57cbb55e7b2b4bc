"""A look-up of the record of an erasure by the records whose payloads it emptied."""

import django.db.models.deletion
from django.db import migrations, models

ERASED = "personal:erased"


def fill(apps, schema_editor):
    records = apps.get_model("accounts", "Record").objects.using(schema_editor.connection.alias)
    model = apps.get_model("accounts", "EmptiedPayload")
    for key in list(records.filter(event=ERASED).values_list("pk", flat=True)):
        erasure = records.get(pk=key)
        named = records.filter(uuid__in=erasure.facts.get("records", []))
        rows = [model(record_id=row, erasure_id=key) for row in named.values_list("pk", flat=True)]
        model.objects.using(schema_editor.connection.alias).bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_verification_and_time_stamps"),
    ]

    operations = [
        migrations.CreateModel(
            name="EmptiedPayload",
            fields=[
                (
                    "record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.record",
                        verbose_name="record",
                    ),
                ),
                (
                    "erasure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.record",
                        verbose_name="record of the erasure",
                    ),
                ),
            ],
            options={
                "verbose_name": "emptied payload",
                "verbose_name_plural": "emptied payloads",
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
