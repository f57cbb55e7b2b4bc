"""The library of references: the team's own, newest first, at a cost that does not grow."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generations import submission
from generations.models import Reference
from generations.reading import library
from tests.factories import make_user
from tests.generations.asking import ask, prepare_uploads
from tests.generations.factories import make_finished_run, make_reference
from tests.generations.test_waiting_uploads import receive

pytestmark = pytest.mark.django_db


def reference(user, name, **values):
    """A reference that a run has used; each name stands for other bytes."""
    return make_reference(user, file_name=name, sha256=name.ljust(64, "0"), **values)


def titles(user, cursor="", **asked):
    return [each.title for each in library.page(user, library.Asked(**asked), cursor=cursor).items]


class TestUsed:
    def test_all_of_the_team_and_no_others(self, alice, team):
        reference(alice, "a.png")
        reference(make_user(team=team), "b.png", rights="unsure")
        reference(make_user(), "stranger.png")
        reference(alice, "gone.png", status="refused")
        assert titles(alice) == ["b.png", "a.png"]
        [newest, _older] = library.page(alice, library.Asked()).items
        assert newest.rights == "We are not sure"

    def test_pages_follow_one_another(self, alice, monkeypatch):
        monkeypatch.setattr(library, "PAGE_SIZE", 2)
        for number in range(5):
            reference(alice, f"{number}.png")
        first = library.page(alice, library.Asked())
        assert [each.title for each in first.items] == ["4.png", "3.png"]
        assert titles(alice, first.next_cursor) == ["2.png", "1.png"]

    def test_a_part_of_the_name_and_a_person(self, alice, team):
        bob = make_user(team=team)
        reference(alice, "Harbour 1.png")
        reference(bob, "harbour 2.png")
        assert titles(alice, query="HARBOUR") == ["harbour 2.png", "Harbour 1.png"]
        assert titles(alice, query="harbour", person=str(bob.uuid)) == ["harbour 2.png"]
        assert titles(alice, person="nobody") == []

    def test_ones_own_unused_uploads_are_there(self, alice, team):
        receive(alice, name="mine.png")
        receive(make_user(team=team), (70, 70), name="theirs.png")
        prepare_uploads()
        [item] = library.page(alice, library.Asked()).items
        assert (item.title, item.is_unused, item.rights) == (
            "mine.png",
            True,
            "Rights not declared yet",
        )

    def test_the_same_file_with_the_same_rights_is_shown_once(self, alice):
        for rights in ("own", "own", "client"):
            reference(alice, "a.png", rights=rights)
        assert len(titles(alice)) == 2


class TestPage:
    @pytest.mark.parametrize("source", ["used", "images"])
    def test_the_same_queries_for_two_as_for_ten(self, alice, sign_in, source):
        tab = sign_in(alice)

        def queries(numbers):
            for number in numbers:
                reference(alice, f"{number}.png")
                make_finished_run(alice, prompt=str(number))
            with CaptureQueriesContext(connection) as caught:
                assert tab.get(reverse("references"), {"source": source}).status_code == 200
            return len(caught)

        queries(())  # the first request reads more, such as the month's credits
        assert queries(range(2)) == queries(range(2, 10))

    @pytest.mark.parametrize(
        "query",
        [{"before": "x"}, {"source": "x"}, {"person": "x\0"}, {"q": "a\0" * 300}, {"q": "%_'"}],
    )
    def test_bad_input_gives_a_page(self, alice, sign_in, query):
        assert sign_in(alice).get(reverse("references"), query).status_code == 200

    def test_without_scripts_a_button_leads_to_the_composer_with_it(self, alice, sign_in):
        given = reference(alice, "a.png")
        tab = sign_in(alice)
        assert f'name="reference" value="{given.uuid}"' in tab.get(reverse("references")).text
        page = tab.get(reverse("studio"), {"reference": str(given.uuid)})
        assert f'name="references" value="{given.uuid}"' in page.text


def test_an_erased_reference_is_refused_with_its_reason(alice):
    given = reference(alice, "a.png")
    Reference.objects.update(status="refused", problem="It was erased.")
    with pytest.raises(submission.SubmissionRefused, match="It was erased"):
        ask(alice, references=[Reference.objects.get(pk=given.pk)])
