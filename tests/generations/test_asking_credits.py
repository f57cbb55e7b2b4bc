"""What a person can do where credits are missing, and when they are there."""

import re

import pytest
from django.urls import reverse

from accounts import credit_requests, ledger
from accounts.credit_requests import Wish
from accounts.events import Event
from accounts.models import CreditRequest, Record
from generations.erasing import asking, targets, work
from generations.models import Run, SavedDraft
from generations.states import Status
from tests.factories import make_user
from tests.generations.factories import make_finished_run, make_generation, make_run
from tests.generations.test_views_studio import fields

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def poor(team):
    return make_user(team=team, quota=3)


@pytest.fixture
def tab(poor, sign_in):
    return sign_in(poor)


def ask_in_composer(tab, **given):
    return tab.post(reverse("composer-ask"), fields(num_images="4", **given), headers=HTMX)


def grant(poor, admin, credits=5):
    credit_requests.grant(credit_requests.newest(poor), credits, actor=admin)


class TestComposer:
    def test_the_reason_comes_with_a_button_that_asks_for_the_rest(self, tab):
        page = tab.post(reverse("composer"), fields(num_images="4"), headers=HTMX).content.decode()
        assert "This needs 8 credits. You have 3 left until they renew on" in page
        assert "Ask for 5 more" in page

    def test_no_button_where_credits_suffice(self, sign_in, alice):
        assert "Ask for" not in sign_in(alice).get("/").content.decode()

    def test_one_press_asks_and_keeps_the_prompt(self, tab, poor):
        page = ask_in_composer(tab, prompt="a red fox").content.decode()
        asked = credit_requests.newest(poor)
        assert (asked.credits, asked.price, asked.prompt) == (5, 8, "a red fox")
        assert "You have asked for 5 credits" in page
        assert "Ask for 5 more" not in page
        assert SavedDraft.objects.get(pk=poor.pk).given["prompt"] == "a red fox"
        refused = Record.objects.get(event=Event.RUN_REFUSED)
        assert refused.facts["why"] == "insufficient_credits"

    def test_a_second_press_says_that_it_is_covered(self, tab, poor):
        ask_in_composer(tab, prompt="a red fox")
        page = tab.post(
            reverse("composer-ask"), fields(num_images="2", prompt="a crow"), headers=HTMX
        ).content.decode()
        assert "which covers this" in page
        assert credit_requests.newest(poor).prompt == "a red fox"

    def test_it_asks_for_nothing_where_credits_suffice(self, sign_in, alice):
        page = ask_in_composer(sign_in(alice)).content.decode()
        assert "press Generate" in page
        assert not CreditRequest.objects.exists()

    def test_what_the_team_lacks_is_said(self, sign_in, alice):
        alice.team.quota = 2
        alice.team.save()
        ask_in_composer(sign_in(alice))
        assert credit_requests.newest(alice).short == "team"

    def test_without_scripts_the_page_comes_back(self, tab):
        page = tab.post(reverse("composer-ask"), fields(num_images="4")).content.decode()
        assert "<main" in page
        assert "You have asked for 5 credits" in page


class TestGranted:
    def test_the_prompt_waits_and_goes_with_one_press(self, tab, poor, admin):
        ask_in_composer(tab, prompt="a red fox")
        grant(poor, admin)
        page = tab.get("/").content.decode()
        assert "Your credits are there." in page
        assert "a red fox</textarea>" in page
        assert re.search(r'Make it<span class="cost">8 credits</span>', page)
        sent = tab.post("/", fields(num_images="4", prompt="a red fox"))
        assert sent.status_code == 303
        assert Run.objects.get().prompt == "a red fox"
        assert "Your credits are there" not in tab.get("/").content.decode()

    def test_another_draft_is_not_lost_and_the_first_comes_back(self, tab, poor, admin):
        ask_in_composer(tab, prompt="a red fox")
        grant(poor, admin)
        tab.post(reverse("draft"), fields(prompt="a crow"))
        page = tab.get("/").content.decode()
        assert "a crow</textarea>" in page
        assert "Your credits are there for “a red fox”." in page
        back = re.search(r'href="(/\?granted=1)"', page)[1]
        page = tab.get(back).content.decode()
        assert "a red fox</textarea>" in page
        assert 'value="4" selected' in page

    def test_it_can_be_let_go(self, tab, poor, admin):
        ask_in_composer(tab)
        grant(poor, admin)
        tab.post(reverse("credits-withdraw"))
        assert "Your credits are there" not in tab.get("/").content.decode()
        assert ledger.balance(poor).left == 8

    def test_the_notice_leads_to_the_studio(self, tab, poor, admin):
        ask_in_composer(tab)
        grant(poor, admin)
        page = tab.get(reverse("notices")).content.decode()
        assert "Your credits are there: 5 more for this month" in page
        assert "goes with one press" in page


class TestOtherButtons:
    def failed(self, poor):
        run = make_run(poor, wanted=4)
        make_generation(run, Status.FAILED, wanted=4, error_code="timeout")
        return run

    def mark_in(self, page):
        return re.search(r'name="mark" value="([^"]+)"', page)[1]

    def test_a_refused_retry_offers_to_ask(self, tab, poor, admin):
        run = self.failed(poor)
        again = reverse("run-try-again", args=[run.uuid])
        page = tab.post(again, headers=HTMX).content.decode()
        assert "Ask for 5 more" in page
        answer = tab.post(reverse("credits-ask"), {"mark": self.mark_in(page)})
        assert answer["Location"] == reverse("credits")
        asked = credit_requests.newest(poor)
        assert (asked.credits, asked.press, asked.prompt) == (5, again, run.prompt)
        grant(poor, admin)
        assert f'formaction="{again}"' in tab.get("/").content.decode()
        tab.post(again, {"key": str(asked.uuid)})
        assert ledger.balance(poor).reserved == 8
        assert not credit_requests.newest(poor).waits

    def test_a_refused_variation_leads_to_the_page_of_credits(self, sign_in, team):
        nobody = make_user(team=team, quota=0)
        image = make_finished_run(nobody).images.get()
        tab = sign_in(nobody)
        key = {"key": "00000000-0000-4000-8000-000000000001"}
        page = tab.post(reverse("image-variation", args=[image.uuid]), key, follow=True)
        text = page.content.decode()
        assert "You have 0 left until they renew on" in text
        tab.post(reverse("credits-ask"), {"mark": self.mark_in(text), "credits": "9"})
        assert credit_requests.newest(nobody).press.endswith("/more/")

    def test_nobody_uses_the_mark_of_another(self, tab, poor, sign_in, bob):
        page = tab.post(
            reverse("run-try-again", args=[self.failed(poor).uuid]), headers=HTMX
        ).content.decode()
        sign_in(bob).post(reverse("credits-ask"), {"mark": self.mark_in(page), "credits": "5"})
        assert credit_requests.newest(bob).press == ""


class TestPage:
    def test_a_request_is_sent_shown_and_withdrawn(self, tab, poor):
        page = tab.post(
            reverse("credits-ask"), {"credits": "20", "note": "<b>launch</b>"}, follow=True
        ).content.decode()
        assert "You have asked for 20 credits" in page
        assert "&lt;b&gt;launch&lt;/b&gt;" in page
        assert "withdrawn" in tab.post(reverse("credits-withdraw"), follow=True).content.decode()
        assert not credit_requests.newest(poor).is_open

    @pytest.mark.parametrize(
        "given",
        [{}, {"credits": "0"}, {"credits": "1.5"}, {"credits": "9" * 12},
         {"credits": "5", "note": "x" * 201}],
    )  # fmt: skip
    def test_bad_input_is_told_beside_its_field(self, tab, given):
        answer = tab.post(reverse("credits-ask"), given)
        assert answer.status_code == 422
        assert "error" in answer.content.decode()
        assert not CreditRequest.objects.exists()

    def test_what_was_decided_stands_there_with_the_word(self, tab, poor, admin):
        credit_requests.ask(poor, 5)
        credit_requests.decline(credit_requests.newest(poor), actor=admin, word="in December")
        page = tab.get(reverse("credits")).content.decode()
        assert "Ada Admin has declined your request." in page
        assert "in December" in page


def test_an_erased_run_leaves_no_prompt_that_waits(poor, admin):
    run = make_run(poor, prompt="a red fox")
    credit_requests.ask(poor, 5, Wish(price=8, draft={"prompt": "a red fox"}))
    asking.ask(targets.target_of("run", run.uuid, pictures=False), reason="a letter", actor=admin)
    while work.work():
        pass
    assert credit_requests.newest(poor).draft == {}
