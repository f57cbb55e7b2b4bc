"""Every page of the admin: accessible, no wider than the screen, no bare None, a 24-hour clock."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from generations import holds
from generations.models import (
    Erasure,
    LabelPolicy,
    Price,
    ProviderAccount,
    Relabelling,
    RetentionRule,
    TeamDefault,
)
from generations.states import Status
from tests.generations.asking import DEMO
from tests.generations.factories import make_generation, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS = {"runOnly": ["color-contrast"]}
# What a person would not understand.
CODES = re.compile(
    r"\bNone\b(?! available)|\b\d{1,2}(:\d\d)? [ap]\.m\.|\b(invalid_request|set_by_admin)\b"
)
# Of each shape of page, one whose colours are looked at in the dark too.
IN_THE_DARK = ("admin:index", "accounts_user_changelist", "accounts_user_change", "amount")


@pytest.fixture
def rows(superuser, alice, team):
    """A row of each model, as far as none is there from the start."""
    now = timezone.now()
    generation = make_generation(
        make_run(alice, wanted=1, unknown=1), Status.UNKNOWN, submitted_at=now
    )
    make_generation(make_run(alice), Status.FAILED, error_code="invalid_request")
    ledger.top_up(alice, 5, actor=superuser, reason="spring")
    ProviderAccount.objects.create(provider="apixo", slot=1, concurrency=1, per_minute=1)
    LabelPolicy.objects.create(team=team)
    TeamDefault.objects.create(team=team, engine=DEMO)
    RetentionRule.objects.create(kind="prompts", days=90)
    Erasure.objects.create(scope="run", subject=generation.run.uuid, next_try_at=now)
    Relabelling.objects.create(scope="run", subject=generation.run.uuid, next_action_at=now)
    holds.place("run", generation.run, reason="a dispute", actor=superuser)
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
    yield "accounts_user_history", reverse("admin:accounts_user_history", args=[rows[User].pk])


WITHOUT_ADD = {
    "generations_enginesetting",
    "accounts_allowance",
    "accounts_entry",
    "generations_provideraccount",
    "generations_generation",
}


def found_on(page, name):
    """What is wrong with the page as it is open, with the name of the page."""
    page.set_viewport_size(DESK)
    found = [
        f"{name}: {each['id']} {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in Axe().run(page, options=RULES).response["violations"]
    ]
    if name in IN_THE_DARK:
        page.emulate_media(color_scheme="dark")
        dark = Axe().run(page, options=COLOURS).response["violations"]
        found += [
            f"{name}, dark: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in dark
        ]
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
    for action in ("top_up", "show_link"):
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
