"""From sign-in to four labelled images, and what can go wrong in between."""

import re

import pytest
from playwright.sync_api import expect

from accounts import ledger
from generations.labelling import read_xmp
from generations.models import Generation, Run
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def compose(page, prompt="Layered ridges at dawn", images="4"):
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_label("Images", exact=True).select_option(images)
    expect(page.get_by_role("button", name=re.compile("^Generate"))).to_contain_text("credits")


def generate(page):
    page.get_by_role("button", name=re.compile("^Generate")).click()


def run_on(page):
    return page.locator("[id^=run-]").first


def test_four_images_with_their_price_and_story(
    page, alice, reviewer, enter, workers, live_server, complaints
):
    enter(page, alice)
    compose(page)
    expect(page.get_by_role("button", name=re.compile("^Generate"))).to_contain_text("8 credits")
    generate(page)
    expect(run_on(page)).to_have_attribute("data-status", "pending")
    expect(run_on(page)).to_have_attribute("data-status", "succeeded")
    expect(page.locator("[id^=image-] img")).to_have_count(4)
    page.wait_for_function(
        "() => [...document.querySelectorAll('[id^=image-] img')].every(i => i.naturalWidth > 0)"
    )
    balance = ledger.balance(alice)
    assert (balance.spent, balance.reserved) == (8, 0)
    assert complaints == []

    enter_as_reviewer = page.context.browser.new_context().new_page()
    enter(enter_as_reviewer, reviewer)
    enter_as_reviewer.goto(f"{live_server.url}/log/")
    expect(enter_as_reviewer.get_by_role("table")).to_contain_text("Layered ridges at dawn")
    enter_as_reviewer.get_by_role("link", name="Every record").click()
    expect(enter_as_reviewer.get_by_role("table")).to_contain_text("Image stored")
    enter_as_reviewer.goto(f"{live_server.url}/log/runs/{Run.objects.get().uuid}/")
    expect(enter_as_reviewer.get_by_role("main")).to_contain_text("Layered ridges at dawn")
    enter_as_reviewer.context.close()


def test_a_download_carries_its_label(page, alice, enter, workers):
    enter(page, alice)
    compose(page, images="1")
    generate(page)
    expect(run_on(page)).to_have_attribute("data-status", "succeeded")
    page.locator("[id^=image-] a").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Read from the file just now")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="Download").click()
    data = download.value.path().read_bytes()
    xmp = read_xmp(data)
    assert b"trainedAlgorithmicMedia" in xmp
    assert xmp.count(b"<TC260:AIGC>") == 1
    assert b"ridges" not in data


def test_polling_stops_when_nothing_is_pending(page, alice, enter, workers):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    enter(page, alice)
    compose(page, images="1")
    generate(page)
    expect(run_on(page)).to_have_attribute("data-status", "succeeded")
    assert any("/live/" in url for url in asked)
    expect(page.locator("#live[hx-trigger^='every']")).to_have_count(0)
    asked.clear()
    poll_beside(page)
    page.wait_for_function("() => document.querySelector('#beside').dataset.answers === '2'")
    assert [url for url in asked if "/live/?" in url] == []


def poll_beside(page):
    """Let htmx poll another address as often as the feed, and count the answers."""
    page.evaluate(
        """() => {
            const beside = document.createElement("div");
            beside.id = "beside";
            beside.dataset.answers = 0;
            beside.setAttribute("hx-get", "/healthz");
            beside.setAttribute("hx-trigger", "every 2s");
            beside.setAttribute("hx-swap", "none");
            beside.addEventListener("htmx:after:request", () => beside.dataset.answers++);
            document.body.append(beside);
            htmx.process(beside);
        }"""
    )


def test_a_double_press_is_one_run(page, alice, enter):
    enter(page, alice)
    compose(page)
    page.get_by_role("button", name=re.compile("^Generate")).dblclick()
    expect(run_on(page)).to_be_visible()
    assert Run.objects.count() == 1
    assert ledger.balance(alice).reserved == 8


def test_the_back_button_and_a_reload_submit_nothing_again(page, alice, enter, live_server):
    enter(page, alice)
    compose(page)
    generate(page)
    expect(run_on(page)).to_be_visible()
    page.goto(f"{live_server.url}/gallery/")
    page.go_back()
    expect(run_on(page)).to_be_visible()
    page.reload()
    expect(run_on(page)).to_be_visible()
    assert Run.objects.count() == 1


def test_two_tabs_show_the_same_run(page, context, alice, enter, live_server):
    enter(page, alice)
    other = context.new_page()
    other.goto(live_server.url)
    compose(page)
    generate(page)
    expect(run_on(page)).to_be_visible()
    other.reload()
    uuid = Run.objects.get().uuid
    expect(other.locator(f"#run-{uuid}")).to_be_visible()
    compose(other, prompt="Another image")
    generate(other)
    expect(other.locator("[id^=run-]")).to_have_count(2)


def test_an_empty_prompt_is_reported_beside_its_field(page, alice, enter):
    enter(page, alice)
    page.get_by_label("Prompt", exact=True).fill(" ")
    generate(page)
    expect(page.get_by_role("main")).to_contain_text(re.compile("prompt", re.IGNORECASE))
    assert not Run.objects.exists()


def test_without_credit_the_button_says_why(page, enter, live_server):
    poor = make_user(quota=1)
    enter(page, poor)
    button = page.get_by_role("button", name=re.compile("^Generate"))
    expect(button).to_be_disabled()
    expect(page.get_by_role("main")).to_contain_text(re.compile("left"))


def test_a_waiting_request_can_be_cancelled(page, alice, enter):
    enter(page, alice)
    compose(page, images="1")
    generate(page)
    run_on(page).get_by_role("button", name=re.compile("Cancel")).click()
    expect(run_on(page)).to_have_attribute("data-status", "cancelled")
    assert Generation.objects.get().status == "cancelled"
    assert ledger.balance(alice).reserved == 0


def test_without_javascript_the_form_works(browser, alice, enter, live_server):
    page = browser.new_context(java_script_enabled=False).new_page()
    enter(page, alice)
    page.get_by_label("Prompt", exact=True).fill("A red fox")
    page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(page.locator("[id^=run-]")).to_have_count(1)
    page.context.close()
