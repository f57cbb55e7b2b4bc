from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = _("Images")

    def ready(self) -> None:
        from generations import checks, pricing  # noqa: F401, PLC0415  # checks register on import

        post_migrate.connect(pricing.add_default_prices, sender=self)
