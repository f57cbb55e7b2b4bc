from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People and credits")

    def ready(self) -> None:
        from accounts import append_only, checks, database_roles, groups  # noqa: F401, PLC0415  # checks register on import

        post_migrate.connect(append_only.install_after_migrate, sender=self)
        post_migrate.connect(database_roles.grant_after_migrate, sender=self)
        post_migrate.connect(groups.create_after_migrate, dispatch_uid="accounts.groups")
