"""An admin cannot gain, for themselves or through others, rights that admins do not have.

Each attempt posts a form with fields that the page did not offer.
"""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import Record, User
from tests.accounts.admin.pages import change, change_list, run_action, url
from tests.factories import make_team, make_user


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


@pytest.fixture
def throne(sign_in, superuser):
    return sign_in(superuser)


def pk_of(name):
    return Group.objects.get(name=name).pk


def groups_of(user):
    return set(user.groups.values_list("name", flat=True))


def everything():
    return list(User.objects.order_by("pk").values()), set(
        User.groups.through.objects.values_list("user", "group__name")
    )


class TestGroups:
    def test_the_reviewers_group_is_neither_offered_nor_taken(self, desk, alice):
        offered = desk.get(url(User, "change", alice.pk)).context["adminform"].form
        assert {group.name for group in offered.fields["groups"].queryset} == {ADMINS, MEMBERS}

        response = change(desk, alice, groups=[pk_of(MEMBERS), pk_of(REVIEWERS)])

        assert response.context["adminform"].form.errors["groups"]
        assert groups_of(alice) == {MEMBERS}

    def test_nor_for_someone_who_is_being_invited(self, desk, team):
        data = {"email": "nova@example.com", "team": team.pk, "groups": [pk_of(REVIEWERS)]}

        response = desk.post(url(User, "add"), data)

        assert response.context["adminform"].form.errors["groups"]
        assert not User.objects.filter(email="nova@example.com").exists()

    def test_nor_is_it_taken_from_someone_who_has_it(self, desk, reviewer):
        change(desk, reviewer, groups=[pk_of(MEMBERS)])

        assert groups_of(reviewer) == {MEMBERS, REVIEWERS}

    def test_they_cannot_give_a_group_made_for_special_rights(self, desk, alice):
        special = Group.objects.create(name="originals")

        response = change(desk, alice, groups=[special.pk])

        assert response.context["adminform"].form.errors["groups"]

    def test_nobody_changes_their_own(self, sign_in, team):
        only_admin = make_user(team=team, groups=[ADMINS])

        change(sign_in(only_admin), only_admin, groups=[pk_of(ADMINS), pk_of(MEMBERS)])

        assert groups_of(only_admin) == {ADMINS}

    def test_nobody_moves_themselves_into_another_team(self, desk, admin):
        home, other = admin.team, make_team()

        change(desk, admin, team=other.pk)

        admin.refresh_from_db()
        assert admin.team == home

    def test_a_superuser_may(self, throne, superuser):
        other = make_team()

        change(throne, superuser, team=other.pk)

        superuser.refresh_from_db()
        assert superuser.team == other

    def test_nobody_deactivates_themselves(self, desk, admin):
        change(desk, admin, is_active=None)

        admin.refresh_from_db()
        assert admin.is_active

    def test_a_superuser_gives_reviewers(self, throne, alice):
        change(throne, alice, groups=[pk_of(MEMBERS), pk_of(REVIEWERS)])

        assert groups_of(alice) == {MEMBERS, REVIEWERS}


class TestFlags:
    FORGED = {
        "is_superuser": "on",
        "is_staff": "on",
        "password": "md5$x$y",
        "uuid": "00000000-0000-0000-0000-000000000000",
    }

    def test_flags_that_the_form_does_not_have_are_ignored(self, desk, alice, admin):
        permission = Permission.objects.get(codename="view_record")
        before = everything()

        for person in (alice, admin):
            change(desk, person, **self.FORGED, user_permissions=[permission.pk])

        assert everything() == before
        assert not User.user_permissions.through.objects.exists()

    def test_not_even_for_someone_who_is_being_invited(self, desk, team):
        data = {"email": "nova@example.com", "team": team.pk, "groups": [pk_of(MEMBERS)]}

        desk.post(url(User, "add"), data | self.FORGED | {"is_active": ""})

        person = User.objects.get(email="nova@example.com")
        assert (person.is_staff, person.is_superuser, person.is_active) == (False, False, True)
        assert not person.has_usable_password()

    def test_they_are_not_shown(self, desk, alice):
        page = desk.get(url(User, "change", alice.pk)).content.decode()

        assert "is_superuser" not in page
        assert "user_permissions" not in page

    def test_a_superuser_sees_and_sets_them(self, throne, alice):
        change(throne, alice, is_superuser="on")

        alice.refresh_from_db()
        assert (alice.is_superuser, alice.is_staff) == (True, True)


class TestSuperusers:
    def test_an_admin_does_not_see_them(self, desk, superuser):
        people = desk.get(url(User, "changelist")).context["cl"].result_list
        assert superuser not in people
        assert desk.get(url(User, "change", superuser.pk)).status_code == HTTPStatus.FOUND

    @pytest.mark.parametrize(
        "forged",
        [{"email": "mine@example.com"}, {"is_active": ""}, {"quota": 5}, {"groups": []}],
    )
    def test_an_admin_cannot_change_them(self, desk, superuser, forged):
        before = everything()
        data = {"email": superuser.email, "team": superuser.team_id, "is_active": "on"}

        desk.post(url(User, "change", superuser.pk), data | forged)

        assert everything() == before

    def test_nor_in_the_list(self, desk, alice, superuser):
        prefix = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "_save": "Save"}

        desk.post(
            url(User, "changelist"), prefix | {"form-0-id": superuser.pk, "form-0-quota": 9999}
        )

        superuser.refresh_from_db()
        assert superuser.quota is None

    @pytest.mark.parametrize("action", ["show_link", "mail_link", "top_up"])
    def test_nor_by_an_action(self, desk, superuser, admin, action):
        response = run_action(
            desk, [superuser], action, apply="yes", credits=5, reason="x", select_across="0"
        )

        assert b"password/reset" not in response.content
        assert not Record.objects.filter(subject_id=superuser.uuid).exists()

    def test_not_even_while_they_are_deactivated(self, desk, superuser):
        User.objects.filter(pk=superuser.pk).update(is_active=False)
        before = everything()

        desk.post(
            url(User, "change", superuser.pk),
            {"email": "mine@example.com", "team": superuser.team_id, "is_active": "on"},
        )

        assert everything() == before


class TestTakingOver:
    """An e-mail address or a sign-in link gives access to an account, and so to its rights."""

    @pytest.fixture(params=["reviewer", "deactivated reviewer", "with an own permission"])
    def person(self, request, reviewer, alice):
        if request.param == "with an own permission":
            alice.user_permissions.add(Permission.objects.get(codename="download_original"))
            return alice
        if request.param == "deactivated reviewer":
            User.objects.filter(pk=reviewer.pk).update(is_active=False)
        return reviewer

    def test_the_address_of_someone_with_more_rights_stays(self, desk, person):
        change(desk, person, email="mine@example.com", is_active="on")

        fresh = User.objects.get(pk=person.pk)
        assert fresh.email == person.email
        assert [address.email for address in fresh.emailaddress_set.all()] == [person.email]

    def test_their_link_is_not_shown(self, desk, person, alice, bob):
        User.objects.filter(pk=person.pk).update(is_active=True)

        response = run_action(desk, [person, bob], "show_link")

        assert [shown.user for shown in response.context["invitations"]] == [bob]
        assert response.context["refused"] == [person]
        assert not Record.objects.filter(subject_id=person.uuid).exists()

    def test_an_equal_may_be_helped(self, desk, team):
        colleague = make_user(team=team, groups=[ADMINS, MEMBERS])

        response = run_action(desk, [colleague], "show_link")

        assert [shown.user for shown in response.context["invitations"]] == [colleague]

    def test_an_admin_who_reviews_too_may_help_reviewers(self, sign_in, team, reviewer):
        both = make_user(team=team, groups=[ADMINS, REVIEWERS])

        response = run_action(sign_in(both), [reviewer], "show_link")

        assert [shown.user for shown in response.context["invitations"]] == [reviewer]

    def test_someone_with_more_rights_can_still_be_deactivated(self, desk, reviewer):
        change(desk, reviewer, is_active=None)

        reviewer.refresh_from_db()
        assert not reviewer.is_active


class TestSite:
    @pytest.mark.parametrize(
        "address",
        [
            "/admin/auth/group/",
            "/admin/account/emailaddress/",
            "/admin/account/emailconfirmation/",
            "/admin/usersessions/usersession/",
            "/admin/accounts/record/",
            "/admin/accounts/recordpayload/",
            "/admin/generations/run/",
            "/admin/generations/image/",
            "/admin/generations/delivery/",
        ],
    )
    def test_what_would_go_unrecorded_or_show_prompts_is_not_there(self, throne, address):
        assert throne.get(address).status_code == HTTPStatus.NOT_FOUND

    def test_passwords_are_changed_by_the_studios_own_page(self, desk):
        response = desk.get(reverse("admin:password_change"))

        assert response.url == reverse("account_change_password")

    def test_reviewers_and_members_stay_outside(self, sign_in, reviewer, alice):
        for person in (reviewer, alice):
            response = sign_in(person).get(url(User, "changelist"), follow=True)
            assert response.status_code == HTTPStatus.FORBIDDEN

    def test_it_bears_the_studios_name(self, desk):
        assert "Seedream Studio" in desk.get(reverse("admin:index")).content.decode()

    def test_the_list_needs_the_right_to_see_people(self, sign_in, team):
        nobody = make_user(team=team, groups=[], is_staff=True)

        response = sign_in(nobody).get(url(User, "changelist"))

        assert response.status_code == HTTPStatus.FORBIDDEN

    def test_changing_in_the_list_needs_the_right_to_change(self, sign_in, team, alice):
        viewer = make_user(team=team, groups=[], is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
        prefix = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "_save": "Save"}

        response = sign_in(viewer).post(
            url(User, "changelist"), prefix | {"form-0-id": alice.pk, "form-0-quota": 9999}
        )

        assert response.status_code == HTTPStatus.FORBIDDEN


def test_a_change_in_the_list_that_is_allowed_is_made(desk, alice):
    """Shows that the refusals above are not refused for another reason."""
    change_list(desk, User, alice, quota=12)

    alice.refresh_from_db()
    assert alice.quota == 12
