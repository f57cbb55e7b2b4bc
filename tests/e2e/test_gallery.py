"""The gallery in a browser: selecting with mouse and keys, an act with undo, panels and dialogs."""

import pytest
from playwright.sync_api import expect

from generations.models import Image, Mark, TagOfImage
from generations.reading import gallery
from tests.e2e.accessibility import look
from tests.generations.factories import make_finished_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tag_with_enter(page):
    page.locator(".pick input").nth(2).check()
    page.locator(".tidy-bar summary", has_text="Tag").click()
    page.keyboard.press("Tab")
    page.keyboard.type("hero")
    page.keyboard.press("Enter")
    expect(page.locator("#gallery-done")).to_contain_text("hero")
    assert TagOfImage.objects.count() == 1


def compare_and_come_back(page):
    for number in (1, 2):
        page.locator(".pick input").nth(number).check()
    page.keyboard.press("c")
    page.wait_for_url("**/compare/**")
    page.go_back()
    expect(page.locator("[data-selected]")).to_have_text("2")
    page.keyboard.press("Escape")


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desk", "phone"])
def test_images_are_selected_hidden_and_brought_back(
    page, alice, enter, live_server, monkeypatch, complaints, size
):
    monkeypatch.setattr(gallery, "PAGE_SIZE", 6)
    make_finished_run(alice, images=9, files=True, size=(96, 64))
    enter(page, alice)
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{live_server.url}/gallery/")
    cards, boxes = page.locator("[data-card]"), page.locator(".pick input")
    count = page.locator("[data-selected]")
    boxes.nth(0).check()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(cards).to_have_count(9)  # the selection outlives the next page
    boxes.nth(3).click(modifiers=["Shift"])
    expect(count).to_have_text("4")
    page.locator(".tidy-bar summary").first.click()
    look(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Hide", exact=True).click()
    expect(page.locator("#gallery-done")).to_contain_text("4 images hidden")
    expect(page.locator("[data-card]:visible")).to_have_count(5)
    look(page)
    assert Image.objects.visible_to(alice).count() == 5
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-card]:visible")).to_have_count(9)
    assert Image.objects.visible_to(alice).count() == 9
    # Keys
    cards.nth(0).locator(".frame-link").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(boxes.nth(1)).to_be_checked()
    page.keyboard.press(".")
    expect(cards.nth(1)).to_have_attribute("data-starred", "")
    assert Mark.objects.get().is_starred
    page.keyboard.press("Escape")
    expect(boxes.nth(1)).not_to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    look(page)
    page.keyboard.press("Escape")
    tag_with_enter(page)
    compare_and_come_back(page)
    if width < 1100:
        page.get_by_role("button", name="Filters").click()
        look(page)
    expect(page.locator("#gallery-count")).to_have_text("9 images")
    assert complaints == []
