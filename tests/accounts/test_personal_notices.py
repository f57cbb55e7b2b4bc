"""People are told of their own work once, in the app and, if they choose so, in one mail."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts import forgetting, ledger, notices, personal_notices
from accounts.events import Event
from accounts.models import MailChoice, PersonalNotice, Record
from accounts.notices import digests
from accounts.personal_notices import Kind, When

pytestmark = pytest.mark.django_db
DECIDED = {"decision": "release"}


@pytest.fixture(autouse=True)
def post_office(settings):
    """A studio that sends mail; Django collects the messages in `mail.outbox`."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def tell(user, cause="1", kind=Kind.CREDITS_ADDED, **facts):
    personal_notices.tell(user.pk, kind, cause=cause, facts=facts or {"credits": 200})


def make_due(user):
    due = PersonalNotice.objects.filter(user=user, mail_at__isnull=False)
    due.update(mail_at=timezone.now() - timedelta(minutes=1))


class TestInTheApp:
    def test_a_cause_is_told_once(self, alice, bob):
        for _ in range(2):
            tell(alice)
        assert [each.title for each in notices.personal_for(alice)] == [
            "You got 200 credits more for this month"
        ]
        assert (notices.unread_personal(alice), notices.unread_personal(bob)) == (1, 0)

    def test_a_top_up_is_told_to_its_person(self, alice, admin):
        ledger.top_up(alice, 50, actor=admin, reason="secret plans")
        (shown,) = notices.personal_for(alice)
        assert (shown.title, shown.page) == ("You got 50 credits more for this month", "credits")
        assert "secret" not in str(shown.notice.facts)

    @pytest.mark.parametrize(
        ("kind", "facts", "words"),
        [
            (Kind.RUN_ENDED, {"images": 4, "minutes": 3}, "4 images are ready"),
            (Kind.RUN_ENDED, {"images": 0, "minutes": 3}, "A run has ended without images"),
            (Kind.OUTCOME_DECIDED, {"decision": "release"}, "An admin has given back"),
            (Kind.OUTCOME_DECIDED, {"decision": "of a later version"}, "An admin has decided"),
            ("of:later", {}, "A notice of another version"),
        ],
    )
    def test_each_kind_has_its_words(self, alice, kind, facts, words):
        tell(alice, kind=kind, **facts)
        assert notices.personal_for(alice)[0].title.startswith(words)

    def test_the_page_shows_only_ones_own_and_marks_them(self, alice, bob, sign_in):
        tell(alice)
        other = sign_in(bob)
        assert "200 credits" not in other.get("/notices/").content.decode()
        uuid = PersonalNotice.objects.get().uuid
        other.post(reverse("notice-read", args=[uuid]))
        assert notices.unread_personal(alice) == 1
        own = sign_in(alice)
        assert "200 credits" in own.get("/notices/").content.decode()
        own.post(reverse("notices-read"))
        assert notices.unread_personal(alice) == 0

    def test_members_do_not_see_what_admins_are_told(self, alice, sign_in):
        page = sign_in(alice).get("/notices/").content.decode()
        assert "About the studio" not in page

    def test_old_ones_are_deleted(self, alice):
        tell(alice, "old")
        PersonalNotice.objects.update(told_at=timezone.now() - timedelta(days=31))
        tell(alice, "new")
        notices.prune_personal()
        assert PersonalNotice.objects.get().cause == "new"

    def test_a_forgotten_person_has_none(self, alice):
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice)
        forgetting.forget(alice)
        assert not PersonalNotice.objects.exists()
        assert not MailChoice.objects.exists()


class TestMail:
    def test_nobody_gets_mail_unasked(self, alice):
        tell(alice)
        make_due(alice)
        assert notices.mail_due() == 0

    def test_what_is_due_goes_out_in_one_message_once_on_record(self, alice, settings):
        settings.PUBLIC_URL = "https://studio.example"
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice, "1")
        tell(alice, "2", Kind.RUN_ENDED, images=2, minutes=5)
        assert notices.mail_due() == 0
        make_due(alice)
        assert [notices.mail_due(), notices.mail_due()] == [1, 0]
        (message,) = mail.outbox
        assert (message.to, message.subject) == ([alice.email], "2 notices from Seedream Studio")
        assert "- 2 images are ready\n  The run took 5 minutes." in message.body
        assert message.body.endswith("https://studio.example/account/")
        record = Record.objects.get(event=Event.NOTICES_MAILED)
        assert record.facts["notices"] == 2

    def test_a_claimed_notice_is_not_sent_again_if_the_server_refuses_it(self, alice, monkeypatch):
        def refuse(self):
            raise OSError

        personal_notices.choose_mail(alice, When.AT_ONCE)
        tell(alice, kind=Kind.OUTCOME_DECIDED, **DECIDED)
        monkeypatch.setattr(digests.EmailMessage, "send", refuse)
        assert [notices.mail_due(), notices.mail_due()] == [1, 0]

    def test_of_two_programs_one_claims(self, alice):
        personal_notices.choose_mail(alice, When.AT_ONCE)
        tell(alice, kind=Kind.OUTCOME_DECIDED, **DECIDED)
        now = timezone.now()
        assert [len(digests._claim(alice, now)) for _ in range(2)] == [1, 0]

    def test_decisions_go_at_once_if_chosen_so(self, alice, bob):
        personal_notices.choose_mail(alice, When.AT_ONCE)
        personal_notices.choose_mail(bob, When.DAILY)
        for person in (alice, bob):
            tell(person)
            tell(person, kind=Kind.OUTCOME_DECIDED, **DECIDED)
        notices.mail_due()
        assert [message.to for message in mail.outbox] == [[alice.email]]
        assert "credits of a request" in mail.outbox[0].body
        assert "200" not in mail.outbox[0].body

    def test_who_wants_no_more_mail_gets_none_that_was_due(self, alice):
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice)
        make_due(alice)
        personal_notices.choose_mail(alice, When.OFF)
        assert notices.mail_due() == 0

    def test_people_who_may_not_sign_in_get_none(self, alice):
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice)
        make_due(alice)
        type(alice).objects.update(is_active=False)
        assert notices.mail_due() == 0

    def test_what_has_waited_for_days_is_not_mailed(self, alice):
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice)
        PersonalNotice.objects.update(mail_at=timezone.now() - timedelta(days=3))
        assert notices.mail_due() == 0

    def test_a_long_list_is_cut(self, alice, monkeypatch):
        monkeypatch.setattr(digests, "LINES_MOST", 2)
        personal_notices.choose_mail(alice, When.DAILY)
        for number in range(5):
            tell(alice, str(number))
        make_due(alice)
        notices.mail_due()
        assert mail.outbox[0].body.count("- You got") == 2
        assert "… and 3 more." in mail.outbox[0].body

    def test_the_mail_of_the_day_is_due_in_the_morning_of_the_team(self, alice, monkeypatch):
        type(alice.team).objects.update(time_zone="Asia/Tokyo")
        now = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo
        monkeypatch.setattr(personal_notices.timezone, "now", lambda: now)
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice)
        assert PersonalNotice.objects.get().mail_at == datetime(2026, 11, 22, 23, 0, tzinfo=UTC)


class TestChoice:
    def test_is_offered_and_kept_where_mail_is_set_up(self, alice, sign_in):
        client = sign_in(alice)
        assert "Notices by e-mail" in client.get("/account/").content.decode()
        for _ in range(2):
            assert client.post("/account/mail/", {"when": "daily"}).status_code == 302
        assert personal_notices.mail_choice(alice) == When.DAILY

    @pytest.mark.parametrize("given", [{}, {"when": "hourly"}, {"when": "x" * 5000}])
    def test_an_unknown_choice_is_refused(self, alice, sign_in, given):
        assert sign_in(alice).post("/account/mail/", given).status_code == 422
        assert not MailChoice.objects.exists()

    def test_is_not_offered_where_no_mail_is_set_up(self, alice, sign_in, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        client = sign_in(alice)
        assert "Notices by e-mail" not in client.get("/account/").content.decode()
        assert client.post("/account/mail/", {"when": "daily"}).status_code == 404
        personal_notices.choose_mail(alice, When.DAILY)
        tell(alice)
        make_due(alice)
        assert notices.mail_due() == 0
