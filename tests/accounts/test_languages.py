"""People read pages, mails and times in the language and time zone that they have chosen."""

import datetime as dt

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone, translation

from accounts import invitations, notices
from accounts.events import Event
from accounts.models import Notice, Record, User
from generations.notice_kinds import KEY_NEEDS_CARE
from tests.factories import make_team, make_user

CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-CN,zh;q=0.9,en;q=0.5"}
PROFILE = {"name": "Li Na", "language": "zh-hans", "time_zone": "Asia/Shanghai"}


@pytest.mark.django_db
class TestPages:
    def test_a_page_is_in_the_language_of_the_browser(self, client, alice):
        client.force_login(alice)
        page = client.get("/account/", **CHINESE)
        assert '<html lang="zh-hans"' in page.text
        assert "个人资料" in page.text

    def test_what_a_person_has_chosen_goes_before_that(self, client, alice):
        client.force_login(alice)
        User.objects.filter(pk=alice.pk).update(language="en")
        assert "Profile" in client.get("/account/", **CHINESE).text

    def test_the_admin_is_in_the_persons_language_too(self, client, admin):
        client.force_login(admin)
        User.objects.filter(pk=admin.pk).update(language="zh-hans")
        assert "管理后台" in client.get("/admin/").text

    def test_times_are_those_of_the_persons_zone(self, client, admin):
        at = dt.datetime(2026, 3, 1, 20, 30, tzinfo=dt.UTC)
        Notice.objects.create(kind="x", cause="x", raised_at=at, seen_at=at, ended_at=at)
        User.objects.filter(pk=admin.pk).update(language="zh-hans", time_zone="Asia/Shanghai")
        client.force_login(admin)
        assert "2026年3月2日 04:30" in client.get("/notices/").text

    def test_the_next_request_begins_without_the_zone_of_the_last(self, client, alice):
        User.objects.filter(pk=alice.pk).update(time_zone="Asia/Shanghai")
        client.force_login(alice)
        client.get("/account/")
        assert timezone.get_current_timezone_name() == "UTC"

    def test_a_stranger_switches_the_language_of_the_sign_in_page(self, client):
        sign_in = reverse("account_login")
        client.post(reverse("set-language"), {"language": "zh-hans", "next": sign_in})
        assert "还没有账号" in client.get(sign_in).text


@pytest.mark.django_db
class TestProfile:
    def test_it_is_saved_and_on_record(self, client, alice):
        client.force_login(alice)
        told = client.post("/account/", PROFILE, follow=True)
        alice.refresh_from_db()
        assert (alice.language, str(alice.tzinfo)) == ("zh-hans", "Asia/Shanghai")
        assert "您的个人资料已保存。" in told.text
        record = Record.objects.get(event=Event.USER_CHANGED)
        assert record.facts["changed"] == ["name", "language", "time_zone"]

    @pytest.mark.parametrize("wrong", [{"time_zone": "Mars/Olympus"}, {"language": "tlh"}])
    def test_what_does_not_exist_is_refused(self, client, alice, wrong):
        client.force_login(alice)
        answer = client.post("/account/", PROFILE | wrong)
        alice.refresh_from_db()
        assert (answer.status_code, alice.language, alice.time_zone) == (422, "", "")

    def test_without_a_zone_the_teams_is_used(self):
        person = make_user(team=make_team(time_zone="Europe/Lisbon"))
        assert str(person.tzinfo) == "Europe/Lisbon"


@pytest.mark.django_db
class TestMails:
    def test_an_invitation_is_in_the_language_of_the_invited(self, admin):
        person = make_user(language="zh-hans")
        with translation.override("en"):
            invitations.mail(invitations.Invitation(person, "https://studio.example/x"))
        assert mail.outbox[0].subject == "您在 Seedream Studio 的账号"
        assert "请在此设置密码" in mail.outbox[0].body

    def test_a_link_that_somebody_asked_for_is_in_the_language_of_the_account(self, client):
        person = make_user(language="zh-hans")
        client.post(reverse("account_reset_password"), {"email": person.email})
        assert mail.outbox[0].subject == "设置您的 Seedream Studio 密码"

    def test_without_a_choice_a_mail_is_in_the_language_of_the_studio(self):
        with translation.override("zh-hans"):
            invitations.mail(invitations.Invitation(make_user(), "https://studio.example/x"))
        assert mail.outbox[0].subject == "Your account at Seedream Studio"

    def test_each_admin_reads_a_notice_in_their_language(self, django_capture_on_commit_callbacks):
        make_user(groups=["admins"])
        make_user(groups=["admins"], language="zh-hans")
        facts = {"subject": "the balance is low", "text": "It was erased."}
        with django_capture_on_commit_callbacks(execute=True):
            notices.tell(KEY_NEEDS_CARE, cause="x", facts=facts)
        assert {each.subject for each in mail.outbox} == {"the balance is low", "余额偏低"}
