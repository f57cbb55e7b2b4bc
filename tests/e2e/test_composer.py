"""The composer in a browser: it updates itself, and offers images that exist already."""

import re

import pytest
from playwright.sync_api import expect

from accounts import ledger
from generations import submission
from generations.models import Reference, Run
from generations.providers.capabilities import CustomSize, NumberRange, ReferenceDelivery
from tests.e2e.accessibility import look
from tests.generations.asking import request
from tests.generations.factories import image_file, make_finished_run
from tests.generations.stub import set_up_stub
from tests.generations.test_remedies import failed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=[(1440, 900), (390, 844)], ids=["desk", "phone"])
def studio(request, page, alice, enter, monkeypatch, settings):
    """The studio's page, with an engine that has every option."""
    set_up_stub(
        monkeypatch,
        settings,
        custom_size=CustomSize(1024, 4096, 2_000_000, 16_777_216, 3),
        exact_sizes=False,
        images_per_sequence=15,
        guidance_scale=NumberRange(1, 10, step=0.5, default=2.5),
        seed=NumberRange(0, 999),
        negative_prompt=True,
        use_pre_llm=True,
        unproven=frozenset({"seed"}),
        min_references=1,
        max_references=5,
        reference_delivery=ReferenceDelivery.INLINE,
    )
    width, height = request.param
    page.set_viewport_size({"width": width, "height": height})
    enter(page, alice)
    return page


def choose(page, label, value):
    page.get_by_label(label, exact=True).select_option(value)


def choose_engine(page, label):
    page.keyboard.press("Escape")  # a sheet that is open on a phone
    page.locator("#composer-engine summary").click()
    page.get_by_role("radio", name=re.compile(label)).check()
    expect(page.locator("#composer-engine summary")).to_contain_text(label)
    if page.locator("#composer-engine[open]").count():
        page.keyboard.press("Escape")


def test_an_engine_brings_its_own_fields(studio):
    choose_engine(studio, "Stub")
    expect(studio.locator("#composer")).to_contain_text("needed")
    choose(studio, "Format", "16:9")
    choose(studio, "Resolution", "custom")
    expect(studio.get_by_label("Width", exact=True)).to_have_value("2848")
    studio.locator("#composer-more summary").click()
    look(studio)
    studio.get_by_label("A set that belongs together").check()
    expect(studio.get_by_label("Images", exact=True).locator("option")).to_have_count(15)
    choose_engine(studio, "demo")
    expect(studio.locator("#composer")).to_contain_text("so it is left out")


def test_an_empty_file_field_is_no_reference(studio):
    choose(studio, "Images", "2")
    expect(studio.locator("#composer")).to_contain_text("4 credits")
    expect(studio.locator("#composer-references .chip-note")).to_have_count(0)


def test_rights_are_chosen_and_the_files_stay(studio, alice):
    """Each choice loads the composer again, without the files that the browser holds."""
    picture = {"name": "home.png", "mimeType": "image/png", "buffer": image_file((400, 300))}
    choose_engine(studio, "Stub")
    studio.locator("#composer-references summary").click()
    studio.get_by_label("References", exact=True).set_input_files(picture)
    expect(studio.locator("#composer-references")).to_contain_text("rights needed")
    expect(studio.get_by_label("Rights to uploads")).to_have_value("")
    studio.keyboard.press("Escape")
    studio.get_by_label("Prompt", exact=True).fill("a red fox")
    studio.get_by_role("button", name=re.compile("^Generate")).click()
    expect(studio.locator("#composer")).to_contain_text("Say which rights you have")
    studio.locator("#composer-references summary").click()
    choose(studio, "Rights to uploads", "licensed")
    studio.get_by_label("Licence", exact=True).fill("Agency, order 7")
    look(studio)
    studio.keyboard.press("Escape")
    studio.get_by_role("button", name=re.compile("^Generate")).click()
    expect(studio.locator("[data-status=pending]")).to_have_count(1)
    reference = Reference.objects.get()
    assert (reference.rights, reference.licence) == ("licensed", "Agency, order 7")


def test_existing_images_are_offered_and_made_again_on_demand(studio, alice):
    digest = submission.work_digest(request(seed=7))
    earlier = make_finished_run(alice, images=4, files=True, work_digest=digest)
    studio.get_by_label("Prompt", exact=True).fill(earlier.prompt)
    studio.locator("#composer-more summary").click()
    studio.get_by_label("Seed", exact=True).fill("7")
    studio.keyboard.press("Escape")
    studio.get_by_role("button", name=re.compile("^Generate")).click()
    expect(studio.locator("#composer-made img")).to_have_count(4)
    look(studio)
    assert ledger.balance(alice).reserved == 0
    studio.get_by_role("button", name="Make them again · 8 credits").click()
    expect(studio.locator("[data-status=pending]")).to_have_count(1)
    expect(studio.locator("#composer-made")).to_have_count(0)
    assert ledger.balance(alice).reserved == 8


def test_one_press_applies_a_remedy(studio, alice):
    failed(alice, "timeout", num_images=2, resolution="4K")
    failed(alice, "content_policy", num_images=1, prompt="a red fox")
    studio.reload()
    look(studio)
    studio.get_by_role("button", name="Try at 2K · 4 credits").click()
    expect(studio.locator("[data-status=pending]")).to_have_count(1)
    expect(studio.get_by_role("button", name=re.compile("^Try at 2K"))).to_have_count(0)
    assert Run.objects.newest().first().options["resolution"] == "2K"
    studio.get_by_role("link", name="Edit prompt").click()
    expect(studio.get_by_label("Prompt", exact=True)).to_have_value("a red fox")


# Lets nothing reach the studio of what this page, until it is left, sends to be kept.
LOSE_DRAFTS = """() => {
  const { fetch } = window;
  const isDraft = (url) => String(url).includes("/draft/");
  const lose = () => Promise.reject(new TypeError("lost"));
  window.fetch = (url, ...more) => (isDraft(url) ? lose() : fetch(url, ...more));
  navigator.sendBeacon = () => true;
}"""


def chosen(page):
    return {
        name: page.get_by_label(name, exact=True).input_value()
        for name in ("Images", "Format", "Resolution", "Prompt")
    }


def test_choices_and_words_are_the_same_after_a_reload_and_on_another_device(
    page, alice, enter, browser, monkeypatch, settings
):
    set_up_stub(monkeypatch, settings)
    enter(page, alice)
    page.locator("#composer-engine summary").click()
    look(page)
    page.keyboard.press("Escape")
    choose_engine(page, "Stub")
    choose(page, "Format", "16:9")
    page.evaluate(LOSE_DRAFTS)
    choose(page, "Images", "3")
    expect(page.get_by_role("button", name=re.compile("^Generate"))).to_contain_text("9 credits")
    page.get_by_label("Prompt", exact=True).fill("a red fox")
    with page.expect_response(re.compile("/draft/")):  # what the studio did not get, the tab has
        page.reload()
    mine = {"Images": "3", "Format": "16:9", "Resolution": "2K", "Prompt": "a red fox"}
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a red fox")
    expect(page.get_by_label("Images", exact=True)).to_have_value("3")
    assert chosen(page) == mine
    other = browser.new_context().new_page()
    enter(other, alice)
    assert chosen(other) == mine
    expect(other.locator("#composer-engine summary")).to_contain_text("Stub & Co")
    other.context.close()
