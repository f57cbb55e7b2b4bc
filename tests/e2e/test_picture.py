"""The image page and the page that compares images: zoom, keys, swipes, the way through a list."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from generations.jobs.execution import converting
from generations.models import Conversion, Image
from tests.generations.factories import make_finished_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TRANSFORMS = "[...document.querySelectorAll('.zoomable img')].map((image) => image.style.transform)"


@pytest.fixture
def images(reviewer):
    """Three images, the oldest first; the newest has more pixels than screens are sent."""
    for prompt, size in (("ridges", (96, 64)), ("a lake", (96, 64)), ("a coast", (2600, 1300))):
        make_finished_run(reviewer, prompt=prompt, files=True, size=size)
    return list(Image.objects.order_by("pk"))


@pytest.fixture
def swipe(page):
    """`swipe(pixels)`: move a finger over the middle of the image, to the right if positive."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def swipe(pixels):
        box = page.locator(".stage figure").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, at in (("touchStart", x), ("touchMove", x + pixels), ("touchEnd", None)):
            points = [] if at is None else [{"x": at, "y": y}]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return swipe


def save_another_format(page):
    """A file in another format is saved as soon as a worker has made it."""
    page.locator("[name=format]").select_option("WEBP")
    page.get_by_role("button", name="Prepare").click()
    expect(page.get_by_text("The file is being made.")).to_be_visible()
    with page.expect_download() as saved:
        converting.convert(Conversion.objects.get().pk, "worker")
    assert saved.value.suggested_filename.endswith(".webp")


def test_an_image_is_zoomed_and_leads_through_its_list(
    page, images, reviewer, enter, live_server, swipe, complaints
):
    _old, middle, new = images
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    full = f"/files/{new.renditions.get(recipe='full').uuid}.png"
    enter(page, reviewer)
    page.goto(f"{live_server.url}/gallery/?q=a")

    page.locator(f"#image-{new.uuid} .frame-link").click()
    stage = page.locator("#lightbox .stage")
    expect(page).to_have_url(re.compile(f"/images/{new.uuid}/\\?in=gallery&q=a$"))
    expect(page).to_have_title(re.compile("^a coast"))

    # The keys enlarge it; the file in full size comes only when its pixels are needed.
    expect(stage).not_to_have_class(re.compile("is-zoomed"))
    assert not any(full in url for url in asked)
    with page.expect_request(lambda request: full in request.url):
        page.keyboard.press("+")
    expect(stage.locator(".zoom-level")).to_have_text("150%")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(str(new.uuid)))  # it moved the enlarged image
    page.keyboard.press("-")
    page.keyboard.press("0")
    expect(stage.locator(".zoom-level")).to_have_text("100%")

    # So do the wheel, a double click and the buttons.
    stage.locator("img").first.hover()
    page.mouse.wheel(0, -300)
    expect(stage).to_have_class(re.compile("is-zoomed"))
    stage.locator("figure").dblclick()
    expect(stage).not_to_have_class(re.compile("is-zoomed"))
    stage.get_by_role("button", name="Zoom in").click()
    expect(stage).to_have_class(re.compile("is-zoomed"))
    stage.get_by_role("button", name="Show the whole image").click()

    page.keyboard.press("ArrowRight")
    expect(page).to_have_title(re.compile("^a lake"))
    expect(stage.locator("[data-next]")).to_have_count(0)  # the oldest image does not match
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_title(re.compile("^a coast"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{live_server.url}/gallery/?q=a")

    # On a phone, a finger leads on, and so do arrows that can be seen.
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}{reverse('image', args=[middle.uuid])}?in=gallery")
    for arrow in (page.locator("[data-prev]"), page.locator("[data-next]")):
        box = arrow.bounding_box()
        assert min(box["width"], box["height"]) >= 44
        assert 0 <= box["x"] <= 390 - box["width"]
    swipe(-120)
    expect(page).to_have_title(re.compile("^ridges"))
    swipe(120)
    expect(page).to_have_title(re.compile("^a lake"))
    page.locator("[data-prev]").click()
    expect(page).to_have_title(re.compile("^a coast"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    save_another_format(page)
    assert complaints == []


def test_images_are_compared_in_step_and_with_a_slider(
    page, browser, images, reviewer, enter, live_server, complaints
):
    enter(page, reviewer)
    address = f"{live_server.url}/compare/?image={images[0].uuid}&image={images[2].uuid}"
    page.goto(address)
    first, second = page.locator(".compare-image figure").all()
    assert first.bounding_box()["y"] == second.bounding_box()["y"]
    page.keyboard.press("+")
    one, other = page.evaluate(TRANSFORMS)
    assert one == other != ""
    page.keyboard.press("ArrowDown")
    assert page.evaluate(TRANSFORMS) != [one, other]
    page.keyboard.press("0")
    assert page.evaluate(TRANSFORMS) == ["", ""]

    page.keyboard.press("s")
    slider = page.get_by_role("slider", name="How much of image 1")
    assert first.bounding_box() == second.bounding_box()
    before = second.evaluate("(figure) => getComputedStyle(figure).clipPath")
    slider.press("ArrowRight")
    assert second.evaluate("(figure) => getComputedStyle(figure).clipPath") != before
    page.get_by_role("button", name="One over the other").click()
    expect(slider).to_be_hidden()

    page.set_viewport_size({"width": 390, "height": 844})
    assert first.bounding_box()["x"] == second.bounding_box()["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []

    # Without scripts it is a page with both images, and nothing that would not work.
    state = page.context.storage_state()
    with browser.new_context(java_script_enabled=False, storage_state=state) as context:
        plain = context.new_page()
        plain.goto(address)
        expect(plain.locator(".compare-image img")).to_have_count(2)
        expect(plain.get_by_role("row", name=re.compile("^Prompt"))).to_be_visible()
        expect(plain.locator(".compare-tools")).to_be_hidden()
