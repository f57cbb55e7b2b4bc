"""Notices: one for each cause while it lasts, one mail, read and muted by each person."""

import threading
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import notices
from accounts.events import Event
from accounts.models import Notice, NoticeMute, NoticeReading, Record
from accounts.notices import kinds, raising
from tests.factories import make_user
from tests.queries import queries_of

FULL = kinds.Kind("test:full", "Full shelves", "The shelf %(shelf)s is full", "Sell something.")
CALM = kinds.Kind("test:calm", "Calm", "Calm", "Wait.", calm=timedelta(minutes=10))


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    monkeypatch.setattr(kinds, "_kinds", {**kinds._kinds, FULL.name: FULL, CALM.name: CALM})


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def raise_full(cause="1"):
    return notices.raise_notice(FULL, cause=cause, facts={"shelf": cause})


@pytest.mark.django_db
class TestRaising:
    def test_once_for_each_cause_while_it_lasts(self):
        assert raise_full("1")
        assert not raise_full("1")
        assert raise_full("2")
        assert Notice.objects.count() == 2

    def test_a_notice_that_has_ended_can_be_raised_again(self):
        raise_full()
        assert notices.end(FULL, cause="1")
        assert not notices.end(FULL, cause="1")
        assert raise_full()
        assert Notice.objects.filter(ended_at__isnull=True).count() == 1

    def test_a_cause_that_returns_soon_continues_the_same_notice(self, admin, on_commit):
        with on_commit():
            notices.raise_notice(CALM, cause="1")
            notices.end(CALM, cause="1")
            assert not notices.raise_notice(CALM, cause="1")
        assert Notice.objects.get().ended_at is None
        assert len(mail.outbox) == 1

    def test_a_cause_that_returns_later_makes_a_new_notice(self):
        notices.raise_notice(CALM, cause="1")
        Notice.objects.update(ended_at=timezone.now() - timedelta(minutes=11))
        assert notices.raise_notice(CALM, cause="1")

    def test_finding_a_cause_again_updates_seen_at(self):
        raise_full()
        Notice.objects.update(seen_at=timezone.now() - timedelta(hours=1))
        raise_full()
        assert Notice.objects.get().seen_at > timezone.now() - timedelta(minutes=1)

    def test_a_notice_that_is_no_longer_confirmed_ends(self):
        raise_full()
        notices.end_unseen([FULL], before=timezone.now() - timedelta(minutes=1))
        assert Notice.objects.get().ended_at is None
        notices.end_unseen([FULL], before=timezone.now() + timedelta(minutes=1))
        assert Notice.objects.get().ended_at is not None

    def test_an_event_makes_a_notice_each_time(self, admin, on_commit):
        with on_commit():
            notices.tell(FULL, cause="1")
            notices.tell(FULL, cause="1")
        assert len(mail.outbox) == 2
        assert not Notice.objects.filter(ended_at__isnull=True).exists()

    def test_old_and_surplus_notices_are_deleted_unless_they_are_open(self, monkeypatch):
        monkeypatch.setattr(raising, "KEPT_MOST", 3)
        for _ in range(5):
            notices.tell(FULL, cause="ended")
        raise_full("open")
        Notice.objects.filter(cause="open").update(raised_at=timezone.now() - timedelta(days=900))
        notices.prune()
        assert Notice.objects.filter(cause="ended").count() == 3
        Notice.objects.filter(cause="ended").update(ended_at=timezone.now() - timedelta(days=91))
        notices.prune()
        assert [notice.cause for notice in Notice.objects.all()] == ["open"]


@pytest.mark.django_db(transaction=True)
def test_concurrent_callers_make_one_notice_and_one_mail(admin):
    start = threading.Barrier(4)
    raised = []

    def call():
        start.wait()
        try:
            raised.append(raise_full())
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(raised) == [False, False, False, True]
    assert Notice.objects.count() == 1
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_notice_and_sends_no_mail(admin):
    with transaction.atomic():
        raise_full()
        transaction.set_rollback(True)
    assert not Notice.objects.exists()
    assert mail.outbox == []


@pytest.mark.django_db
class TestMail:
    def test_says_what_happened_what_to_do_and_where(self, admin, on_commit, settings):
        settings.PUBLIC_URL = "https://studio.example.com"
        with on_commit():
            raise_full("7")
        [message] = mail.outbox
        assert message.subject == "The shelf 7 is full"
        assert message.body == (
            "The shelf 7 is full\n\nSell something.\n\nhttps://studio.example.com/notices/"
        )

    def test_not_to_those_who_muted_the_kind(self, admin, on_commit):
        second = make_user(groups=["admins"])
        notices.mute(second, FULL.name)
        with on_commit():
            raise_full()
        assert [message.to for message in mail.outbox] == [[admin.email]]


@pytest.mark.django_db
class TestReading:
    def test_each_person_reads_for_themselves(self, admin):
        second = make_user(groups=["admins"])
        raise_full("1")
        raise_full("2")
        notices.mark_read(admin, [Notice.objects.get(cause="1").uuid])
        assert (notices.unread(admin), notices.unread(second)) == (1, 2)
        notices.mark_read(admin)
        notices.mark_read(admin)
        assert (notices.unread(admin), notices.unread(second)) == (0, 2)

    def test_muted_kinds_do_not_count(self, admin):
        raise_full()
        notices.mute(admin, FULL.name)
        notices.mute(admin, FULL.name)
        assert notices.unread(admin) == 0
        notices.unmute(admin, FULL.name)
        assert notices.unread(admin) == 1

    def test_open_notices_come_first(self, admin):
        raise_full("open")
        notices.tell(FULL, cause="over", facts={"shelf": "over"})
        titles = [shown.title for shown in notices.notices_for(admin)]
        assert titles == ["The shelf open is full", "The shelf over is full"]

    def test_a_notice_that_lacks_facts_or_a_kind_is_still_shown(self, admin):
        Notice.objects.create(
            kind="gone", cause="1", raised_at=timezone.now(), seen_at=timezone.now()
        )
        notices.raise_notice(FULL, cause="1")
        titles = {shown.title for shown in notices.notices_for(admin)}
        assert titles == {
            "A notice of an earlier version of the studio",
            "The shelf – is full",
        }


@pytest.mark.django_db
class TestMutedForAll:
    @pytest.fixture
    def notice(self):
        raise_full()
        return Notice.objects.get()

    def test_counts_for_nobody_until_the_time_is_over_and_then_for_all(self, admin, notice):
        notices.mark_read(admin)
        assert notices.mute_notice(notice.uuid, actor=make_user(groups=["admins"]), days=7)
        assert notices.unread(admin) == 0
        Notice.objects.update(muted_until=timezone.now())
        assert notices.unread(admin) == 1

    def test_names_who_muted_it_and_is_on_record(self, admin, notice):
        notices.mute_notice(notice.uuid, actor=admin, days=None)
        [shown] = notices.notices_for(make_user(groups=["admins"]))
        assert shown.muted == f"Muted for all admins by {admin} until it is over"
        assert shown.is_read
        record = Record.objects.get(event=Event.NOTICE_MUTED)
        assert (record.actor, record.facts["cause"]) == (admin, "1")

    def test_is_undone_on_record(self, admin, notice):
        notices.mute_notice(notice.uuid, actor=admin, days=1)
        assert notices.unmute_notice(notice.uuid, actor=admin)
        assert not notices.unmute_notice(notice.uuid, actor=admin)
        assert notices.unread(admin) == 1
        assert Record.objects.filter(event=Event.NOTICE_UNMUTED).count() == 1

    @pytest.mark.parametrize("kind", [FULL, CALM])
    def test_ends_with_its_cause(self, admin, kind):
        notices.raise_notice(kind, cause="1")
        first = Notice.objects.get()
        notices.mute_notice(first.uuid, actor=admin, days=None)
        notices.end(kind, cause="1")
        assert not notices.mute_notice(first.uuid, actor=admin, days=None)
        notices.raise_notice(kind, cause="1")
        lasting = [shown for shown in notices.notices_for(admin) if not shown.notice.ended_at]
        assert [shown.muted for shown in lasting] == [""]


def test_a_kind_is_declared_once():
    with pytest.raises(ValueError, match="declared twice"):
        kinds.declare(FULL)


@pytest.mark.django_db
class TestPage:
    @pytest.fixture
    def desk(self, sign_in, admin):
        return sign_in(admin)

    def test_shows_reads_and_mutes(self, desk, admin):
        raise_full("1")
        page = desk.get(reverse("notices")).content.decode()
        assert "The shelf 1 is full" in page
        assert "Sell something." in page
        assert "1 unread notice" in page
        desk.post(reverse("notice-read", args=[Notice.objects.get().uuid]))
        assert NoticeReading.objects.get().user == admin
        desk.post(reverse("notices-mute", args=[FULL.name]))
        assert NoticeMute.objects.get().user == admin
        assert "Unmute" in desk.get(reverse("notices")).content.decode()
        desk.post(reverse("notices-mute", args=[FULL.name]), {"on": "1"})
        assert not NoticeMute.objects.exists()

    def test_one_notice_is_muted_for_all(self, desk):
        raise_full("1")
        mute = reverse("notice-mute", args=[Notice.objects.get().uuid])
        desk.post(mute, {"days": "7"})
        page = desk.get(reverse("notices")).content.decode()
        assert "Muted for all admins by" in page
        assert "unread notice" not in page
        desk.post(mute, {"on": "1"})
        assert "1 unread notice" in desk.get(reverse("notices")).content.decode()
        assert desk.post(mute, {"days": "-1"}).status_code == HTTPStatus.NOT_FOUND

    def test_all_are_marked_as_read_at_once(self, desk, admin):
        raise_full("1")
        raise_full("2")
        desk.post(reverse("notices-read"))
        assert notices.unread(admin) == 0

    def test_an_unknown_kind_is_not_found(self, desk):
        answer = desk.post(reverse("notices-mute", args=["no:such"]))
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert not NoticeMute.objects.exists()

    def test_the_studios_notices_are_for_admins(self, sign_in, alice, reviewer):
        raise_full()
        for person in (alice, reviewer):
            client = sign_in(person)
            assert "is full" not in client.get(reverse("notices")).content.decode()
            client.post(reverse("notices-read"))
        assert not NoticeReading.objects.exists()
        assert reverse("account_login") in Client().get(reverse("notices")).url

    def test_the_bell_counts_what_the_person_may_read(self, desk, sign_in, alice):
        raise_full()
        assert "1 unread notice" in desk.get(reverse("credits")).content.decode()
        assert "unread notice" not in sign_in(alice).get(reverse("credits")).content.decode()

    def test_more_notices_need_no_more_queries(self, desk):
        figures = []
        for count in (1, 20):
            for number in range(count):
                raise_full(f"{count} {number}")
            figures.append(queries_of(lambda: desk.get(reverse("notices"))))
        assert figures[0] == figures[1]
