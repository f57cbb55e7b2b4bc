"""What a browser notes of a page that moves, or changes, without anybody's doing."""

from typing import Any

from playwright.sync_api import Page

from tests.generations.factories import image_file

# How much of the screen moved, and how far, by itself (Cumulative Layout Shift); and how long the
# slowest answer to a press or a key took, until it was painted.
WATCH = """
window.shifts = [];
window.slowest = 0;
const note = (type, each, options) =>
  new PerformanceObserver((list) => list.getEntries().forEach(each))
    .observe({ type, buffered: true, ...options });
note("layout-shift", (entry) => {
  const moved = entry.sources.map(({ node }) => node?.id || node?.className || node?.nodeName);
  if (!entry.hadRecentInput) window.shifts.push([entry.value, moved.join(", ")]);
});
note("event", (entry) => {
  if (entry.interactionId) window.slowest = Math.max(window.slowest, entry.duration);
}, { durationThreshold: 16 });
"""
MOST_SHIFT = 0.02


def watch(page: Page) -> None:
    """From the next page on, note what moves. Pictures come without files and from no storage."""
    page.add_init_script(WATCH)
    picture = image_file((96, 64))
    page.route("**/files/**", lambda route: route.fulfill(body=picture, content_type="image/png"))


def shifts(page: Page) -> tuple[float, list[Any]]:
    """The sum of all shifts of this page, and what moved."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    found = page.evaluate("window.shifts")
    return sum(value for value, _moved in found), found
