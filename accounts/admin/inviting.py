"""The page that invites a person: what it preselects, and what it says beside its fields."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext, pgettext_lazy

from accounts import groups, invitations
from accounts.admin import rights
from accounts.groups import IN_WORDS, MEMBERS
from accounts.models import Team, User


class GroupsField(forms.ModelMultipleChoiceField):
    """Groups as check boxes, each with what the people in it may do."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        if known := IN_WORDS.get(obj.name):
            return gettext("%(group)s: %(may)s") % {"group": known.title, "may": known.may}
        return str(obj)


def groups_field_of(actor: User) -> dict[str, Any]:
    """The arguments of the form field in which `actor` chooses groups."""
    offered = rights.givable_groups(actor)
    return {
        "form_class": GroupsField,
        "queryset": offered,
        "label": pgettext_lazy("what a person is allowed to do", "May"),
        "help_text": _beyond(actor),
    }


def _beyond(actor: User) -> str:
    """Which groups `actor` does not see in the list, and who can give them."""
    if actor.is_superuser:
        return ""
    offered = set(rights.givable_groups(actor).values_list("name", flat=True))
    beyond = ", ".join(groups.title_of(name) for name in IN_WORDS if name not in offered)
    return gettext("Only a superuser can put people into: %(groups)s.") % {"groups": beyond}


def preselected() -> dict[str, Any]:
    """What the page has chosen from the start: the only team, and members."""
    teams = list(Team.objects.values_list("pk", flat=True)[:2])
    members = Group.objects.filter(name=MEMBERS).values_list("pk", flat=True)
    return {"groups": list(members)} | ({"team": teams[0]} if len(teams) == 1 else {})


def what_happens() -> str:
    """What follows the press: a mail, or a link to hand over."""
    if invitations.can_mail():
        return gettext(
            "The person gets a mail with a link, which you see as well. With it they set a "
            "password and are signed in at once."
        )
    return gettext(
        "This studio sends no mails, because EMAIL_URL is not set. You get a link: hand it over "
        "yourself. With it the person sets a password and is signed in at once."
    )
