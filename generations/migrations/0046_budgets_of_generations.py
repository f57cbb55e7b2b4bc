import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generations", "0045_budgets")]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="charged",
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="generation",
            name="studio_budget",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="generations.budgetmonth",
            ),
        ),
        migrations.AddField(
            model_name="generation",
            name="team_budget",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="generations.budgetmonth",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("team_budget__isnull", False)),
                fields=["team_budget"],
                name="generation_by_team_budget",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("studio_budget__isnull", False)),
                fields=["studio_budget"],
                name="generation_by_studio_budget",
            ),
        ),
    ]
