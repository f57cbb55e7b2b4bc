"""The groups and what each may do. Every migration restores the groups to this table."""

from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q
from django.utils.functional import Promise
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
# Who sees what the own team uses. Nobody is in it from the start.
TEAM_LEADS = "team leads"
# They may enter the admin.
STAFF = (ADMINS, DATA_PROTECTION, LEGAL_COUNSEL)


@dataclass(frozen=True)
class InWords:
    """What pages call a group, and what the people in it may do."""

    title: str | Promise
    may: str | Promise


IN_WORDS = {
    MEMBERS: InWords(_("Members"), _("make, find and download images of their team")),
    REVIEWERS: InWords(
        _("Reviewers"), _("read and search the log of their team, prompts included")
    ),
    AUDITORS: InWords(
        _("Auditors"), _("read the whole log: of every team, and what concerns none")
    ),
    ADMINS: InWords(
        _("Admins"), _("invite and deactivate people, set credits, prices and limits of keys")
    ),
    TEAM_LEADS: InWords(_("Team leads"), _("see what their team uses and what it costs")),
    DATA_PROTECTION: InWords(
        _("Data protection"), _("erase people, runs and images, and set what is erased by age")
    ),
    LEGAL_COUNSEL: InWords(
        _("Legal counsel"), _("place and lift legal holds, which forbid to erase something")
    ),
}

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
    TEAM_LEADS: ("generations.see_team_usage", "generations.view_image"),
    ADMINS: (
        "accounts.add_user",
        "accounts.change_user",
        "accounts.view_user",
        "accounts.add_team",
        "accounts.change_team",
        "accounts.view_team",
        "accounts.change_allowance",
        "accounts.view_allowance",
        "accounts.view_creditrequest",
        "accounts.view_entry",
        "accounts.add_plannedquota",
        "accounts.change_plannedquota",
        "accounts.delete_plannedquota",
        "accounts.view_plannedquota",
        "accounts.view_notice",
        "accounts.add_outlet",
        "accounts.change_outlet",
        "accounts.view_outlet",
        "accounts.view_posting",
        "generations.change_enginesetting",
        "generations.view_enginesetting",
        "generations.add_teamdefault",
        "generations.change_teamdefault",
        "generations.delete_teamdefault",
        "generations.view_teamdefault",
        "generations.add_labelpolicy",
        "generations.change_labelpolicy",
        "generations.delete_labelpolicy",
        "generations.view_labelpolicy",
        "generations.add_budget",
        "generations.change_budget",
        "generations.view_budget",
        "generations.view_budgetmonth",
        "generations.change_creditvalue",
        "generations.view_creditvalue",
        "generations.add_price",
        "generations.view_price",
        "generations.change_provideraccount",
        "generations.view_provideraccount",
        "generations.change_generation",
        "generations.view_generation",
        "generations.add_relabelling",
        "generations.change_relabelling",
        "generations.delete_snippet",
        "generations.view_relabelling",
        "generations.see_team_usage",
        "generations.view_usageday",
        SEE_LABEL_LAW,
    ),
}


def title_of(name: str) -> str:
    """What pages call the group `name`: a group that somebody added has only its name."""
    return str(IN_WORDS[name].title) if name in IN_WORDS else name


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
