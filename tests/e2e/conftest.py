"""A real browser against a real server, with real workers on the same database."""

import os
import shutil

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from generations.models import Generation
from tests.factories import PASSWORD
from tests.faults.studio import Workers

# Playwright runs an event loop in the test's thread. Tests use the ORM outside that loop.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# Pages show things at once, but a busy machine may be slow.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert executable, "browser tests need Chromium: `make test` installs it"
    return {**browser_type_launch_args, "executable_path": executable, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    size = {"width": 1440, "height": 900}
    return {**browser_context_args, "viewport": size, "reduced_motion": "reduce"}


@pytest.fixture
def context(context):
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture
def workers(transactional_db, tmp_path):
    workers = Workers(tmp_path)
    workers.start()
    yield workers
    workers.assert_alive()
    workers.kill()


@pytest.fixture
def enter(live_server):
    """`enter(page, user)`: sign in on the page."""

    def enter(page, user: User) -> None:
        page.goto(f"{live_server.url}/account/login/")
        page.get_by_label("Email").fill(user.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{live_server.url}/")

    return enter


@pytest.fixture
def complaints(page):
    """The errors in the browser's console, among them broken policies and scripts."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else 0)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add to the report of a failed test what its page asked for and what its workers did."""
    report = yield
    if report.when == "call" and report.failed:
        told = {"page": _requests, "workers": _work}
        report.sections += [
            (f"what the {name} did", tell(item.funcargs[name]))
            for name, tell in told.items()
            if name in item.funcargs
        ]
    return report


def _requests(page) -> str:
    return "\n".join(
        f"{request.method} {request.url} {request.failure or request.existing_response}"
        for request in page.requests()[-30:]
    )


def _work(workers: Workers) -> str:
    seen = ("status", "next_action_at", "claimed_by", "polls", "error_code")
    rows = Generation.objects.values(*seen)
    return "\n".join([timezone.now().isoformat(), *map(str, rows), workers.log()[-4000:]])
