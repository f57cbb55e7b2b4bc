"""The feed in a browser: what it tells and what it leaves alone; and phones."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import PersonalNotice
from generations import live
from generations.models import Generation, Run
from generations.states import Status
from tests.e2e.accessibility import violations
from tests.factories import PASSWORD
from tests.generations.factories import (
    make_finished_run,
    make_generation,
    make_pending_run,
    make_run,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = [(1440, 900), (390, 844)]
# What is smaller than 44 px: name and size. A pseudo-element may enlarge what a finger reaches, and
# a label what stands in it; links in the flow of a text are excepted.
SMALL = """() => {
  const reach = (node, x, y) => {
    const hit = document.elementFromPoint(x, y);
    return hit && (node.contains(hit) || hit.contains(node) && hit.matches("label, a, button") ||
      hit.closest("label")?.contains(node));
  };
  const controls = "a[href], button, input, select, textarea, summary";
  const part = document.querySelector(":popover-open") ?? document;
  const found = [];
  for (const node of part.querySelectorAll(controls)) {
    if (!node.checkVisibility({ opacityProperty: true })) continue;
    if (node.closest(".sr-only, .skip-link")) continue;
    if (node.matches("p a, dd a, td a") && getComputedStyle(node).display === "inline") continue;
    node.scrollIntoView({ block: "center", inline: "center" });
    const box = node.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    const tall = box.height >= 43.5 || (reach(node, x, y - 21) && reach(node, x, y + 21));
    const wide = box.width >= 43.5 || (reach(node, x - 21, y) && reach(node, x + 21, y));
    if (!tall || !wide) found.push(`${node.tagName} ${node.className} “${
      (node.textContent.trim() || node.ariaLabel || node.name || "").slice(0, 30)}” ${
      Math.round(box.width)}×${Math.round(box.height)}`);
  }
  return found;
}"""
PHONE_PAGES = [
    "/",
    "/gallery/",
    "/credits/",
    "/account/",
    "/account/readings/",
    "/notices/",
    "/log/",
    "/log/exports/",
    "/log/seal/",
    "/inspect/",
    "/providers/",
    "/status/",
    "/labels/law/",
]


def fail(user, **values):
    run = make_run(user, **{"wanted": 1, **values})
    make_generation(run, Status.FAILED, error_code="timeout", ended_at=timezone.now())
    return run


def end(run):
    """The open run ends without an image, as a worker would end it."""
    Generation.objects.filter(run=run).update(status=Status.FAILED, ended_at=timezone.now())
    Run.objects.filter(pk=run.pk).update(open=0)
    live.bump(run.user_id)


def on(page, run):
    return page.locator(f"#run-{run.uuid}")


@pytest.fixture(params=SIZES, ids=["desk", "phone"])
def screen(request, page):
    width, height = request.param
    page.set_viewport_size({"width": width, "height": height})
    return page


def test_failed_runs_are_dismissed_and_put_back(screen, alice, enter, complaints):
    for _ in range(2):
        make_finished_run(alice, files=True)
    run = fail(alice)
    enter(screen, alice)
    screen.get_by_role("button", name="Take out of everybody's feed").click()
    expect(on(screen, run)).to_be_hidden()
    undo = screen.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    assert violations(screen) == []
    assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    undo.click()
    expect(on(screen, run)).to_be_visible()
    expect(undo).to_have_count(0)
    assert complaints == []


def test_an_answer_that_was_not_shown_comes_again(page, alice, enter):
    run = make_pending_run(alice, Status.RUNNING)
    enter(page, alice)
    page.evaluate(
        """() => document.addEventListener("htmx:after:request", (event) => {
            const { sourceElement, text } = event.detail.ctx;
            if (window.lost || sourceElement.id !== "live" || !text.includes('"failed"')) return;
            event.preventDefault();
            window.lost = true;
        })"""
    )
    end(run)
    page.wait_for_function("() => window.lost")
    # Sooner than the words "just now" change, which would bring the feed anyway.
    expect(on(page, run)).to_have_attribute("data-status", "failed", timeout=40_000)


def test_team_mates_images_wait_behind_a_pill(screen, alice, bob, enter, complaints):
    known = make_finished_run(alice, files=True)
    pending = make_pending_run(alice, Status.RUNNING)
    enter(screen, alice)
    new = make_finished_run(bob, images=3, files=True)
    with screen.expect_response(lambda answer: "/live/?" in answer.url and answer.status == 200):
        live.bump(alice.pk)
        Generation.objects.filter(run=pending).update(
            submitted_at=timezone.now() - timedelta(hours=1)
        )
    expect(on(screen, known)).to_be_visible()
    expect(on(screen, new)).to_have_count(0)
    screen.evaluate(
        "htmx.ajax('GET', document.getElementById('feed-news').getAttribute('hx-get'),"
        " {target: '#feed-news', swap: 'outerMorph'})"
    )
    pill = screen.get_by_role("link", name="3 new images from Bob Brown")
    expect(pill).to_be_visible()
    assert violations(screen) == []
    pill.click()
    expect(on(screen, new)).to_be_visible()
    expect(pill).to_have_count(0)
    assert complaints == []


def test_ends_are_told_once_and_counted_in_the_title_of_a_hidden_tab(page, alice, enter):
    runs = [make_pending_run(alice, Status.RUNNING) for _ in range(2)]
    enter(page, alice)
    page.evaluate("""() => {
      window.said = [];
      new MutationObserver(() => said.push(document.getElementById("live-status").textContent))
        .observe(document.getElementById("live-status"), { childList: true });
      Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
    }""")
    end(runs[0])
    expect(on(page, runs[0])).to_have_attribute("data-status", "failed")
    assert page.evaluate("said") == ["A run has ended without images."]
    assert page.title().startswith("Studio")
    page.evaluate("window.away = true")
    end(runs[1])
    expect(page).to_have_title("(1) Studio · Seedream Studio")
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title("Studio · Seedream Studio")
    assert len(page.evaluate("said")) == 2


def test_a_poll_that_changes_nothing_leaves_the_page_alone(page, alice, enter):
    make_finished_run(alice)
    make_pending_run(alice, Status.RUNNING)
    # So that no minute passes meanwhile in what the page shows.
    Run.objects.update(created_at=timezone.now() - timedelta(minutes=90))
    enter(page, alice)
    is_poll = lambda answer: "/live/?" in answer.url  # noqa: E731
    live.bump(alice.pk)
    with page.expect_response(lambda answer: is_poll(answer) and answer.status == 200):
        pass  # the page now knows the digest of what it shows
    with page.expect_response(is_poll):
        pass
    page.evaluate("""() => {
      window.changes = 0;
      new MutationObserver((seen) => { changes += seen.length; }).observe(
        document.body, { subtree: true, childList: true, characterData: true });
    }""")
    live.bump(alice.pk)
    for _ in range(2):
        with page.expect_response(is_poll) as answer:
            pass
        assert answer.value.status == 304
    assert page.evaluate("changes") == 0


def test_lost_answers_and_a_lost_session_are_said_and_the_draft_is_kept(
    page, context, alice, enter, live_server
):
    make_pending_run(alice, Status.RUNNING)
    enter(page, alice)
    page.get_by_label("Prompt", exact=True).fill("a fox in the snow")
    context.set_offline(True)
    told = page.locator("#connection").get_by_text("No answer from the studio.")
    expect(told).to_be_visible()
    context.set_offline(False)
    expect(told).to_have_count(0)
    context.clear_cookies()
    live.bump(alice.pk)
    page.get_by_role("link", name="Sign in").click()
    enter_again(page, alice)
    page.wait_for_url(f"{live_server.url}/")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a fox in the snow")


def enter_again(page, user):
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_thumb_reaches_everything(browser, live_server, superuser, alice, complaints):
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    page = context.new_page()
    make_finished_run(superuser, images=2)
    make_pending_run(superuser, Status.RUNNING)
    fail(superuser)
    PersonalNotice.objects.create(
        user=superuser, kind="credits:added", facts={"credits": 5}, told_at=timezone.now()
    )
    page.goto(f"{live_server.url}/account/login/")
    enter_again(page, superuser)
    page.wait_for_url(f"{live_server.url}/")
    small = {}
    for address in PHONE_PAGES:
        page.goto(live_server.url + address)
        if found := page.evaluate(SMALL):
            small[address] = found
    assert small == {}
    page.goto(live_server.url)
    page.get_by_role("button", name="More", exact=True).and_(page.locator(".tabbar *")).click()
    sheet = page.get_by_role("dialog", name="More")
    for name in ("Account", "Notices", "Check a file", "Providers", "Status", "Admin"):
        expect(sheet.get_by_role("link", name=name)).to_be_visible()
    expect(sheet.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.evaluate(SMALL) == []
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.goto(f"{live_server.url}/log/")
    page.get_by_role("button", name="Filter").click()
    expect(
        page.get_by_role("group", name="Filter").get_by_role("button", name="Search").last
    ).to_be_visible()
    assert violations(page) == []
    context.close()
