"""Groups and their permissions after each migration."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts.groups import ADMINS, MEMBERS, PERMISSIONS, REVIEWERS

pytestmark = pytest.mark.django_db


def granted(name):
    permissions = Group.objects.get(name=name).permissions
    return set(permissions.values_list("content_type__app_label", "codename"))


@pytest.mark.parametrize("name", PERMISSIONS)
def test_every_permission_of_the_table_exists_and_is_granted(name):
    assert {".".join(permission) for permission in granted(name)} == set(PERMISSIONS[name])


def test_migrating_again_restores_what_was_changed():
    members = Group.objects.get(name=MEMBERS)
    members.permissions.set(Permission.objects.filter(codename="delete_user"))
    Group.objects.get(name=REVIEWERS).delete()

    call_command("migrate", verbosity=0, interactive=False)

    assert granted(MEMBERS) == {("generations", "add_run"), ("generations", "view_image")}
    assert granted(REVIEWERS) == {
        ("accounts", "view_record"),
        ("generations", "view_image"),
        ("generations", "see_label_law"),
    }


def test_admins_can_neither_delete_nor_read_the_log():
    names = {codename for _, codename in granted(ADMINS)}
    # A label policy that is deleted lets the wider one hold again, and so does a default.
    assert {name for name in names if name.startswith("delete_")} == {
        "delete_labelpolicy",
        "delete_plannedquota",
        "delete_snippet",
        "delete_teamdefault",
    }
    assert not names & {"view_record", "view_run", "view_image", "view_delivery"}
