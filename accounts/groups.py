"""The groups and what each may do. Every migration restores the groups to this table."""

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MEMBERS = "members"
REVIEWERS = "reviewers"
ADMINS = "admins"
# Reviewers of all teams and of acts that concern no team. Nobody is in it from the start.
AUDITORS = "auditors"
# Who erases texts and images, and sets the rules by age. Nobody is in it from the start.
DATA_PROTECTION = "data protection"
# Who forbids that something is erased, and lifts that again. Nobody is in it from the start.
LEGAL_COUNSEL = "legal counsel"
# What people call the groups. Others, which an operator has made, are called by their names.
LABELS = {
    MEMBERS: _("members"),
    REVIEWERS: _("reviewers"),
    ADMINS: _("admins"),
    AUDITORS: _("auditors"),
    DATA_PROTECTION: _("data protection"),
    LEGAL_COUNSEL: _("legal counsel"),
}
# They may enter the admin.
STAFF = (ADMINS, DATA_PROTECTION, LEGAL_COUNSEL)

SEE_LABEL_LAW = "generations.see_label_law"

PERMISSIONS = {
    MEMBERS: ("generations.add_run", "generations.view_image"),
    REVIEWERS: ("accounts.view_record", "generations.view_image", SEE_LABEL_LAW),
    AUDITORS: (
        "accounts.view_record",
        "accounts.read_whole_log",
        "generations.view_image",
        SEE_LABEL_LAW,
    ),
    DATA_PROTECTION: (
        "generations.add_erasure",
        "generations.change_erasure",
        "generations.view_erasure",
        "generations.add_retentionrule",
        "generations.change_retentionrule",
        "generations.delete_retentionrule",
        "generations.view_retentionrule",
        "generations.view_legalhold",
    ),
    LEGAL_COUNSEL: (
        "generations.view_labelpolicy",
        "generations.add_legalhold",
        "generations.change_legalhold",
        "generations.view_legalhold",
        "generations.view_erasure",
        SEE_LABEL_LAW,
    ),
    ADMINS: (
        "accounts.add_user",
        "accounts.change_user",
        "accounts.view_user",
        "accounts.add_team",
        "accounts.change_team",
        "accounts.view_team",
        "accounts.change_allowance",
        "accounts.view_allowance",
        "accounts.view_entry",
        "accounts.view_notice",
        "generations.add_labelpolicy",
        "generations.change_labelpolicy",
        "generations.delete_labelpolicy",
        "generations.view_labelpolicy",
        "generations.add_price",
        "generations.view_price",
        "generations.change_provideraccount",
        "generations.view_provideraccount",
        "generations.change_generation",
        "generations.view_generation",
        "generations.add_relabelling",
        "generations.change_relabelling",
        "generations.view_relabelling",
        SEE_LABEL_LAW,
    ),
}


def label_of(name: str) -> str:
    """What people call the group with this name, in the reader's language."""
    return str(LABELS.get(name, name))


def create_after_migrate(
    sender: AppConfig,
    using: str = DEFAULT_DB_ALIAS,
    apps: Apps = installed_apps,
    **kwargs: Any,
) -> None:
    """Receiver of `post_migrate`: make the groups and give each its permissions.

    Django's own receiver makes an app's permissions, but only after this one and for one app at a
    time. So this one first makes those of `sender`. It runs for every app, and the last one
    completes the groups.
    """
    if sender.label not in {name.split(".")[0] for names in PERMISSIONS.values() for name in names}:
        return
    create_permissions(sender, verbosity=0, using=using, apps=apps)
    try:
        groups = apps.get_model("auth", "Group").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:  # migrated only in part: these tables do not exist yet
        return
    for name, granted in PERMISSIONS.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.set(permissions.filter(_any_of(granted)))


def _any_of(names: tuple[str, ...]) -> Q:
    found = Q()
    for name in names:
        app, codename = name.split(".")
        found |= Q(content_type__app_label=app, codename=codename)
    return found
