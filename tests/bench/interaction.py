"""How still the pages stand, and how soon they answer, with 500 pictures and a slow processor.

`CHROMIUM=/usr/bin/chromium .venv/bin/python -m pytest -s -n 0 tests/bench/interaction.py`. Chromium
runs at a quarter of its speed. Its own clock measures, so run it on a machine that does nothing
else: `x of an empty page` puts what a press takes against the same on a page with one button.
"""

import pytest
from django.urls import reverse

from generations.models import Image
from generations.reading import feed, gallery
from tests.e2e.conftest import *  # noqa: F403  # its fixtures
from tests.e2e.steadiness import MOST_SHIFT, WATCH, shifts, watch
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db(transaction=True)
RUNS, IMAGES_A_RUN = 125, 4
SLOWER = 4
EMPTY = "<!doctype html><button onclick='this.textContent += 1'>Press</button>"
# What is pressed on each page: something that changes what many pictures stand beside.
PRESSES = {
    "studio": ["#composer textarea", "a b c d"],
    "gallery": ["[data-card]:first-of-type .frame-link", "xxxx"],
    "image": ["[data-next], [data-prev]", ""],
}


def test_measure(page, superuser, enter, live_server, monkeypatch):
    monkeypatch.setattr(gallery, "PAGE_SIZE", 500)
    monkeypatch.setattr(feed, "PAGE_SIZE", 125)
    for _ in range(RUNS):
        make_finished_run(superuser, images=IMAGES_A_RUN)
    watch(page)
    enter(page, superuser)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    image = Image.objects.order_by("pk")[RUNS * 2]
    addresses = {
        "studio": "/",
        "gallery": "/gallery/",
        "image": f"{reverse('image', args=[image.uuid])}?in=gallery",
    }
    empty = _pressed_empty(page)
    print(f"\nan empty page: {empty} ms")
    for name, address in addresses.items():
        page.goto(live_server.url + address)
        page.wait_for_timeout(3000)
        page.mouse.wheel(0, 2000)
        page.wait_for_timeout(1000)
        page.evaluate("scrollTo(0, 0)")
        moved, _why = shifts(page)
        slowest = _pressed(page, *PRESSES[name])
        pictures = page.locator("img").count()
        shown = f"{slowest} ms, {slowest / max(empty, 1):.1f} x of an empty page"
        print(f"{name:<10}{pictures:>5} pictures, layout shift {moved:.4f}, slowest press {shown}")
        assert moved <= MOST_SHIFT


def _pressed_empty(page) -> int:
    other = page.context.new_page()
    other.add_init_script(WATCH)
    other.route("**/empty", lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
    other.goto("http://localhost/empty")
    session = other.context.new_cdp_session(other)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    slowest = _pressed(other, "button", "x")
    other.close()
    return slowest


def _pressed(page, selector: str, keys: str) -> int:
    """The slowest answer to a press and to some keys, in milliseconds until it was painted."""
    page.evaluate("window.slowest = 0")
    target = page.locator(selector).first
    if keys:
        target.focus()
        for key in keys.split() or [keys]:
            page.keyboard.type(key)
    else:
        target.click()
    page.wait_for_timeout(1000)
    return int(page.evaluate("window.slowest"))
