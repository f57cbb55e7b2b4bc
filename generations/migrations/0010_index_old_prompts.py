from django.db import migrations

from generations.models.prompt_index import index_next


def index_old_prompts(apps, schema_editor):
    """Each batch stays when it is done: stopped and started again, the migration goes on."""
    runs = apps.get_model("generations", "Run").objects.all()
    at, _ = index_next(runs, after=0)
    while at:
        at, _ = index_next(runs, after=at)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("generations", "0009_prompt_index"),
    ]

    operations = [
        migrations.RunPython(index_old_prompts, migrations.RunPython.noop, elidable=True),
    ]
