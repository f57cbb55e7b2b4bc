from django.db import migrations

from generations.models.prompt_index import index_next, note_shape


def index_again(apps, schema_editor):
    """Each batch stays when it is done. Stopped and started again, the migration begins anew."""
    runs = apps.get_model("generations", "Run").objects.all()
    at, _ = index_next(runs, after=0, again=True)
    while at:
        at, _ = index_next(runs, after=at, again=True)
    images = apps.get_model("generations", "Image").objects
    unknown = runs.filter(options__aspect_ratio="as-reference").values_list("pk", flat=True)
    for run in unknown.iterator():
        size = images.filter(run_id=run).values_list("width", "height").first()
        if size:
            note_shape(run, *size)


class Migration(migrations.Migration):
    """The gallery finds runs by engine and format too."""

    atomic = False

    dependencies = [
        ("generations", "0036_marks_tags_and_bin"),
    ]

    operations = [
        migrations.RunPython(index_again, migrations.RunPython.noop, elidable=True),
    ]
