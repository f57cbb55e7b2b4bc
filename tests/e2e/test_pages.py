"""Every page, in both themes and on a phone: accessible, no wider than the screen, no errors."""

import pytest
from django.utils import timezone

from accounts import notices
from accounts.events import Event
from generations.jobs.worker import work_here
from generations.labelling.metadata.splice import insert_xmp
from generations.models import Worker
from generations.notice_kinds import KEY_NEEDS_CARE
from generations.readiness.watch import Watch
from tests.e2e.accessibility import COLOURS, violations
from tests.factories import make_user
from tests.generations.asking import ask
from tests.generations.factories import image_file, make_conversion
from tests.generations.labelling.packets import make_mark, make_packet
from tests.records import write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    "/",
    "/gallery/",
    "/gallery/?bin=1",
    "/gallery/zips/",
    "/runs/dismissed/",
    "/credits/",
    "/account/",
    "/account/readings/",
    "/notices/",
    "/log/",
    "/log/exports/",
    "/log/seal/",
    "/images/{image}/",
    "/images/{image}/labels/",
    "/images/{image}/uses/",
    "/conversions/{conversion}/",
    "/compare/?image={image}&image={other}",
    "/compare/",
    "/inspect/",
    "/log/runs/{run}/",
    "/log/images/{image}/",
]
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


@pytest.fixture
def addresses(reviewer, settings):
    """The pages of a studio with one finished run and one that waits in line."""
    settings.PROVIDER_TIME_SCALE = 0.01
    run = ask(reviewer, num_images=2)
    work_here(lambda: not type(run).objects.filter(status="pending").exists())
    ask(reviewer, num_images=2)
    image = run.images.first()
    write(Event.RECORD_READ, actor=make_user(team=reviewer.team), subject=run, story=run.uuid)
    named = {"image": image.uuid, "other": run.images.last().uuid, "run": run.uuid}
    named["conversion"] = make_conversion(image).uuid
    return [page.format(**named) for page in PAGES]


@pytest.fixture
def look_at(page, live_server, complaints):
    """`look_at(address)`: open the page in every size and theme, and check it."""

    def look_at(address):
        page.goto(live_server.url + address)
        page.evaluate("document.fonts.ready")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="light")
            seen = f"{address} on a {size}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, seen
            assert violations(page) == [], seen
            page.emulate_media(color_scheme="dark")
            assert violations(page, COLOURS) == [], f"{seen}, dark"
            assert complaints == [], seen

    return look_at


def test_pages_are_accessible_and_fit(page, addresses, reviewer, enter, look_at):
    enter(page, reviewer)
    for address in addresses:
        look_at(address)


def test_pages_of_those_who_make_images_are_accessible_and_fit(page, alice, enter, look_at):
    enter(page, alice)
    for address in ("/references/", "/prompts/"):
        look_at(address)


def test_what_is_in_a_file_is_accessible_and_fits(page, live_server, reviewer, enter, complaints):
    mark = make_mark(ContentProducer="a" * 300)
    packet = make_packet(f"<TC260:AIGC>{mark}</TC260:AIGC>")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": insert_xmp(image_file(), packet)}
    enter(page, reviewer)
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="light")
        page.goto(f"{live_server.url}/inspect/")
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Look into it").click()
        page.get_by_text("All details").click()
        assert page.get_by_role("heading", name="Not an image of your team").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert violations(page, COLOURS) == []
    assert complaints == []


def test_the_providers_page_is_accessible_and_fits(page, admin, providers, enter, look_at):
    for engine in ("apixo/seedream-4-5", "seedance/seedream-4-5"):
        run = ask(admin, engine, 1)
        work_here(lambda: not type(run).objects.filter(status="pending").exists())  # noqa: B023
    enter(page, admin)
    look_at("/providers/")


def test_the_pages_on_the_studio_itself_are_accessible_and_fit(page, admin, enter, look_at):
    now = timezone.now()
    Worker.objects.create(pk=f"{'0' * 60}:1:2:3", queues="images", seen_at=now, turned_at=now)
    watch = Watch()
    watch.look_at(0)
    watch.look_at(60)
    notices.tell(KEY_NEEDS_CARE, cause="1", facts={"subject": "APIXO, key 1", "text": "Top it up."})
    enter(page, admin)
    for address in ("/status/", "/notices/", "/usage/"):
        look_at(address)


def test_a_persons_first_page_is_accessible_and_fits(page, alice, enter, look_at):
    enter(page, alice)
    look_at("/?example=banner")


def test_the_sign_in_page_is_accessible(page, live_server, db):
    page.goto(f"{live_server.url}/account/login/")
    assert violations(page) == []


def test_the_admin_breaks_no_policy(page, admin, enter, live_server, complaints):
    enter(page, admin)
    for address in ("", "accounts/user/", "accounts/allowance/", "generations/price/"):
        page.goto(f"{live_server.url}/admin/{address}")
    assert complaints == []


def test_a_label_policy_shows_the_badge_as_it_is_chosen(
    page, admin, enter, live_server, complaints
):
    enter(page, admin)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/admin/generations/labelpolicy/add/")
    with page.expect_response(lambda answer: "badge=chinese" in answer.url) as shown:
        page.get_by_label("Badge:").select_option("chinese")
    assert shown.value.headers["content-type"] == "image/jpeg"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
