"""A person asks for credits once at a time; one admin decides; both sides are told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import credit_requests, forgetting, ledger, notices, personal_notices
from accounts.credit_requests import MOST_AN_HOUR, Wish
from accounts.errors import InvalidAmount, RequestRefused
from accounts.events import Event
from accounts.ledger import MAX_CREDITS
from accounts.models import CreditRequest, Notice, Record
from tests.factories import make_team, make_user
from tests.records import said

pytestmark = pytest.mark.django_db
DRAFT = {"prompt": "a red fox", "engine": "demo/seedream-4-5"}
WISH = Wish(price=8, engine="demo/seedream-4-5", draft=DRAFT)


@pytest.fixture
def poor(team):
    """Somebody with 3 credits, in a team without a cap."""
    return make_user(team=team, quota=3)


def left(owner):
    return ledger.allowance_of(owner).left


def titles(user):
    return [shown.title for shown in notices.personal_for(user)]


class TestAsking:
    def test_a_request_says_what_is_missing_and_for_what(self, poor):
        asked = credit_requests.ask(poor, 5, WISH)
        assert (asked.credits, asked.missing, asked.price, asked.short) == (5, 5, 8, "person")
        assert asked.draft == DRAFT
        record = Record.objects.get(event=Event.CREDITS_ASKED)
        assert record.facts["request"] == str(asked.uuid)
        assert "fox" not in str(record.facts)

    @pytest.mark.parametrize(
        ("own", "cap", "short", "missing"),
        [(3, None, "person", 5), (3, 100, "person", 5), (100, 1, "team", 7), (3, 1, "both", 7)],
    )
    def test_it_says_which_limit_is_short(self, own, cap, short, missing):
        user = make_user(team=make_team(quota=cap), quota=own)
        asked = credit_requests.ask(user, missing, WISH)
        assert (asked.short, asked.missing) == (short, missing)

    def test_a_second_press_changes_nothing(self, poor):
        first = credit_requests.ask(poor, 5, WISH)
        other = Wish(price=6, draft={"prompt": "a cheap crow"})
        again = credit_requests.ask(poor, 3, other)
        assert (again.pk, again.credits, again.draft) == (first.pk, 5, DRAFT)
        assert Record.objects.filter(event=Event.CREDITS_ASKED).count() == 1

    def test_a_dearer_one_raises_it(self, poor):
        first = credit_requests.ask(poor, 5, WISH)
        again = credit_requests.ask(poor, 13, Wish(price=16, draft={"prompt": "a wolf"}))
        assert (again.pk, again.credits, again.prompt) == (first.pk, 13, "a wolf")
        assert Record.objects.filter(event=Event.CREDITS_ASKED).latest("id").facts["before"] == 5

    def test_an_amount_without_anything_keeps_what_it_is_for(self, poor):
        credit_requests.ask(poor, 5, WISH)
        again = credit_requests.ask(poor, 9, Wish(note="for the launch"))
        assert (again.credits, again.prompt, again.note) == (9, "a red fox", "for the launch")
        record = Record.objects.filter(event=Event.CREDITS_ASKED).latest("id")
        assert said(record) == {"note": "for the launch"}

    @pytest.mark.parametrize("credits", [0, -5, MAX_CREDITS + 1])
    def test_an_amount_without_sense_is_refused(self, poor, credits):
        with pytest.raises(InvalidAmount):
            credit_requests.ask(poor, credits)
        assert not CreditRequest.objects.exists()

    def test_who_asks_all_the_time_is_told_to_wait(self, poor):
        for number in range(MOST_AN_HOUR):
            credit_requests.ask(poor, number + 1)
        with pytest.raises(RequestRefused):
            credit_requests.ask(poor, 100)
        CreditRequest.objects.update(changed_at=timezone.now() - timedelta(hours=2))
        assert credit_requests.ask(poor, 100).credits == 100

    def test_admins_are_told_until_it_is_decided(self, poor, admin, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        asked = credit_requests.ask(poor, 5, WISH)
        notice = Notice.objects.get(kind="credits:asked", ended_at=None)
        assert notice.facts == {"team": poor.team.name}
        credit_requests.decline(asked, actor=admin)
        assert not Notice.objects.filter(kind="credits:asked", ended_at=None).exists()

    def test_admins_get_mail_where_it_is_set_up(
        self, poor, admin, settings, django_capture_on_commit_callbacks
    ):
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        with django_capture_on_commit_callbacks(execute=True):
            credit_requests.ask(poor, 5, WISH)
        [message] = mail.outbox
        assert message.to == [admin.email]
        assert "asks for more credits" in message.subject
        assert "fox" not in message.body

    def test_it_can_be_withdrawn_and_asked_again(self, poor, admin):
        asked = credit_requests.ask(poor, 5, WISH)
        assert credit_requests.withdraw(poor)
        assert not credit_requests.withdraw(poor)
        with pytest.raises(RequestRefused):
            credit_requests.grant(asked, 5, actor=admin)
        assert left(poor) == 3
        assert credit_requests.ask(poor, 6).pk != asked.pk


class TestDeciding:
    def test_granting_adds_the_credits_once_and_tells_the_person_once(self, poor, admin):
        asked = credit_requests.ask(poor, 5, WISH)
        credit_requests.grant(asked, 6, actor=admin, word="for the launch")
        assert left(poor) == 9
        assert titles(poor) == ["Your credits are there: 6 more for this month"]
        entry = ledger.allowance_of(poor).entries.get(kind="top_up")
        assert (entry.amount, entry.reason, entry.actor) == (6, "for the launch", admin)
        found = credit_requests.newest(poor)
        assert (found.status, found.granted, found.decided_by) == ("granted", 6, admin)
        assert found.waits
        assert ledger.reconcile() == []

    @pytest.mark.parametrize(
        ("own", "cap", "added"), [(3, 100, (5, 0)), (100, 1, (0, 5)), (3, 1, (3, 5))]
    )
    def test_what_is_short_is_topped_up(self, admin, own, cap, added):
        user = make_user(team=make_team(quota=cap), quota=own)
        asked = credit_requests.ask(user, 5)
        credit_requests.grant(asked, 5, actor=admin)
        assert (left(user) - own, left(user.team) - cap) == added
        assert ledger.balance(user).left == min(own, cap) + 5

    def test_declining_gives_nothing_and_says_why(self, poor, admin):
        asked = credit_requests.ask(poor, 5, WISH)
        credit_requests.decline(asked, actor=admin, word="next month")
        found = credit_requests.newest(poor)
        assert (found.status, found.word, found.draft) == ("declined", "next month", {})
        assert titles(poor) == ["Your request for more credits was declined"]
        assert said(Record.objects.get(event=Event.CREDITS_DECLINED)) == {"word": "next month"}
        assert left(poor) == 3

    def test_a_second_admin_is_told_who_was_first(self, poor, admin, superuser):
        asked = credit_requests.ask(poor, 5)
        credit_requests.grant(asked, 5, actor=admin)
        with pytest.raises(RequestRefused, match="Ada Admin"):
            credit_requests.decline(asked, actor=superuser)
        with pytest.raises(RequestRefused, match="Ada Admin"):
            credit_requests.grant(asked, 5, actor=superuser)
        assert left(poor) == 8

    def test_a_bad_amount_leaves_the_request_open(self, poor, admin):
        asked = credit_requests.ask(poor, 5)
        with pytest.raises(InvalidAmount):
            credit_requests.grant(asked, MAX_CREDITS + 1, actor=admin)
        assert credit_requests.newest(poor).is_open
        assert left(poor) == 3

    def test_who_is_deactivated_gets_nothing(self, poor, admin):
        asked = credit_requests.ask(poor, 5)
        poor.is_active = False
        poor.save()
        with pytest.raises(RequestRefused, match="deactivated"):
            credit_requests.grant(asked, 5, actor=admin)
        credit_requests.decline(asked, actor=admin)

    def test_who_has_moved_gets_what_is_short_in_the_new_team(self, poor, admin):
        asked = credit_requests.ask(poor, 5)
        former, poor.team = poor.team, make_team(quota=1)
        poor.save()
        credit_requests.grant(asked, 5, actor=admin)
        assert (left(poor), left(poor.team)) == (6, 6)
        assert former.allowances.count() == 0


class TestEnds:
    def test_nobodys_decision_ends_it_after_a_month(self, poor):
        credit_requests.ask(poor, 5, WISH)
        credit_requests.tidy()
        assert credit_requests.newest(poor).is_open
        CreditRequest.objects.update(changed_at=timezone.now() - timedelta(days=31))
        credit_requests.tidy()
        found = credit_requests.newest(poor)
        assert (found.status, found.draft) == ("lapsed", {})
        assert titles(poor) == ["Nobody has decided about your request for more credits"]

    def test_one_that_cannot_be_ended_keeps_no_other(self, poor, team, monkeypatch):
        first, other = (credit_requests.ask(each, 5) for each in (poor, make_user(team=team)))
        CreditRequest.objects.update(changed_at=timezone.now() - timedelta(days=31))
        tell = personal_notices.tell

        def tell_others(user, *args, **kwargs):
            if user == first.user_id:
                raise DatabaseError
            tell(user, *args, **kwargs)

        monkeypatch.setattr(personal_notices, "tell", tell_others)
        credit_requests.tidy()
        assert credit_requests.newest(first.user).is_open
        assert not credit_requests.newest(other.user).is_open

    def test_what_waits_is_forgotten_when_used_let_go_or_old(self, poor, admin):
        def waits(end):
            credit_requests.grant(credit_requests.ask(poor, 5, WISH), 5, actor=admin)
            end()
            return credit_requests.newest(poor).waits

        def age():
            CreditRequest.objects.update(decided_at=timezone.now() - timedelta(days=31))
            credit_requests.tidy()

        assert waits(lambda: credit_requests.used(poor, "a blue fox"))
        assert not waits(lambda: credit_requests.used(poor, " a red fox "))
        assert not waits(lambda: credit_requests.let_go(poor))
        assert not waits(age)

    def test_a_forgotten_person_leaves_no_text(self, poor, admin):
        asked = credit_requests.ask(poor, 5, Wish(price=8, draft=DRAFT, note="my wedding"))
        credit_requests.grant(asked, 5, actor=admin, word="dear friend")
        forgetting.forget(poor)
        found = CreditRequest.objects.get()
        assert (found.note, found.word, found.draft) == ("", "", {})


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_asks_and_one_decides():
    user, admins = make_user(quota=3), [make_user() for _ in range(4)]
    ledger.allowance_of(user)

    def outcome(act):
        try:
            act()
        except RequestRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(outcome, [lambda: credit_requests.ask(user, 5, WISH)] * 8))
        asked = CreditRequest.objects.get()
        assert asked.credits == 5
        granted = [lambda a=a: credit_requests.grant(asked, 5, actor=a) for a in admins]
        declined = [lambda a=a: credit_requests.decline(asked, actor=a) for a in admins]
        assert sum(pool.map(outcome, [*granted, *declined])) == 1

    asked.refresh_from_db()
    assert left(user) == (8 if asked.status == "granted" else 3)
    assert ledger.reconcile() == []
