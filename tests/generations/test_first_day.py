"""A person's first page, an administrator's first steps, and what empty pages say."""

from http import HTTPStatus

import pytest
from django.urls import reverse

from accounts.groups import MEMBERS, REVIEWERS
from accounts.models import Team, User
from generations import pricing
from generations.forms.examples import EXAMPLES
from generations.models import Price
from generations.reading import first_steps
from tests.factories import make_user
from tests.generations.asking import DEMO
from tests.generations.factories import make_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def studio(client, **query):
    return client.get(reverse("studio"), query)


class TestExamples:
    def test_a_new_person_sees_each_with_its_price_at_the_engine(self, sign_in, alice):
        response = studio(sign_in(alice))

        price = pricing.price_in_force(DEMO, "2K").credits
        offers = response.context["examples"]
        assert [offer.name for offer in offers] == [*EXAMPLES]
        assert [offer.price for offer in offers] == [
            pricing.credits_in_words(price * example.num_images) for example in EXAMPLES.values()
        ]
        assert "?example=banner" in response.content.decode()

    def test_a_new_price_is_shown_at_once(self, sign_in, alice):
        client = sign_in(alice)
        studio(client)
        Price.objects.create(engine=DEMO, tier="2K", credits=50, cost_usd="1")
        assert studio(client).context["examples"][0].price == "200 credits"

    def test_a_press_fills_the_composer_and_spends_nothing(self, sign_in, alice):
        response = studio(sign_in(alice), example="banner")

        form = response.context["composer"].form
        assert form["prompt"].value() == str(EXAMPLES["banner"].prompt)
        assert form["aspect_ratio"].value() == "16:9"
        assert form["engine"].value() == DEMO
        assert response.context["composer"].price in response.content.decode()
        assert not alice.runs.exists()

    @pytest.mark.parametrize("name", ["x", "", "banner\0", "x" * 5000, "../banner", "Banner"])
    def test_a_name_that_does_not_exist_leaves_the_composer_empty(self, sign_in, alice, name):
        response = studio(sign_in(alice), example=name)
        assert response.status_code == HTTPStatus.OK
        assert not response.context["composer"].form["prompt"].value()

    def test_after_the_first_run_they_are_gone(self, sign_in, alice):
        make_run(alice)
        assert studio(sign_in(alice)).context["examples"] == []

    def test_who_may_make_nothing_is_offered_nothing(self, sign_in, reviewer):
        response = studio(sign_in(reviewer), example="banner")
        assert response.context["examples"] == []
        assert "?example=" not in response.content.decode()


def steps(reader):
    return {step.name: step.done for step in first_steps.steps(reader)}


class TestFirstSteps:
    def test_in_a_new_studio_all_are_to_do(self, superuser):
        make_user(email="marketer@studio.example")
        assert steps(superuser) == {
            "key": False,
            "people": False,
            "reviewers": False,
            "quotas": False,
            "backup": None,
        }

    def test_each_is_done_by_what_it_asks_for(self, superuser, apixo_key):
        person = make_user(groups=[MEMBERS])
        assert steps(superuser) | {"backup": True} == {
            "key": True,
            "people": True,
            "reviewers": False,
            "quotas": False,
            "backup": True,
        }
        make_user(groups=[REVIEWERS])
        User.objects.filter(pk=person.pk).update(quota=5)
        assert steps(superuser)["reviewers"]
        assert steps(superuser)["quotas"]

    def test_a_quota_of_a_team_counts(self, superuser):
        Team.objects.update(member_quota=5)
        assert steps(superuser)["quotas"]

    def test_it_says_who_can_make_reviewers(self, admin):
        def detail(reader):
            return next(s.detail for s in first_steps.steps(reader) if s.name == "reviewers")

        assert "createsuperuser" in detail(admin)
        root = make_user(is_superuser=True, is_staff=True)
        assert "Ask a superuser" in detail(admin)
        assert "you can" in detail(root)

    def test_more_people_cost_no_more_queries(self, admin):
        before = queries_of(lambda: first_steps.steps(admin))
        for _ in range(5):
            make_user()
        assert queries_of(lambda: first_steps.steps(admin)) == before

    def test_they_stand_on_the_page_status(self, sign_in, admin):
        page = sign_in(admin).get(reverse("studio-status")).content.decode()
        assert 'id="first-steps"' in page
        assert reverse("admin:accounts_user_add") in page

    def test_the_admin_leads_there(self, sign_in, admin):
        page = sign_in(admin).get(reverse("admin:index")).content.decode()
        assert f"{reverse('studio-status')}#first-steps" in page


@pytest.mark.parametrize(
    ("groups", "name", "says"),
    [
        ([MEMBERS], "studio", "press Generate"),
        ([REVIEWERS], "studio", "put you into the group Members"),
        ([MEMBERS], "gallery", "Make images"),
        ([REVIEWERS], "gallery", "as soon as a member makes some"),
        ([REVIEWERS], "exports", "Open the log"),
        ([MEMBERS], "account-readings", "Nobody has looked"),
    ],
)
def test_an_empty_page_says_what_comes_next(sign_in, team, groups, name, says):
    person = make_user(team=team, groups=groups)
    assert says in sign_in(person).get(reverse(name)).content.decode()
