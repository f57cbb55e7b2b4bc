"""The same prompt, options and seed at a deterministic engine: the images are offered."""

import dataclasses
import re
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Entry
from generations import submission
from generations.models import Image, Run
from generations.submission import AlreadyMade
from tests.generations.asking import APIXO, DEMO, ask, request, upload
from tests.generations.factories import image_file, make_finished_run, make_reference
from tests.generations.stub import STUB, set_up_stub

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def made(user, *, images=2, **more):
    """A run of `user` with seed 7, for which `images` have arrived."""
    digest = submission.work_digest(request(num_images=images, seed=7, **more))
    return make_finished_run(user, images=images, work_digest=digest)


def nothing_was_charged():
    return not Entry.objects.filter(kind=Entry.Kind.RESERVE).exists()


class TestDigest:
    def digest(self, engine=DEMO, **more):
        return submission.work_digest(request(engine, **{"seed": 7} | more))

    def test_is_stored_with_the_run(self, alice):
        run = ask(alice, seed=7)
        assert run.work_digest == self.digest()
        assert len(run.work_digest) == 64

    def test_is_empty_without_a_seed_or_a_deterministic_engine(self, alice, apixo_key):
        assert self.digest(seed=None) == ""
        assert ask(alice).work_digest == ask(alice, APIXO).work_digest == ""

    def test_ignores_number_campaign_and_key(self):
        same = self.digest(num_images=2, campaign="Autumn", key=uuid.uuid4())
        assert same == self.digest(num_images=4)

    @pytest.mark.parametrize(
        "other",
        [
            {"prompt": "another"},
            {"seed": 8},
            {"resolution": "4K"},
            {"aspect_ratio": "1:1", "resolution": "4K"},
            {"negative_prompt": "fog"},
            {"guidance_scale": 3.5},
            {"output_format": "png"},
            {"images_at_a_time": 2},
        ],
    )
    def test_covers_everything_that_is_sent_to_the_provider(self, other):
        assert self.digest(**other) != self.digest()

    def test_covers_the_engine(self, monkeypatch, settings):
        set_up_stub(monkeypatch, settings, deterministic_by_seed=True)
        size = {"resolution": "2K", "aspect_ratio": "1:1"}
        assert "" != self.digest(STUB, **size) != self.digest(DEMO, **size)

    def test_covers_the_bytes_and_the_order_of_references(self, alice):
        given = upload(image_file((400, 300)))
        stored = make_reference(alice, upload_sha256=given.sha256)
        other = make_reference(alice, sha256="0" * 64)
        assert self.digest(references=[given, other]) == self.digest(references=[stored, other])
        assert self.digest(references=[other, stored]) != self.digest(references=[stored, other])


class TestOffer:
    def test_nothing_is_made_and_nothing_charged(self, alice, bob):
        earlier = made(bob)
        with pytest.raises(AlreadyMade) as offer:
            ask(alice, num_images=2, seed=7)
        assert offer.value.run == earlier
        assert Run.objects.count() == 1
        assert nothing_was_charged()

    def test_a_request_for_fewer_images_gets_the_offer(self, alice):
        made(alice, images=3)
        with pytest.raises(AlreadyMade):
            ask(alice, num_images=1, seed=7)

    def test_a_request_for_more_images_does_not(self, alice):
        made(alice, images=2)
        assert ask(alice, num_images=3, seed=7)

    def test_hidden_images_do_not_count(self, alice):
        made(alice)
        Image.objects.filter(position=1).update(hidden_at=timezone.now())
        assert ask(alice, num_images=2, seed=7)

    def test_other_teams_work_is_not_offered(self, alice, charlie):
        made(charlie)
        assert ask(alice, num_images=2, seed=7)

    def test_images_that_have_not_arrived_are_not_offered(self, alice):
        ask(alice, num_images=2, seed=7)
        assert ask(alice, num_images=2, seed=7)

    def test_without_a_seed_every_run_is_new(self, alice):
        make_finished_run(alice, images=4)
        assert ask(alice)

    def test_images_are_made_again_on_request(self, alice):
        made(alice)
        asked = request(num_images=2, seed=7)
        again = dataclasses.replace(asked, make_again=submission.work_digest(asked))
        assert submission.submit(alice, again).wanted == 2

    def test_the_digest_of_other_work_does_not_count(self, alice):
        made(alice)
        asked = dataclasses.replace(request(num_images=2, seed=7), make_again="0" * 64)
        with pytest.raises(AlreadyMade):
            submission.submit(alice, asked)

    def test_the_same_press_twice_is_still_one_run(self, alice):
        key = uuid.uuid4()
        run = ask(alice, num_images=2, seed=7, key=key)
        Run.objects.update(delivered=2)
        assert ask(alice, num_images=2, seed=7, key=key) == run


class TestPage:
    @pytest.fixture
    def tab(self, alice, sign_in):
        return sign_in(alice)

    def fields(self, **given):
        return {
            "engine": DEMO,
            "prompt": "ridges at dawn",
            "num_images": "2",
            "resolution": "2K",
            "aspect_ratio": "1:1",
            "seed": "7",
            "idempotency_key": str(uuid.uuid4()),
        } | given

    def test_offers_the_images_with_links_and_a_price(self, tab, bob):
        earlier = made(bob)
        response = tab.post(reverse("studio"), self.fields())
        page = response.content.decode()
        assert response.status_code == 422
        assert "Your team already has exactly these images, made by Bob Brown on" in page
        offer = re.search(r'id="composer-made".*?</button>', page, re.S)[0]
        for image in earlier.images.all():
            assert f'href="/images/{image.uuid}/"' in offer
        assert offer.count("<img") == 2
        assert "Make them again · 4 credits" in re.sub(r"<[^>]+>", "", offer)
        assert nothing_was_charged()

    def test_the_button_makes_them_again(self, tab, bob, alice):
        earlier = made(bob)
        sent = self.fields()
        page = tab.post(reverse("studio"), sent).content.decode()
        digest = re.search(r'name="make_again" value="(\w+)"', page)[1]
        assert f'name="idempotency_key" value="{sent["idempotency_key"]}"' in page
        response = tab.post(reverse("studio"), sent | {"make_again": digest})
        assert response.status_code == 303
        assert Run.objects.exclude(pk=earlier.pk).get().work_digest == digest

    def test_pressing_generate_shows_the_offer_again(self, tab, alice):
        made(alice)
        sent = self.fields()
        assert [tab.post(reverse("studio"), sent).status_code for _ in range(2)] == [422, 422]
        assert nothing_was_charged()

    def test_shows_as_many_images_as_were_asked_for(self, tab, alice):
        made(alice, images=3)
        page = tab.post(reverse("studio"), self.fields(num_images="1")).content.decode()
        assert re.search(r'id="composer-made".*?</button>', page, re.S)[0].count("<img") == 1

    def test_a_change_in_the_form_takes_the_offer_away(self, tab, alice):
        made(alice)
        text = tab.post(reverse("composer"), self.fields(), headers=HTMX).content.decode()
        assert "composer-made" not in text
