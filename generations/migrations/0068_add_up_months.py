"""Add up the totals of months from those of their days, month by month."""

import datetime as dt

from django.db import migrations
from django.db.models import Max, Min, Sum

SUMMED = (
    "spent",
    "released",
    "images",
    "downloaded",
    "succeeded",
    "failed",
    "cancelled",
    "cost_usd",
)
KEYS = {
    "PersonMonth": ("team_id", "user_id"),
    "WorkMonth": ("team_id", "campaign_id", "engine", "format"),
}


def add_up(apps, schema_editor):
    days = apps.get_model("generations", "UsageDay").objects.order_by()
    ends = days.aggregate(first=Min("day"), last=Max("day"))
    month = ends["first"] and ends["first"].replace(day=1)
    while month and month <= ends["last"]:
        following = (month + dt.timedelta(days=31)).replace(day=1)
        of_month = days.filter(day__gte=month, day__lt=following)
        for name, key in KEYS.items():
            model = apps.get_model("generations", name)
            sums = of_month.values(*key).annotate(**{f"sum_{each}": Sum(each) for each in SUMMED})
            model.objects.bulk_create(
                (
                    model(
                        month=month,
                        **{column: row[column] for column in key},
                        **{each: row[f"sum_{each}"] for each in SUMMED},
                    )
                    for row in sums
                ),
                batch_size=1000,
            )
        month = following


def forget(apps, schema_editor):
    for name in KEYS:
        apps.get_model("generations", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("generations", "0067_usage_by_month")]

    operations = [migrations.RunPython(add_up, forget, elidable=True)]
