import uuid
from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0024_saved_views_of_the_gallery"),
        ("generations", "0044_prices_of_references"),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
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
                (
                    "usd",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="At the prices of the price book. Empty: no budget for now.",
                        max_digits=12,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("10000000")),
                        ],
                        verbose_name="USD a month",
                    ),
                ),
                (
                    "blocks",
                    models.BooleanField(
                        default=False,
                        help_text="Otherwise admins are told, and runs go on. What is being made is finished.",
                        verbose_name="stops new runs when it is used up",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the whole studio.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "budget",
                "verbose_name_plural": "budgets",
                "ordering": ["team__name"],
            },
        ),
        migrations.CreateModel(
            name="BudgetMonth",
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
                (
                    "month",
                    models.DateField(
                        help_text="First day, in the time zone of the team or of the studio.",
                        verbose_name="month",
                    ),
                ),
                ("limit", models.BigIntegerField(verbose_name="limit")),
                (
                    "before",
                    models.BigIntegerField(
                        default=0, verbose_name="used before there was a budget"
                    ),
                ),
                ("reserved", models.BigIntegerField(default=0, verbose_name="reserved")),
                ("spent", models.BigIntegerField(default=0, verbose_name="spent")),
                (
                    "budget",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="months",
                        to="generations.budget",
                        verbose_name="budget",
                    ),
                ),
            ],
            options={
                "verbose_name": "month of a budget",
                "verbose_name_plural": "months of budgets",
                "ordering": ["-month", "budget"],
            },
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.UniqueConstraint(
                django.db.models.functions.comparison.Coalesce("team", 0),
                name="budget_once_per_owner",
                violation_error_message="There is a budget of this team, or studio, already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("usd__isnull", True), ("usd__gte", 0), _connector="OR"),
                name="budget_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetmonth",
            constraint=models.UniqueConstraint(
                fields=("budget", "month"), name="budget_month_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetmonth",
            constraint=models.CheckConstraint(
                condition=models.Q(("limit__gte", 0)), name="budget_limit_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetmonth",
            constraint=models.CheckConstraint(
                condition=models.Q(("before__gte", 0)), name="budget_before_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetmonth",
            constraint=models.CheckConstraint(
                condition=models.Q(("reserved__gte", 0)), name="budget_reserved_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetmonth",
            constraint=models.CheckConstraint(
                condition=models.Q(("spent__gte", 0)), name="budget_spent_not_negative"
            ),
        ),
    ]
