"""Help with prompts: one's own prompts, the team's snippets, hints, and the length."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.events import Event
from accounts.models import Record
from generations import snippets
from generations.forms import ComposeForm
from generations.forms.prompt_help import help_of, hints_for
from generations.models import Snippet
from generations.providers.capabilities import Capabilities
from tests.factories import make_user
from tests.generations.factories import make_run

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
FITTING = {
    "text": 'a poster that reads "FRESH COFFEE"',
    "names": "a castle in the style of Ghibli",
    "hands": "a woman holding a cup",
    "crowd": "an audience at a concert",
    "colours": "vibrant autumn leaves",
    "texture": "a macro shot of wool",
    "people": "a doctor in her practice",
}


class TestHints:
    @pytest.mark.parametrize(("name", "prompt"), FITTING.items())
    def test_each_fits_its_prompts_and_no_others(self, name, prompt):
        hints = hints_for(Capabilities(100, 1, {}))
        assert [each.name for each in hints if each.fits(prompt)] == [name]
        assert not any(each.fits("ridges at dawn, قمر 🌙") for each in hints)

    def test_the_advice_on_hands_names_the_field_only_if_the_engine_has_it(self):
        with_field = Capabilities(100, 1, {}, negative_prompt=True)
        texts = [str(hints_for(able)[2].text) for able in (with_field, Capabilities(100, 1, {}))]
        assert ["Avoid" in text for text in texts] == [True, False]

    @pytest.mark.django_db
    def test_at_most_two_are_shown_and_the_limit_is_that_of_the_engine(self, alice):
        form = ComposeForm(initial={"prompt": " ".join(FITTING.values())}, user=alice)
        help_text = help_of(form.draft)
        assert [each.hint.name for each in help_text.hints if each.is_shown] == ["text", "names"]
        assert help_text.most == form.draft.able.prompt_limit


@pytest.mark.django_db
class TestOwnPrompts:
    def test_are_distinct_newest_first_and_of_nobody_else(self, alice, team, sign_in):
        for prompt in ("first", "second", "first"):
            make_run(alice, prompt=prompt)
        make_run(make_user(team=team), prompt="secret")
        make_run(alice, prompt="gone", erased_at="2026-01-01T00:00Z")
        answer = sign_in(alice).get(reverse("prompts-own"))
        assert answer.json() == {"prompts": ["first", "second"]}


@pytest.mark.django_db
class TestSnippets:
    @pytest.fixture
    def tab(self, sign_in, alice):
        return sign_in(alice)

    def save(self, tab, **given):
        return tab.post(reverse("prompts"), {"name": "Dusk", "prompt": "soft dusk light"} | given)

    def test_one_is_saved_once_on_record_and_used(self, tab):
        assert [self.save(tab).status_code for _press in range(2)] == [303, 303]
        snippet = Snippet.objects.get()
        record = Record.objects.get(event=Event.SNIPPET_SAVED)
        given = {"name": "Dusk", "prompt": "soft dusk light"}
        assert given.items() <= record.payload.data.items()
        page = tab.get(reverse("studio"), {"snippet": str(snippet.uuid)}).content.decode()
        assert "soft dusk light</textarea>" in page
        listed = tab.get(reverse("prompts"), headers=HTMX).content.decode()
        assert "<html" not in listed
        assert "soft dusk light" in listed

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"name": ""}, "Give the snippet a name."),
            ({"prompt": " "}, "Write the text to save first."),
            ({"prompt": "x" * 4001}, "4000"),
            ({"name": "a\0b"}, "can&#x27;t be stored"),
            ({"name": "DUSK", "prompt": "another"}, "Choose another name"),
        ],
    )
    def test_bad_input_is_refused_beside_its_field(self, tab, given, words):
        self.save(tab)
        answer = self.save(tab, **given)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert Snippet.objects.count() == 1

    def test_a_team_keeps_a_bounded_number(self, tab, monkeypatch):
        monkeypatch.setattr(snippets, "MOST", 1)
        self.save(tab)
        assert "keeps 1 snippets" in self.save(tab, name="Dawn").content.decode()

    def test_its_author_or_an_admin_deletes_one_and_strangers_do_not_see_it(
        self, tab, sign_in, team
    ):
        self.save(tab)
        address = reverse("snippet-delete", args=[Snippet.objects.get().uuid])
        assert sign_in(make_user()).post(address).status_code == 404
        sign_in(make_user(team=team)).post(address)
        assert Snippet.objects.exists()
        admin = make_user(team=team, groups=["members", "admins"])
        assert sign_in(admin).post(address).status_code == 303
        assert not Snippet.objects.exists()
        assert Record.objects.filter(event=Event.SNIPPET_DELETED, actor=admin).exists()

    def test_the_page_has_the_same_queries_for_two_as_for_twenty(self, tab, alice):
        def queries(numbers):
            for number in numbers:
                snippets.save(alice, f"Snippet {number}", "text")
            with CaptureQueriesContext(connection) as caught:
                tab.get(reverse("prompts"))
            return len(caught)

        queries(())  # the first request reads more, such as the month's credits
        assert queries(range(2)) == queries(range(2, 20))
