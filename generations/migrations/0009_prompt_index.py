from django.db import migrations, models

from accounts.search.schema import CreateSearchTable


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0008_people_in_line"),
    ]

    operations = [
        CreateSearchTable(
            name="IndexedPrompt",
            fields=[
                (
                    "row",
                    models.BigIntegerField(db_column="rowid", primary_key=True, serialize=False),
                ),
                ("tokens", models.TextField()),
            ],
            options={
                "verbose_name": "indexed prompt",
                "verbose_name_plural": "indexed prompts",
                "abstract": False,
            },
        ),
    ]
