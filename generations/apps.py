from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = _("Images")

    def ready(self) -> None:
        # System checks, kinds of notices and comparisons of rows register on import.
        from generations import checks, notice_kinds, offering, pricing  # noqa: F401, PLC0415
        from generations.tampering import verification  # noqa: F401, PLC0415

        post_migrate.connect(pricing.add_default_prices, sender=self)
        post_migrate.connect(offering.add_rows, sender=self)
