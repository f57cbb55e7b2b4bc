"""What an image was made from, what was made with it, and more of the same."""

import uuid
from dataclasses import replace

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from generations import submission
from generations.forms.lineage import mark_of
from generations.models import Image, Run, RunReference
from generations.reading.lineage import SHOWN, lineage_of
from tests.generations.asking import DEMO, request
from tests.generations.factories import make_finished_run, make_reference
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(alice):
    """An image of a run that the demo engine can make again, with a seed."""
    options = {"resolution": "2K", "aspect_ratio": "3:2", "seed": 7}
    return make_finished_run(alice, engine=DEMO, prompt="a red fox", options=options).images.get()


def use(image, user, **values):
    """A finished run that had `image` as a reference."""
    run = make_finished_run(user, **values)
    reference = make_reference(user, image=image)
    RunReference.objects.create(run=run, reference=reference, position=0)
    return run


class TestLineage:
    def test_names_the_references_and_the_run_whose_prompt_was_reused(self, image, alice):
        run = use(image, alice, parent=image.run)
        found = lineage_of(run.images.get(), viewer=alice)
        assert found.made_from == "Prompt and 1 reference"
        assert [each.href for each in found.references] == [f"/images/{image.uuid}/"]
        assert found.parent == f"/images/{image.uuid}/"

    def test_names_later_images_newest_first(self, image, alice, bob):
        runs = [use(image, bob), make_finished_run(alice, parent=image.run)]
        used_in = lineage_of(image, viewer=alice).used_in
        assert [each.href for each in used_in] == [
            f"/images/{run.images.get().uuid}/" for run in reversed(runs)
        ]

    def test_what_is_hidden_or_anothers_has_no_link(self, image, alice, charlie):
        hidden = use(image, alice)
        Image.objects.filter(run=hidden).update(hidden_at=hidden.created_at)
        use(image, charlie)
        assert lineage_of(image, viewer=alice).used_in == []
        Image.objects.filter(pk=image.pk).update(hidden_at=hidden.created_at)
        found = lineage_of(hidden.images.get(), viewer=alice)
        assert [each.href for each in found.references] == [""]

    def test_is_bounded_and_leads_to_more(self, image, alice, sign_in):
        for _number in range(SHOWN + 1):
            make_finished_run(alice, parent=image.run)
        found = lineage_of(image, viewer=alice)
        assert (len(found.used_in), found.more) == (SHOWN, True)
        page = sign_in(alice).get(reverse("image-uses", args=[image.uuid])).content.decode()
        assert page.count('class="frame-link"') == SHOWN + 1

    def test_more_uses_need_no_more_queries(self, image, alice):
        use(image, alice)
        few = queries_of(lambda: lineage_of(image, viewer=alice))
        for _number in range(18):
            use(image, alice)
        assert queries_of(lambda: lineage_of(image, viewer=alice)) == few

    def test_an_image_without_uses_has_a_page_that_says_so(self, image, alice, sign_in):
        page = sign_in(alice).get(reverse("image-uses", args=[image.uuid])).content.decode()
        assert "Nothing was made with it yet" in page


class TestReusedPrompt:
    def test_a_run_keeps_the_run_it_was_made_from(self, image, alice):
        run = submission.submit(alice, replace(request(), parent=image.run.uuid))
        assert run.parent == image.run

    def test_another_teams_run_is_not_kept(self, image, charlie):
        run = submission.submit(charlie, replace(request(), parent=image.run.uuid))
        assert run.parent is None

    def test_the_composer_passes_it_on(self, image, alice, sign_in):
        mark = mark_of(image.run.uuid, user=alice)
        form = {"engine": DEMO, "prompt": "a hen", "num_images": "1", "resolution": "2K"}
        more = {"aspect_ratio": "3:2", "idempotency_key": str(uuid.uuid4()), "parent": mark}
        sign_in(alice).post(reverse("studio"), form | more)
        assert Run.objects.get(prompt="a hen").parent == image.run


class TestMoreLikeThis:
    def press(self, tab, image, key="00000000-0000-0000-0000-00000000000a"):
        return tab.post(reverse("image-variation", args=[image.uuid]), {"key": key})

    def test_asks_for_the_same_with_another_seed(self, image, alice, sign_in, monkeypatch):
        monkeypatch.setattr("secrets.randbelow", lambda _limit: 41)
        self.press(sign_in(alice), image)
        run = Run.objects.exclude(pk=image.run_id).get()
        assert (run.prompt, run.engine, run.parent) == ("a red fox", DEMO, image.run)
        assert run.options.pop("seed") not in (None, 7)
        assert run.options == {"resolution": "2K", "aspect_ratio": "3:2"}

    def test_the_price_on_the_button_is_what_is_reserved(self, image, alice, sign_in):
        offered = submission.variation_of(image.run, actor=image.run.user)
        page = sign_in(alice).get(reverse("image", args=[image.uuid])).content.decode()
        assert f'<span class="cost">{offered.credits} credit' in page

    def test_two_presses_of_one_button_ask_once(self, image, alice, sign_in):
        tab = sign_in(alice)
        self.press(tab, image)
        self.press(tab, image)
        assert Run.objects.count() == 2

    def test_without_a_key_nothing_is_asked(self, image, alice, sign_in):
        response = self.press(sign_in(alice), image, key="x")
        assert response["Location"] == f"/images/{image.uuid}/"
        assert "Nothing was made" in str(next(iter(get_messages(response.wsgi_request))))
        assert Run.objects.count() == 1

    @pytest.mark.parametrize(
        ("gone", "words"),
        [
            ({"erased_at": "2026-01-01T00:00Z"}, "Its prompt was erased"),
            ({"engine": "demo/gone"}, "engine"),
        ],
    )
    def test_what_is_not_possible_is_said(self, image, alice, sign_in, gone, words):
        Run.objects.update(**gone)
        tab = sign_in(alice)
        page = tab.get(reverse("image", args=[image.uuid])).content.decode()
        assert 'id="no-variation"' in page
        image.run.refresh_from_db()
        assert words in submission.variation_of(image.run, actor=image.run.user).refusal
        self.press(tab, image)
        assert Run.objects.count() == 1

    def test_an_erased_reference_is_said(self, image, alice):
        reference = make_reference(alice, erased_at=image.created_at)
        RunReference.objects.create(run=image.run, reference=reference, position=0)
        assert (
            "A reference of it was erased"
            in submission.variation_of(image.run, actor=image.run.user).refusal
        )


def test_the_page_is_called_after_the_prompt(image, alice, sign_in):
    Run.objects.update(prompt="a <i>fox</i>  " + "long " * 50)
    page = sign_in(alice).get(reverse("image", args=[image.uuid])).content.decode()
    title = page.partition("<title>")[2].partition("</title>")[0]
    assert title.startswith("a &lt;i&gt;fox&lt;/i&gt; long")
    assert len(title) < 100


def test_an_erased_prompt_is_not_the_title(image, alice, sign_in):
    Run.objects.update(erased_at=image.created_at, prompt="[erased]")
    page = sign_in(alice).get(reverse("image", args=[image.uuid])).content.decode()
    assert "<title>Image whose prompt was erased · " in page
