"""The queue of requests for credits in the admin."""

import pytest
from django.urls import reverse

from accounts import credit_requests, ledger
from accounts.credit_requests import Wish
from accounts.events import Event
from accounts.models import CreditRequest, Record
from tests.accounts.admin.pages import url
from tests.factories import make_team, make_user
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
WISH = Wish(price=8, engine="demo/seedream-4-5", draft={"prompt": "a red fox"}, note="launch")


@pytest.fixture
def desk(sign_in, admin):
    return sign_in(admin)


@pytest.fixture
def asked(alice):
    alice.quota = 3
    alice.save()
    return credit_requests.ask(alice, 5, WISH)


def decide(desk, asked, decision="grant", **data):
    address = url(CreditRequest, "decide", asked.pk)
    return desk.post(address, {"decision": decision, **data}, follow=True).content.decode()


def page_of(desk, **query):
    return desk.get(url(CreditRequest, "changelist"), query).content.decode()


def test_a_row_says_who_asks_for_what_and_shows_no_prompt(desk, asked, alice):
    alice.team.quota = 40
    alice.team.save()
    ledger.allowance_of(alice.team)
    page = page_of(desk)
    for text in ("Alice Adams", "Aurora", "launch", "5 are missing", "team: 40"):
        assert text in page
    assert "red fox" not in page
    assert 'value="5"' in page


def test_one_press_grants_another_amount_with_a_word(desk, asked, alice):
    before = ledger.balance(alice).left
    page = decide(desk, asked, credits="7", word="go")
    assert "Granted: 7 credits more" in page
    assert ledger.balance(alice).left == before + 7
    assert "Alice Adams" not in page.partition('id="result_list"')[2]


def test_one_press_declines(desk, asked, alice):
    assert "Declined" in decide(desk, asked, "decline", word="no")
    assert "Declined" in decide(desk, credit_requests.ask(alice, 3), "decline", credits="")
    assert "declined by Ada Admin. no" in page_of(desk, state="decided")


@pytest.mark.parametrize("credits", ["0", "-3", "1.5", "many", "1" * 30])
def test_a_bad_amount_changes_nothing(desk, asked, credits):
    assert "Credits: " in decide(desk, asked, credits=credits)
    asked.refresh_from_db()
    assert asked.is_open


def test_the_second_admin_is_told(desk, asked, superuser):
    credit_requests.decline(asked, actor=superuser)
    assert "Root has decided about this request already" in decide(desk, asked, credits="5")


def test_the_prompt_is_shown_to_the_team_on_record(desk, asked):
    page = desk.get(url(CreditRequest, "change", asked.pk)).content.decode()
    assert "a red fox" in page
    assert Record.objects.filter(event=Event.PROMPTS_SEEN).exists()


def test_who_may_not_see_images_of_the_team_sees_no_prompt(sign_in, asked):
    for stranger in (make_user(groups=["admins"]), make_user(groups=["admins", "members"])):
        page = sign_in(stranger).get(url(CreditRequest, "change", asked.pk)).content.decode()
        assert "a red fox" not in page
    assert not Record.objects.filter(event=Event.PROMPTS_SEEN).exists()


def test_the_index_counts_what_waits(desk, asked):
    assert "1 request for credits waits" in desk.get(reverse("admin:index")).content.decode()
    decide(desk, asked, "decline")
    assert "No request for credits waits" in desk.get(reverse("admin:index")).content.decode()


def test_more_rows_need_no_more_queries(desk):
    def ask_some(number):
        for _ in range(number):
            credit_requests.ask(make_user(team=make_team(quota=9)), 5, WISH)

    ask_some(2)
    for_two = queries_of(lambda: page_of(desk))
    ask_some(18)
    assert queries_of(lambda: page_of(desk)) == for_two
