"""Small pictures repeat the words of their own badge, whatever it says."""

import pytest
from django.urls import reverse

from accounts.access import may_make
from generations.label_chips import alt_text, chip
from generations.labelling import Source
from generations.models import Reference, Rendition, RunReference
from generations.reading import gallery
from generations.states import Status
from tests.generations.factories import make_generation, make_image, make_reference, make_run
from tests.generations.telling import tell

BILINGUAL = "AI合成\nAI-modified"
DRAWN = '<span lang="zh-Hans">AI合成</span> <span lang="en">AI-modified</span>'


class TestWords:
    def test_each_line_is_in_its_own_language(self):
        assert chip(BILINGUAL) == DRAWN

    def test_files_of_older_versions_say_what_was_drawn_then(self):
        assert chip(None) == '<span lang="en">AI-generated</span>'

    def test_words_are_no_markup(self):
        assert "<b>" not in chip("AI <b>")

    @pytest.mark.parametrize(
        ("source", "word"),
        [("generated", "generated"), ("composite", "modified"), ("enhanced", "enhanced")],
    )
    def test_alternative_texts_say_how_an_image_was_made(self, source, word):
        assert alt_text("a fox", source) == f"Image {word} with AI: a fox"


@pytest.fixture
def composite(superuser):
    """An image from a photograph, whose badge says so in two languages; the run's reference is
    itself an image of that kind.
    """
    run = make_run(superuser, wanted=2, delivered=2)
    generation = make_generation(run, Status.SUCCEEDED, wanted=2, delivered=2)
    images = [make_image(generation, index, files=False) for index in range(2)]
    run.images.update(source_type=Source.COMPOSITE)
    Rendition.objects.update(badge={"text": BILINGUAL})
    reference = make_reference(superuser, image=images[0], rights=Reference.Rights.GENERATED)
    RunReference.objects.create(run=run, reference=reference, position=0)
    tell(run)
    return images[0]


# How many images of ours each page shows.
PAGES = {
    "studio": (lambda image: reverse("studio"), 2),
    "composer": (lambda image: f"{reverse('studio')}?reuse={image.run.uuid}", 3),
    "gallery": (lambda image: reverse("gallery"), 2),
    "image": (lambda image: reverse("image", args=[image.uuid]), 5),
    "log": (lambda image: reverse("log"), 2),
    "story": (lambda image: reverse("story", args=[image.run.uuid]), 3),
    "story of an image": (lambda image: reverse("log-image", args=[image.uuid]), 2),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_every_page_repeats_the_badge_of_each_file(client, superuser, composite, name):
    client.force_login(superuser)
    address, shown = PAGES[name]

    text = client.get(address(composite)).getvalue().decode()

    assert text.count(DRAWN) == text.count("ai-chip") == shown
    assert "AI-generated" not in text
    assert "Image generated with AI" not in text


@pytest.mark.django_db
def test_another_badge_changes_a_drawing_that_is_kept(superuser, composite):
    assert may_make(superuser)
    before = {card.drawn for card in gallery.page(superuser).cards}

    Rendition.objects.update(badge={"text": "AI合成"})

    after = {card.drawn for card in gallery.page(superuser).cards}
    assert before.isdisjoint(after)
    assert all("AI-modified" not in drawn for drawn in after)
