import uuid
from decimal import Decimal

import django.core.validators
from django.db import migrations, models


def add_credit_value(apps, schema_editor):
    """The value of a credit is one row, so that admins find it to change."""
    model = apps.get_model("generations", "CreditValue")
    model.objects.using(schema_editor.connection.alias).create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("generations", "0041_usage_by_day")]

    operations = [
        migrations.CreateModel(
            name="CreditValue",
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
                        decimal_places=4,
                        default=Decimal("0.01"),
                        help_text="What people or teams pay for one credit. Margins are worked out with it.",
                        max_digits=10,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.0001")),
                            django.core.validators.MaxValueValidator(Decimal("1000")),
                        ],
                        verbose_name="value of a credit, USD",
                    ),
                ),
            ],
            options={
                "verbose_name": "value of a credit",
                "verbose_name_plural": "value of a credit",
            },
        ),
        migrations.CreateModel(
            name="LastBill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("engine", models.CharField(max_length=100, verbose_name="engine")),
                ("tier", models.CharField(max_length=40, verbose_name="tier")),
                (
                    "cost_usd",
                    models.DecimalField(
                        decimal_places=5, max_digits=12, verbose_name="cost of an image, USD"
                    ),
                ),
                (
                    "references",
                    models.PositiveSmallIntegerField(default=0, verbose_name="references"),
                ),
                ("billed_at", models.DateTimeField(verbose_name="time")),
            ],
            options={
                "verbose_name": "last bill",
                "verbose_name_plural": "last bills",
            },
        ),
        migrations.AddField(
            model_name="generation",
            name="references",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="How many references each of its images is made from; the price depends on it.",
                verbose_name="references",
            ),
        ),
        migrations.AddField(
            model_name="price",
            name="cost_usd_per_reference",
            field=models.DecimalField(
                db_default=Decimal("0"),
                decimal_places=5,
                default=Decimal("0"),
                max_digits=10,
                validators=[
                    django.core.validators.MinValueValidator(Decimal("0")),
                    django.core.validators.MaxValueValidator(Decimal("1000")),
                ],
                verbose_name="provider's cost for each further reference, USD",
            ),
        ),
        migrations.AddField(
            model_name="price",
            name="credits_per_reference",
            field=models.DecimalField(
                db_default=Decimal("0"),
                decimal_places=2,
                default=Decimal("0"),
                help_text="For each image. The sum for an image is rounded up to whole credits.",
                max_digits=8,
                validators=[
                    django.core.validators.MinValueValidator(Decimal("0")),
                    django.core.validators.MaxValueValidator(Decimal("100000")),
                ],
                verbose_name="credits for each further reference",
            ),
        ),
        migrations.AddField(
            model_name="price",
            name="free_references",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="How many references are in the price of an image.",
                validators=[django.core.validators.MaxValueValidator(100)],
                verbose_name="references without extra cost",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="cost_usd",
            field=models.DecimalField(
                decimal_places=5,
                help_text="What the company pays if the provider does not name the cost itself.",
                max_digits=10,
                validators=[
                    django.core.validators.MinValueValidator(Decimal("0")),
                    django.core.validators.MaxValueValidator(Decimal("1000")),
                ],
                verbose_name="provider's cost for an image, USD",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="credits",
            field=models.PositiveIntegerField(
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(100000),
                ],
                verbose_name="credits for an image",
            ),
        ),
        migrations.AddConstraint(
            model_name="lastbill",
            constraint=models.UniqueConstraint(
                fields=("engine", "tier"), name="last_bill_once_per_tier"
            ),
        ),
        migrations.RunPython(add_credit_value, migrations.RunPython.noop),
    ]
