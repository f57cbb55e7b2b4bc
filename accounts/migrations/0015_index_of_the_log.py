import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.search.schema import CreateSearchTable


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_readings"),
    ]

    operations = [
        CreateSearchTable(
            name="IndexedRecord",
            fields=[
                (
                    "row",
                    models.BigIntegerField(db_column="rowid", primary_key=True, serialize=False),
                ),
                ("tokens", models.TextField()),
            ],
            options={
                "verbose_name": "indexed record",
                "verbose_name_plural": "indexed records",
            },
        ),
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "uuid",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier"
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.TextField(verbose_name="query")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
            ],
            options={
                "verbose_name": "saved search",
                "verbose_name_plural": "saved searches",
                "ordering": ["name"],
            },
        ),
        migrations.AddIndex(
            model_name="record",
            index=models.Index(fields=["story", "event", "id"], name="record_by_story_and_event"),
        ),
        migrations.AddField(
            model_name="savedsearch",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="saved_searches",
                to=settings.AUTH_USER_MODEL,
                verbose_name="person",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedsearch",
            constraint=models.UniqueConstraint(
                fields=("user", "name"), name="saved_search_name_of_person"
            ),
        ),
    ]
