"""Pages stand still while they load, and the way back leads to what was there; sharing, notices."""

import re
from itertools import product

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from generations import live
from generations.models import Generation, Image, Run
from generations.reading import gallery
from generations.states import Status
from tests.e2e.steadiness import MOST_SHIFT, shifts, watch
from tests.generations.factories import image_file, make_finished_run, make_pending_run

SIZES = [(1440, 900), (390, 844)]
NAMED = {"Content-Disposition": 'attachment; filename="fox.png"', "Content-Type": "image/png"}
# A touch screen with a share sheet and notifications, neither of which headless Chromium shows.
PRETEND = """
window.shared = [];
window.notified = [];
navigator.canShare = () => true;
navigator.share = async ({ files }) => shared.push(...files.map((file) => file.name));
window.Notification = class {
  static permission = "default";
  static requestPermission = async () => (Notification.permission = "granted");
  constructor(title, { body }) { notified.push(body); }
};
const match = matchMedia;
window.matchMedia = (query) => (query === "(pointer: coarse)" ? { matches: true } : match(query));
Object.defineProperty(document, "hidden", { get: () => Boolean(window.away) });
"""
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_stand_still_while_they_load(
    page, alice, enter, live_server, monkeypatch, complaints
):
    monkeypatch.setattr(gallery, "PAGE_SIZE", 8)
    for _ in range(3):
        make_finished_run(alice, images=4)
    watch(page)
    enter(page, alice)
    image = Image.objects.latest("pk")
    pages = ("/", "/gallery/", reverse("image", args=[image.uuid]))
    for (width, height), address in product(SIZES, pages):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(live_server.url + address, wait_until="load")
        if "gallery" in address:
            expect(page.locator("#gallery-count")).to_have_text("12 images")
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            expect(page.locator("[data-card]")).to_have_count(12)
        moved, why = shifts(page)
        assert moved <= MOST_SHIFT, (address, width, why)
    assert complaints == []


def test_back_and_forward_restore_filters_and_images_once(
    page, alice, enter, live_server, monkeypatch, complaints
):
    monkeypatch.setattr(gallery, "PAGE_SIZE", 4)
    for prompt in ("a fox", "a wolf"):
        make_finished_run(alice, images=6, prompt=prompt)
    watch(page)
    enter(page, alice)
    cards = page.locator("[data-card]")
    page.goto(f"{live_server.url}/gallery/")
    page.get_by_label("Words of the prompt").fill("fox")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"q=fox"))
    page.wait_for_load_state()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(cards).to_have_count(6)
    page.get_by_role("link", name="Starred", exact=True).click()
    expect(page).to_have_url(re.compile(r"starred=1"))
    page.go_back()
    expect(page.get_by_label("Words of the prompt")).to_have_value("fox")
    expect(cards).to_have_count(6)  # as many as there were, each once
    assert len(set(cards.evaluate_all("all => all.map((card) => card.id)"))) == 6

    # Into an image and on; back closes it, and the list stands as it did.
    cards.nth(1).locator(".frame-link").click()
    expect(page.locator("#lightbox .stage")).to_be_visible()
    page.go_back()
    expect(page.locator("#lightbox .stage")).to_have_count(0)
    expect(cards).to_have_count(6)
    page.go_forward()
    expect(page.locator(".stage")).to_have_count(1)
    expect(page).to_have_title(re.compile("^a fox"))
    page.go_back()
    page.go_back()
    expect(page.get_by_label("Words of the prompt")).to_have_value("")
    assert complaints == []


def test_a_touch_screen_shares_and_a_hidden_tab_notifies(
    page, context, alice, enter, live_server, complaints
):
    make_finished_run(alice, prompt="a fox")
    run = make_pending_run(alice, Status.RUNNING)
    context.grant_permissions(["notifications"], origin=live_server.url)
    page.add_init_script(PRETEND)
    watch(page)
    page.route("**/download/", lambda route: route.fulfill(body=image_file(), headers=NAMED))
    enter(page, alice)
    page.get_by_role("button", name="Tell me when my images are ready").click()
    expect(page.locator("[data-notifies]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-shares]").first.dispatch_event("click")
    page.wait_for_function("() => window.shared.length")
    assert page.evaluate("shared") == ["fox.png"]
    page.evaluate("window.away = true")
    Generation.objects.filter(run=run).update(status=Status.FAILED, ended_at=timezone.now())
    Run.objects.filter(pk=run.pk).update(open=0)
    live.bump(alice.pk)
    page.wait_for_function("() => window.notified.length")
    assert page.evaluate("notified") == ["A run has ended without images."]
    assert complaints == []
