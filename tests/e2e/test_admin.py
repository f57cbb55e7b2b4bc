"""Every page of the admin: accessible, no wider than the screen, no bare None, a 24-hour clock."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts import credit_requests, ledger, notices
from accounts.models import PlannedQuota, User
from generations import budgets, holds
from generations.models import (
    Budget,
    Erasure,
    LabelPolicy,
    Price,
    ProviderAccount,
    Relabelling,
    RetentionRule,
    TeamDefault,
)
from generations.notice_kinds import DISK_NEARLY_FULL
from generations.states import Status
from tests.e2e.accessibility import COLOURS, violations
from tests.factories import make_outlet
from tests.generations.asking import DEMO
from tests.generations.factories import make_generation, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# What a person would not understand.
CODES = re.compile(
    r"\bNone\b(?! available)|\b\d{1,2}(:\d\d)? [ap]\.m\.|\b(invalid_request|set_by_admin)\b"
)
# Of each shape of page, one whose colours are looked at in the dark too.
IN_THE_DARK = (
    *("admin:index", "accounts_user_changelist", "accounts_user_change", "amount"),
    *("accounts_creditrequest_changelist", "generations_price_book"),
)


@pytest.fixture
def rows(superuser, alice, team):
    """A row of each model, as far as none is there from the start."""
    now = timezone.now()
    generation = make_generation(
        make_run(alice, wanted=1, unknown=1), Status.UNKNOWN, submitted_at=now
    )
    make_generation(make_run(alice), Status.FAILED, error_code="invalid_request")
    ledger.top_up(alice, 5, actor=superuser, reason="spring")
    credit_requests.ask(alice, 5)
    PlannedQuota.objects.create(kind="own", user=alice, month=now.date(), credits=5)
    ProviderAccount.objects.create(provider="apixo", slot=1, concurrency=1, per_minute=1)
    LabelPolicy.objects.create(team=team)
    budgets.follow(Budget.objects.create(team=team, usd=100))
    TeamDefault.objects.create(team=team, engine=DEMO)
    RetentionRule.objects.create(kind="prompts", days=90)
    Erasure.objects.create(scope="run", subject=generation.run.uuid, next_try_at=now)
    Relabelling.objects.create(scope="run", subject=generation.run.uuid, next_action_at=now)
    holds.place("run", generation.run, reason="a dispute", actor=superuser)
    make_outlet("https://hooks.example.com/1")
    notices.tell(DISK_NEARLY_FULL, cause="1")
    return {User: alice, type(generation): generation, Price: Price.objects.first()}


def addresses(rows):
    """The name of each page with its address."""
    yield "admin:index", reverse("admin:index")
    for model, each in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        row = rows.get(model) or model._base_manager.latest("pk")
        yield f"{name}_changelist", reverse(f"admin:{name}_changelist")
        yield f"{name}_change", reverse(f"admin:{name}_change", args=[row.pk])
        if name not in WITHOUT_ADD:
            yield f"{name}_add", reverse(f"admin:{name}_add")
        if each.has_delete_permission.__func__ is admin.ModelAdmin.has_delete_permission:
            yield f"{name}_delete", reverse(f"admin:{name}_delete", args=[row.pk])
    for page in ("book", "several", "import"):
        yield f"generations_price_{page}", reverse(f"admin:generations_price_{page}")
    yield "accounts_user_quotas", reverse("admin:accounts_user_quotas")
    yield "accounts_user_history", reverse("admin:accounts_user_history", args=[rows[User].pk])


WITHOUT_ADD = {
    "generations_budgetmonth",
    "generations_creditvalue",
    "generations_enginesetting",
    "accounts_allowance",
    "accounts_creditrequest",
    "accounts_entry",
    "accounts_outlet",  # there is only one
    "accounts_posting",
    "generations_provideraccount",
    "generations_generation",
}


def found_on(page, name):
    """What is wrong with the page as it is open, with the name of the page."""
    page.set_viewport_size(DESK)
    found = [f"{name}: {each}" for each in violations(page)]
    if name in IN_THE_DARK:
        page.emulate_media(color_scheme="dark")
        found += [f"{name}, dark: {each}" for each in violations(page, COLOURS)]
        page.emulate_media(color_scheme="light")
    found += [f"{name}: {code[0]}" for code in CODES.finditer(page.inner_text("#container"))]
    page.set_viewport_size(PHONE)
    if (width := page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
        found.append(f"{name}: {width} px wide")
    return found


def ask_for(page, live_server, action):
    page.set_viewport_size(DESK)
    page.goto(f"{live_server.url}{reverse('admin:accounts_user_changelist')}")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Go").click()
    page.wait_for_load_state()


def test_every_page_is_accessible_and_fits(page, live_server, superuser, rows, enter, complaints):
    enter(page, superuser)
    page.emulate_media(color_scheme="light")
    found = []
    for name, address in addresses(rows):
        response = page.goto(live_server.url + address)
        assert response.status == 200, address
        found += found_on(page, name)
    for action in ("top_up", "set_quota", "show_link"):
        ask_for(page, live_server, action)
        found += found_on(page, {"top_up": "amount"}.get(action, action))
    assert found == [], "\n".join(found)


def test_left_and_used_are_seen_without_scrolling_sideways(
    page, live_server, superuser, rows, enter
):
    enter(page, superuser)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{live_server.url}{reverse('admin:accounts_user_changelist')}")
    for column in ("left", "share_used", "quota"):
        box = page.locator(f"td.field-{column}").first.bounding_box()
        assert box["x"] + box["width"] <= 1280, column
