"""Whatever changes state from outside writes a record: views, admin, commands and tasks.

Each entry point is either an act, which is done here and must leave its event on the record, or
stands in a table of exceptions with the reason. A new entry point is in neither, so a test fails.
`access.test_access` sends empty requests to every address.
"""

import json
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import credit_requests, invitations, ledger, personal_notices, sealing, tasks
from accounts.admin import RecordedAdmin, quota_import, quota_table
from accounts.audit import tallies
from accounts.events import Event
from accounts.models import (
    Allowance,
    CreditRequest,
    Notice,
    Outlet,
    PlannedQuota,
    Posting,
    Record,
    SavedSearch,
    Tally,
    Team,
    TopUp,
    User,
)
from accounts.shell import RecordedCommand
from generations import holds
from generations import tasks as generation_tasks
from generations.admin import price_book
from generations.erasing import asking, targets
from generations.jobs import dispatch
from generations.models import (
    BalanceDay,
    Budget,
    CreditValue,
    EngineSetting,
    Erasure,
    Export,
    Finding,
    Generation,
    LabelPolicy,
    Price,
    Relabelling,
    RetentionRule,
    Run,
    TeamDefault,
)
from generations.pricing.changing import NewPrice
from generations.providers.advice import Remedy
from generations.states import Status
from seedream_site.celery import app
from tests.access.studio import addresses, patterns, visitors
from tests.accounts.admin.pages import shown
from tests.factories import PASSWORD, make_outlet, make_team, make_user
from tests.generations.asking import DEMO
from tests.generations.factories import (
    image_file,
    make_finished_run,
    make_generation,
    make_reference,
    make_run,
)
from tests.records import write


def events_of(act: Callable[[], object]) -> set[str]:
    """The events that `act` puts on the record. What it changed is undone."""
    cache.clear()  # it remembers what was undone
    before = set(Record.objects.values_list("pk", flat=True))
    with transaction.atomic():
        act()
        written = Record.objects.exclude(pk__in=before)
        found = set(written.values_list("event", flat=True))
        transaction.set_rollback(True)
    return found


# --- Views ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A form that somebody sends, and the event that is then on the record."""

    event: Event
    data: dict[str, Any] = field(default_factory=dict)
    kind: str = "member"
    method: str = "POST"


COMPOSED = {
    "engine": DEMO,
    "prompt": "ridges at dawn",
    "num_images": "2",
    "resolution": "2K",
    "aspect_ratio": "3:2",
    "idempotency_key": str(uuid.UUID(int=7)),
}
NEW_PASSWORD = {
    "oldpassword": PASSWORD,
    "password1": "a new long one",
    "password2": "a new long one",
}
NEW_PRICE = NewPrice(DEMO, "2K", credits=3, cost_usd=Decimal("0.01"))
SEARCH = {"name": "Foxes", "query": "q=red+fox"}
SENT = {
    "studio": Sent(Event.RUN_SUBMITTED, COMPOSED),
    "run-try-again": Sent(Event.RUN_RETRIED),
    "run-remedy": Sent(Event.RUN_SUBMITTED),
    "run-instead": Sent(Event.RUN_SUBMITTED),
    "generation-cancel": Sent(Event.GENERATION_CANCELLED),
    "image-convert": Sent(Event.IMAGE_CONVERSION_ASKED, {"size": "original", "format": "JPEG"}),
    "image-variation": Sent(Event.RUN_SUBMITTED, {"key": str(uuid.UUID(int=8))}),
    "image-original": Sent(Event.ORIGINAL_DOWNLOADED, {"reason": "print"}, kind="super"),
    "inspect": Sent(Event.FILE_INSPECTED, {"file": "PICTURE"}),
    "reference-upload": Sent(Event.REFERENCE_UPLOADED, {"references": "PICTURE"}),
    "reference-rights": Sent(Event.REFERENCE_DECLARED, {"rights": "own"}),
    "reference-remove": Sent(Event.REFERENCE_DROPPED),
    "prompts": Sent(Event.SNIPPET_SAVED, {"name": "Dawn", "prompt": "soft light"}),
    "snippet-delete": Sent(Event.SNIPPET_DELETED),
    "composer-ask": Sent(Event.CREDITS_ASKED, COMPOSED, kind="super"),
    "credits-ask": Sent(Event.CREDITS_ASKED, {"credits": "9"}),
    "credits-withdraw": Sent(Event.CREDITS_WITHDRAWN),
    "credits-csv": Sent(Event.CREDITS_EXPORTED, method="GET"),
    "admin:accounts_creditrequest_decide": Sent(
        Event.CREDITS_DECLINED, {"decision": "decline"}, kind="admin"
    ),
    "account": Sent(Event.USER_CHANGED, {"name": "Somebody Else"}),
    "usersessions_list": Sent(Event.USER_SESSIONS_ENDED),
    "account_login": Sent(Event.USER_SIGNED_IN, {"password": PASSWORD}, kind="anonymous"),
    "account_logout": Sent(Event.USER_SIGNED_OUT),
    "account_change_password": Sent(Event.USER_CHANGED, NEW_PASSWORD),
    "account_reset_password": Sent(Event.USER_RESET_ASKED, kind="anonymous"),
    "account_reset_password_from_key": Sent(Event.USER_CHANGED, NEW_PASSWORD, kind="anonymous"),
    "log-searches": Sent(Event.LOG_SEARCH_SAVED, SEARCH, kind="reviewer"),
    "log-search-delete": Sent(Event.LOG_SEARCH_DELETED, kind="reviewer"),
    "label-reports": Sent(Event.EXPORT_ASKED, kind="reviewer"),
    "credits-proof-correct": Sent(Event.LEDGER_CORRECTED, {"reason": "x"}, kind="admin"),
    "notice-mute": Sent(Event.NOTICE_MUTED, kind="admin"),
    "usage-csv": Sent(Event.USAGE_EXPORTED, kind="admin", method="GET"),
    "usage-xlsx": Sent(Event.USAGE_EXPORTED, kind="admin", method="GET"),
    "exports": Sent(Event.EXPORT_ASKED, {"format": "csv"}, kind="reviewer"),
    "gallery-act": Sent(Event.IMAGES_HIDDEN, {"act": "hide", "all": "1"}),
    "gallery-views": Sent(Event.GALLERY_VIEW_SAVED, SEARCH),
    "gallery-view-delete": Sent(Event.GALLERY_VIEW_DELETED),
    "admin:logout": Sent(Event.USER_SIGNED_OUT, kind="admin"),
    "admin:accounts_user_top_up": Sent(Event.ALLOWANCE_TOPPED_UP, {"credits": "5"}, kind="admin"),
    "admin:generations_price_confirm": Sent(Event.ADMIN_ADDED, kind="admin"),
    "admin:accounts_user_quotas_csv": Sent(Event.QUOTAS_EXPORTED, kind="admin", method="GET"),
    "admin:accounts_user_quotas": Sent(Event.QUOTAS_IMPORTED, kind="admin"),
    "admin:accounts_outlet_test": Sent(Event.OUTLET_TESTED, kind="admin"),
    "admin:accounts_user_sign_out": Sent(Event.USER_SESSIONS_ENDED, kind="admin"),
    # Readings
    "gallery": Sent(Event.PROMPTS_SEEN, method="GET", kind="super"),
    "image": Sent(Event.PROMPTS_SEEN, method="GET", kind="super"),
    "conversion-download": Sent(Event.IMAGE_DOWNLOADED, method="GET"),
    "image-download": Sent(Event.IMAGE_DOWNLOADED, method="GET"),
    "log": Sent(Event.LOG_OPENED, method="GET", kind="reviewer"),
    "story": Sent(Event.RECORD_READ, method="GET", kind="reviewer"),
    "log-image": Sent(Event.RECORD_READ, method="GET", kind="reviewer"),
    "export-download": Sent(Event.EXPORT_DOWNLOADED, method="GET", kind="reviewer"),
    "zip-download": Sent(Event.EXPORT_DOWNLOADED, method="GET"),
    "reference-link": Sent(Event.REFERENCE_FETCHED, method="GET", kind="anonymous"),
    # After the download: no rollback brings the file back.
    "export-delete": Sent(Event.EXPORT_DELETED, kind="reviewer"),
    "zip-delete": Sent(Event.EXPORT_DELETED),
}
NO_ACT = {
    "gallery-density": "remembers in the browser how large images are shown",
    "run-dismiss": "what feeds show: nothing is deleted, and undo puts it back",
    "run-restore": "what feeds show: nothing is deleted, and undo puts it back",
    "account-mail": "when a person gets mail; each mail is on record",
    "composer": "draws the form again, and keeps it as the person's draft",
    "draft": "a person's own draft",
    "draft-other": "a person's own draft",
    "notices-read": "a person's own marks on notices",
    "notice-read": "a person's own marks on notices",
    "notices-mute": "a person's own marks on notices",
    "set-language": "a cookie with the language of this browser",
    "webhook": "wakes a poll, which records what it finds; `test_callbacks` forges a call",
    "account-email": "redirects",
    "account_email": "redirects",
    "account_reauthenticate": "notes in the session that the password was right",
    "account_set_password": "redirects: everybody has a password",
    "account_signup": "closed",
    "account_confirm_email": "finds nothing: addresses are confirmed when they are made",
    "account_confirm_login_code": "redirects: no codes are sent",
    "admin:generations_price_import": "shows what a table would change",
    "admin:generations_price_several": "shows what new figures would change",
    "admin:login": "redirects to the page that signs in",
    "admin:password_change": "redirects to the studio's own page",
    "admin:index": "shows",
    "admin:app_list": "shows",
    "admin/(?P<url>.*)$": "finds nothing",
    "admin:view_on_site": "finds nothing",
}
# Addresses that Django's admin makes for each model; what they do is in `ADMIN`.
OF_ADMIN = re.compile(
    r"admin[:/](accounts|generations)[_/](?!user_(top_up|sign_out|quotas|quotas_csv)$"
    r"|creditrequest_decide$|outlet_test$|price_(confirm|import|several)$)"
)


@pytest.fixture
def studio():
    """The visitors of the tests of access, by kind, and an address for each URL."""
    everyone = {each.kind: each for each in reversed(visitors())}
    address_of = addresses(everyone["member"].user)
    return everyone, address_of


def answers_to_posts(everyone, address_of) -> set[str]:
    """The names of the URLs that accept POST."""
    clients = (everyone["anonymous"], everyone["member"], everyone["super"])
    return {
        name
        for name, _pattern in patterns()
        if not OF_ADMIN.match(name)
        and any(each.outcome("POST", address_of[name]) not in ("x", "in") for each in clients)
    }


@pytest.mark.django_db
def test_every_view_that_accepts_a_form_is_an_act_or_an_exception(studio):
    taken = answers_to_posts(*studio)
    known = {name for name, sent in SENT.items() if sent.method == "POST"} | NO_ACT.keys()
    assert (taken - known, known - taken - {"account_logout"}) == (set(), set())
    assert not SENT.keys() & NO_ACT.keys()


@pytest.mark.django_db
def test_every_act_in_a_view_leaves_its_event_on_the_record(studio):
    everyone, address_of = studio
    member = everyone["member"].user
    special = {
        "account_login": {"login": member.email},
        "account_reset_password": {"email": member.email},
        "admin:accounts_user_top_up": {"seen": f"{ledger.month_of(member.team):%Y-%m} 0"},
    }
    address_of |= _prepared(everyone)
    special["admin:generations_price_confirm"] = {"shown": price_book.signed([NEW_PRICE])}
    special["admin:accounts_user_quotas"] = _table_of(member, everyone["admin"].user)
    undeclared = make_reference(member, rights="")
    special["reference-rights"] = {"references": str(undeclared.uuid)}
    silent = {}
    for name, sent in SENT.items():
        client, data = everyone[sent.kind].client, sent.data | special.get(name, {})
        events = events_of(lambda c=client, s=sent, n=name, d=data: _send(c, s, address_of[n], d))
        if sent.event not in events:
            silent[name] = events
    assert silent == {}


def _table_of(person: User, actor: User) -> dict[str, str]:
    """What the page with the dry run of an import sends."""
    text = f"email,quota\n{person.email},7"
    plan = quota_import.planned(quota_table.lines_of(text), actor=actor)
    return {"table": text, "state": plan.state}


def _send(client: Client, sent: Sent, address: str, data: dict[str, Any]) -> None:
    cookies = client.cookies.copy()
    pictures = [name for name, value in data.items() if value == "PICTURE"]
    data = data | {name: SimpleUploadedFile("picture.png", image_file()) for name in pictures}
    response = (
        client.generic("GET", address) if sent.method == "GET" else client.post(address, data)
    )
    if "password1" in data and response.status_code == 302:
        client.post(response["Location"], data)  # the page behind a sign-in link
    response.getvalue()
    client.cookies = cookies


def _prepared(everyone) -> dict[str, str]:
    """Addresses of objects in a state in which the act is possible."""
    member = everyone["member"].user
    User.objects.filter(pk=everyone["super"].user.pk).update(quota=1)  # too few for a run
    failed = make_run(member, wanted=4)
    make_generation(failed, Status.FAILED, wanted=4, error_code="timeout")
    another = Client()  # whose session can be ended
    another.post(reverse("account_login"), {"login": member.email, "password": PASSWORD})
    mine = make_finished_run(member, files=True).images.get()
    link = invitations.link_for(make_user())
    search = SavedSearch.objects.create(user=everyone["reviewer"].user, **SEARCH)
    view = SavedSearch.objects.create(user=member, page="gallery", **SEARCH)
    return {
        "credits-proof-correct": reverse("credits-proof-correct", args=[_drifted(member).uuid]),
        "run-instead": reverse("run-instead", args=[failed.uuid, DEMO, 8]),
        "run-remedy": reverse("run-remedy", args=[failed.uuid, Remedy.FEWER_AT_A_TIME]),
        "image": reverse("image", args=[mine.uuid]),
        "log-search-delete": reverse("log-search-delete", args=[search.uuid]),
        "gallery-view-delete": reverse("gallery-view-delete", args=[view.uuid]),
        "account_reset_password_from_key": "/account/" + link.partition("/account/")[2],
    }


# --- The admin -----------------------------------------------------------------------------------

GIVEN = {"apply": "1", "credits": "5", "reason": "spring"}
CONCERNED = {"scope": "person", "what": "person@example.com", "reason": "a letter"}
CONFIRMED = {"post": "yes"}
# What a superuser may do with each model: the form that is sent, and the event.
ADMIN: dict[tuple[str, str], tuple[dict[str, Any], Event]] = {
    ("allowance", "top_up"): (GIVEN, Event.ALLOWANCE_TOPPED_UP),
    ("allowance", "set_limit"): (GIVEN, Event.ALLOWANCE_LIMIT_SET),
    ("allowance", "write_off"): (GIVEN, Event.ALLOWANCE_WRITTEN_OFF),
    ("user", "top_up"): (GIVEN, Event.ALLOWANCE_TOPPED_UP),
    ("user", "set_quota"): (GIVEN, Event.USER_CHANGED),
    ("user", "copy_limits"): ({}, Event.ALLOWANCE_LIMIT_SET),
    ("plannedquota", "add"): ({"kind": "members", "credits": "9"}, Event.ADMIN_ADDED),
    ("plannedquota", "change"): ({"credits": "9"}, Event.ADMIN_CHANGED),
    ("plannedquota", "delete"): (CONFIRMED, Event.ADMIN_DELETED),
    ("user", "mail_link"): ({}, Event.USER_INVITED),
    ("user", "show_link"): ({}, Event.USER_INVITED),
    ("user", "add"): ({"email": "new@example.com", "name": "Nova"}, Event.USER_INVITED),
    ("user", "change"): ({"name": "Somebody Else"}, Event.USER_CHANGED),
    ("team", "add"): ({"name": "Cumulus", "time_zone": "UTC"}, Event.ADMIN_ADDED),
    ("team", "change"): ({"name": "Nimbus"}, Event.ADMIN_CHANGED),
    ("budget", "add"): ({"usd": "500"}, Event.ADMIN_ADDED),
    ("budget", "change"): ({"usd": "900"}, Event.ADMIN_CHANGED),
    ("creditvalue", "change"): ({"usd": "0.02"}, Event.ADMIN_CHANGED),
    ("outlet", "add"): ({"address": "https://hooks.example.com/1"}, Event.ADMIN_ADDED),
    ("outlet", "change"): ({"address": "https://hooks.example.com/2"}, Event.ADMIN_CHANGED),
    ("outlet", "delete"): (CONFIRMED, Event.ADMIN_DELETED),
    ("outlet", "delete_selected"): (CONFIRMED, Event.ADMIN_DELETED),
    ("posting", "send_again"): ({}, Event.NOTICE_POSTING_ASKED),
    ("price", "add"): ({"offer": f"{DEMO} 2K", "credits": "3"}, Event.ADMIN_ADDED),
    ("provideraccount", "change"): ({"concurrency": "3"}, Event.ADMIN_CHANGED),
    ("generation", "change"): (
        {"decision": "release", "reason": "asked support"},
        Event.GENERATION_DECIDED,
    ),
    ("generation", "fetch_again"): ({}, Event.IMAGE_FETCH_ASKED),
    ("erasure", "add"): ({**CONCERNED, "confirm": "1"}, Event.ERASURE_ASKED),
    ("erasure", "resume"): ({}, Event.ERASURE_RESUMED),
    ("relabelling", "add"): ({"scope": "all", "confirm": "1"}, Event.RELABELLING_ASKED),
    ("relabelling", "stop"): ({}, Event.RELABELLING_STOPPED),
    ("relabelling", "resume"): ({}, Event.RELABELLING_RESUMED),
    ("legalhold", "add"): (CONCERNED, Event.HOLD_PLACED),
    ("legalhold", "lift"): (GIVEN, Event.HOLD_LIFTED),
    ("enginesetting", "change"): ({"note": "best for text"}, Event.ADMIN_CHANGED),
    ("teamdefault", "add"): ({"engine": DEMO}, Event.ADMIN_ADDED),
    ("teamdefault", "change"): ({"num_images": "2"}, Event.ADMIN_CHANGED),
    ("teamdefault", "delete"): (CONFIRMED, Event.ADMIN_DELETED),
    ("teamdefault", "delete_selected"): (CONFIRMED, Event.ADMIN_DELETED),
    ("labelpolicy", "add"): ({"badge": "chinese"}, Event.ADMIN_ADDED),
    ("labelpolicy", "change"): ({"credit": "Made with AI"}, Event.ADMIN_CHANGED),
    ("labelpolicy", "delete"): (CONFIRMED, Event.ADMIN_DELETED),
    ("labelpolicy", "delete_selected"): (CONFIRMED, Event.ADMIN_DELETED),
    ("retentionrule", "add"): ({"kind": "refused", "days": "30"}, Event.ADMIN_ADDED),
    ("retentionrule", "change"): ({"days": "60"}, Event.ADMIN_CHANGED),
    ("retentionrule", "delete"): (CONFIRMED, Event.ADMIN_DELETED),
    ("retentionrule", "delete_selected"): (CONFIRMED, Event.ADMIN_DELETED),
}
NO_ACT_IN_ADMIN = {
    ("user", "erase"): "leads to the form that asks for an erasure",
}


def test_every_model_in_the_admin_is_recorded():
    assert {
        type(each) for each in admin.site._registry.values() if not isinstance(each, RecordedAdmin)
    } == set()


@pytest.mark.django_db
def test_everything_that_the_admin_allows_is_an_act(superuser):
    request = RequestFactory().get("/")
    request.user = superuser
    allowed = set()
    for model, each in admin.site._registry.items():
        name = model._meta.model_name
        row = _undecided(superuser) if model is Generation else None
        allowed |= {(name, action) for action in each.get_actions(request)}
        allowed |= {(name, "add")} if each.has_add_permission(request) else set()
        allowed |= {(name, "change")} if each.has_change_permission(request, row) else set()
        allowed |= {(name, "delete")} if each.has_delete_permission(request) else set()
    assert allowed == ADMIN.keys() | NO_ACT_IN_ADMIN.keys()


def _undecided(user: User) -> Generation:
    run = make_run(user, wanted=1, unknown=1)
    return make_generation(run, Status.UNKNOWN)


@pytest.mark.django_db
def test_every_act_in_the_admin_leaves_its_event_on_the_record(superuser, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    client, rows = Client(), _rows(superuser)
    client.force_login(superuser)
    silent = {}
    for (name, act), (data, event) in ADMIN.items():
        events = events_of(lambda n=name, a=act, d=data: _do_in_admin(client, rows[n, a], n, a, d))
        if event not in events:
            silent[name, act] = events
    assert silent == {}


def _rows(user: User) -> dict[tuple[str, str], Any]:
    """A row for each act."""
    team = make_team()
    make_user(email=CONCERNED["what"], is_active=False)
    person = make_user(team=team)
    allowance = ledger.allowance_of(person)
    [key] = dispatch.accounts_here()
    missed = make_finished_run(person, files=True).images.get()
    missed.delivery.status = "failed"
    missed.delivery.save()
    Allowance.objects.filter(pk=allowance.pk).update(spent=9)
    last_month = (allowance.month - timedelta(days=1)).replace(day=1)
    Allowance.objects.create(user=person, month=last_month, limit=7, origin="site")
    by_model = {
        "allowance": allowance,
        "user": person,
        "team": team,
        "plannedquota": PlannedQuota.objects.create(
            kind="own", user=person, month=_next_month(), credits=5
        ),
        "provideraccount": key,
        "enginesetting": EngineSetting.objects.get(engine=DEMO),
        "teamdefault": TeamDefault.objects.create(team=team, engine=DEMO),
        "labelpolicy": LabelPolicy.objects.create(team=team),
        "budget": Budget.objects.create(team=team, usd=500),
        "creditvalue": CreditValue.objects.get(),
        "retentionrule": RetentionRule.objects.create(kind="prompts", days=90),
    }
    by_model |= {"outlet": make_outlet("https://127.0.0.1/hook"), "posting": _given_up()}
    rows = {pair: by_model.get(pair[0]) for pair in ADMIN}
    rows["generation", "change"] = _held(person)
    rows["generation", "fetch_again"] = missed.generation
    rows["erasure", "resume"] = Erasure.objects.create(
        scope="run", subject=missed.run.uuid, status="stopped", next_try_at=timezone.now()
    )
    about = {"scope": "image", "next_action_at": timezone.now()}
    for act, status in (("stop", "working"), ("resume", "stopped")):
        rows["relabelling", act] = Relabelling.objects.create(
            **about, subject=uuid.uuid4(), status=status
        )
    rows["legalhold", "lift"] = holds.place("run", missed.run, reason="a dispute", actor=user)
    return rows


def _given_up() -> Posting:
    now = timezone.now()
    notice = Notice.objects.create(kind="disk:nearly_full", cause="1", raised_at=now, seen_at=now)
    return Posting.objects.create(notice=notice, state=Posting.State.GIVEN_UP, ended_at=now)


def _held(person: User) -> Generation:
    generation = _undecided(person)
    ledger_amounts = {generation.uuid: 2}
    with transaction.atomic():
        ledger.reserve(person, ledger_amounts, price=Price.objects.first().uuid)
    return generation


def _do_in_admin(client: Client, row: Any, name: str, act: str, data: dict[str, Any]) -> None:
    of_accounts = ("allowance", "outlet", "plannedquota", "posting", "team", "user")
    app_label = "accounts" if name in of_accounts else "generations"
    if (name, act) == ("outlet", "add"):
        Outlet.objects.all().delete()  # there is only one
    if act in ("add", "change", "delete"):
        args = [] if act == "add" else [row.pk]
        address = reverse(f"admin:{app_label}_{name}_{act}", args=args)
        client.post(address, _form(client, address) | _completed(name, act) | data)
        return
    address = reverse(f"admin:{app_label}_{name}_changelist")
    chosen = {"action": act, "_selected_action": [row.pk]}
    asked = client.post(address, chosen).context if "apply" in data else None
    hidden = shown(asked["form"]) if asked and "form" in asked else {}
    client.post(address, hidden | chosen | data)


def _form(client: Client, address: str) -> dict[str, Any]:
    """What a browser sends for the form of a page, if nothing is changed in it."""
    page = client.get(address).context
    if "adminform" in page:
        return shown(page["adminform"].form)
    return shown(page["form"]) if "form" in page else {}


def _completed(name: str, act: str) -> dict[str, Any]:
    """What a person has to fill in besides."""
    if (name, act) in (("user", "add"), ("teamdefault", "add"), ("plannedquota", "add")):
        return {"team": Team.objects.first().pk, "month": _next_month().isoformat()}
    if (name, act) == ("price", "add"):
        day = timezone.now() + timedelta(days=1)
        return {"cost_usd": "0.01", "valid_from_0": f"{day:%Y-%m-%d}", "valid_from_1": "00:00:00"}
    return {}


def _next_month() -> date:
    return ledger.next_month(timezone.localdate())


# --- Commands ------------------------------------------------------------------------------------

COMMANDS: dict[str, tuple[list[str], Event]] = {
    "catch_up": ([], Event.SHELL_USED),
    "changepassword": (["EMAIL"], Event.SHELL_USED),
    "check_provider": (["demo", "--spend"], Event.PROVIDER_TESTED),
    "createsuperuser": (["--no-input", "--email=root@example.com"], Event.SHELL_USED),
    "dbshell": ([], Event.SHELL_USED),
    "export_audit": (["--output=FILE"], Event.LOG_EXPORTED),
    "index_log": ([], Event.SHELL_USED),
    "retain": ([], Event.SHELL_USED),
    "generate": (["--user=EMAIL", f"--engine={DEMO}", "--prompt=a fox"], Event.RUN_SUBMITTED),
    "index_prompts": ([], Event.SHELL_USED),
    "loaddata": (["FIXTURE"], Event.SHELL_USED),
    "recover": ([], Event.SHELL_USED),
    "relabel": ([], Event.RELABELLING_ASKED),
    "seal_audit": ([], Event.LOG_SEALING_BEGAN),
    "rotate_label_key": ([], Event.LABEL_CERTIFICATE_ADDED),
    "rotate_mark_key": ([], Event.LABEL_MARK_KEY_MADE),
    "rotate_log_key": ([], Event.LOG_KEY_ROTATED),
    "correct_credits": (["FINDING", "--reason=x"], Event.LEDGER_CORRECTED),
    "reconcile_credits": ([], Event.LEDGER_DRIFTED),
    "set_quota": (["EMAIL", "40"], Event.ALLOWANCE_LIMIT_SET),
    "setup_demo": ([], Event.USER_INVITED),
    "shell": (["--no-imports", "-c", "pass"], Event.SHELL_USED),
}
# These need a database of their own; their tests look for the record.
COMMANDS_ELSEWHERE = {
    "audit_accept_damage": "tests/accounts/test_damage.py",
    "database_roles": "tests/accounts/test_database_roles.py",
    "finish_erasures": "tests/generations/erasing/test_finish_erasures.py",
    "migrate": "tests/accounts/test_operations.py",
}
READING = """
    check describe_log diffsettings dumpdata engines findstatic inspect_label inspectdb label_root
    sendtestemail showmigrations sqlflush sqlmigrate sqlsequencereset verify_audit
"""
OF_THE_PROJECT = """
    collectstatic compilemessages makemessages makemigrations optimizemigration squashmigrations
    startapp startproject
"""
NO_ACT_COMMANDS = {
    **dict.fromkeys(READING.split(), "only reads"),
    "usage_rebuild": "adds up anew what others have done",
    **dict.fromkeys(OF_THE_PROJECT.split(), "writes files of the project"),
    **dict.fromkeys(("test", "testserver"), "uses a database of its own"),
    "account_unsetmultipleprimaryemails": "everybody has one address",
    "clearsessions": "deletes sessions that have ended",
    "createcachetable": "the cache is in no table",
    "flush": "the triggers of the log refuse it",
    "remove_stale_contenttypes": "deletes names of models that no longer exist",
    "runserver": "is a web process, which records its start",
}


def test_every_command_is_an_act_or_an_exception():
    known = [*COMMANDS, *COMMANDS_ELSEWHERE, *NO_ACT_COMMANDS]
    assert sorted(get_commands()) == sorted(known)


@pytest.mark.parametrize("name", [*COMMANDS, *COMMANDS_ELSEWHERE])
def test_a_command_that_acts_names_its_user(name):
    assert isinstance(load_command_class(get_commands()[name], name), RecordedCommand)


@pytest.mark.django_db
def test_every_act_of_a_command_leaves_its_event_on_the_record(
    alice, settings, monkeypatch, tmp_path, capsys
):
    settings.DATA_DIR = tmp_path
    settings.PROVIDER_TIME_SCALE = 0.01
    pulse = {"model": "accounts.pulse", "pk": "x", "fields": {"seen_at": "2020-01-01T00:00Z"}}
    (tmp_path / "pulse.json").write_text(json.dumps([pulse]))
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    commands = "accounts.management.commands"
    monkeypatch.setattr(f"{commands}.changepassword.Command._get_pass", lambda *a, **b: PASSWORD)
    monkeypatch.setattr(f"{commands}.dbshell.dbshell.Command.handle", lambda *a, **b: None)
    given = {
        "EMAIL": alice.email,
        "FILE": str(tmp_path / "log.zip"),
        "FIXTURE": str(tmp_path / "pulse.json"),
        "FINDING": str(_drifted(make_user()).uuid),
    }
    write(Event.USER_CHANGED, actor=alice, subject=alice)
    make_finished_run(alice)
    silent = {}
    for name, (arguments, event) in COMMANDS.items():
        filled = [_filled(argument, given) for argument in arguments]
        if name == "rotate_log_key":
            sealing.seal()  # there must be a key
        events = events_of(lambda n=name, f=filled: _call(n, f))
        if event not in events:
            silent[name] = events
    assert silent == {}


def _call(name: str, arguments: list[str]) -> None:
    with suppress(CommandError):  # reconcile_credits says so when it finds something
        call_command(name, *arguments)


def _drifted(person: User) -> Finding:
    """A finding: an allowance that was changed without the ledger."""
    allowance = ledger.allowance_of(person)
    Allowance.objects.filter(pk=allowance.pk).update(spent=9)
    values = {"what": "drift", "cause": "test", "allowance": allowance}
    return Finding.objects.create(**values, found_at=timezone.now())


def _filled(argument: str, given: dict[str, str]) -> str:
    for word, value in given.items():
        argument = argument.replace(word, value)
    return argument


# --- Tasks ---------------------------------------------------------------------------------------


def _close_tallies() -> None:
    failed = {"address": "192.0.2.1", "facts": {"person": None}, "personal": {}}
    tallies.note(Event.USER_SIGN_IN_FAILED, **failed)
    Tally.objects.update(until="2020-01-01T00:00Z", more=2)
    tasks.close_tallies()


def _drift() -> None:
    allowance = ledger.allowance_of(make_user())
    Allowance.objects.filter(pk=allowance.pk).update(spent=9)
    generation_tasks.reconcile_credits()


def _erase() -> None:
    person = make_user()
    target = targets.target_of("run", make_finished_run(person).uuid, pictures=False)
    asking.ask(target, reason="a letter", actor=person)
    generation_tasks.erase()


def _erase_by_age() -> None:
    RetentionRule.objects.create(kind="prompts", days=30, is_active=True)
    run = make_finished_run(make_user())
    Run.objects.filter(pk=run.pk).update(created_at="2020-01-01T00:00Z")
    generation_tasks.erase_by_age()


def _tidy_exports() -> None:
    person = make_user()
    values = {"kind": "log", "format": "csv", "state": Export.State.READY, "sha256": "ab" * 32}
    Export.objects.create(user=person, team=person.team, expires_at="2020-01-01T00:00Z", **values)
    generation_tasks.tidy_exports()


def _end_top_ups() -> None:
    ledger.top_up(make_user(), 5, actor=None, reason="", ends_on=timezone.now().date())
    TopUp.objects.update(ends_at="2020-01-01T00:00Z")
    tasks.end_top_ups()


def _start_planned_quotas() -> None:
    month = ledger.month_of((person := make_user()).team)
    PlannedQuota.objects.create(kind="own", user=person, month=month, credits=5)
    tasks.start_planned_quotas()


def _mail_notices():
    person = make_user()
    personal_notices.choose_mail(person, personal_notices.When.AT_ONCE)
    decided = personal_notices.Kind.OUTCOME_DECIDED
    personal_notices.tell(person.pk, decided, cause="1", facts={"decision": "release"})
    tasks.mail_notices()


def _tidy_credit_requests():
    credit_requests.ask(make_user(), 5)
    CreditRequest.objects.update(changed_at="2020-01-01T00:00Z")
    tasks.tidy_credit_requests()


def _send_postings():
    posting = _given_up()
    make_outlet("https://127.0.0.1/hook")
    old = timezone.now() - timedelta(days=2)
    waits = {"state": Posting.State.WAITING, "made_at": old, "next_try_at": old}
    Posting.objects.filter(pk=posting.pk).update(**waits)
    generation_tasks.send_postings()


def _tell_of_shares():
    allowance = ledger.allowance_of(make_user())
    Allowance.objects.filter(pk=allowance.pk).update(spent=allowance.total)
    generation_tasks.tell_of_shares()


def _compare_balances():
    [key] = dispatch.accounts_here()
    yesterday = timezone.now() - timedelta(days=1)
    read = {"opening_at": yesterday, "closing_at": yesterday, "opening": 9, "closing": 1}
    BalanceDay.objects.create(account=key, day=yesterday.date(), unit="USD", **read)
    generation_tasks.compare_balances()


TASKS: dict[str, tuple[Callable[[], object], Event]] = {
    "accounts.close_tallies": (_close_tallies, Event.USER_SIGN_IN_FAILED),
    "accounts.end_top_ups": (_end_top_ups, Event.ALLOWANCE_TOP_UP_ENDED),
    "accounts.start_planned_quotas": (_start_planned_quotas, Event.QUOTA_TOOK_EFFECT),
    "accounts.mail_notices": (_mail_notices, Event.NOTICES_MAILED),
    "accounts.tidy_credit_requests": (_tidy_credit_requests, Event.CREDITS_LAPSED),
    "accounts.seal": (tasks.seal, Event.LOG_SEALING_BEGAN),
    "generations.compare_balances": (_compare_balances, Event.NOTICE_RAISED),
    "generations.reconcile_credits": (_drift, Event.LEDGER_DRIFTED),
    "generations.send_postings": (_send_postings, Event.NOTICE_NOT_POSTED),
    "generations.tell_of_shares": (_tell_of_shares, Event.NOTICE_RAISED),
    "generations.erase": (_erase, Event.RUN_ERASED),
    "generations.erase_by_age": (_erase_by_age, Event.RETENTION_APPLIED),
    "generations.tidy_exports": (_tidy_exports, Event.EXPORT_EXPIRED),
}
# Steps of a run need a worker; `lifecycle.move` records each change of status.
TASKS_ELSEWHERE = {
    "generations.adopt": "tests/generations/jobs/test_webhooks.py",
    "generations.fetch": "tests/generations/jobs/test_execution.py",
    "generations.label": "tests/generations/jobs/test_execution.py",
    "generations.look_up": "tests/generations/jobs/test_webhooks.py",
    "generations.prepare": "tests/generations/jobs/test_preparing.py",
    "generations.read_balance": "tests/generations/jobs/test_provider_health.py",
    "generations.read_balances": "tests/generations/jobs/test_provider_health.py",
    "generations.submit": "tests/generations/jobs/test_execution.py",
}
NO_ACT_TASKS = {
    "accounts.note_beat": "a sign of life",
    "accounts.prune_notices": "deletes notices that are over",
    "accounts.verify": "remembers how far the log is verified",
    "generations.catch_up": "completes indexes of records and runs that exist",
    "generations.tidy_conversions": "deletes files that can be made again; asking is on the record",
    "generations.stamp_checkpoints": "keeps what an authority says about a checkpoint",
    "generations.prune_webhook_events": "deletes calls that were answered long ago",
    "generations.sweep_uploads": "deletes uploads that have been cleaned or refused, on the record",
}


def test_every_task_is_an_act_or_an_exception():
    app.loader.import_default_modules()
    assert generation_tasks
    known = [*TASKS, *TASKS_ELSEWHERE, *NO_ACT_TASKS]
    assert sorted(name for name in app.tasks if not name.startswith("celery.")) == sorted(known)


@pytest.mark.django_db
@pytest.mark.parametrize("name", TASKS)
def test_every_act_of_a_task_leaves_its_event_on_the_record(name, alice, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    write(Event.USER_CHANGED, actor=alice, subject=alice)
    act, event = TASKS[name]
    assert event in events_of(act)


@pytest.mark.parametrize("name", [*COMMANDS_ELSEWHERE.values(), *TASKS_ELSEWHERE.values()])
def test_a_test_elsewhere_exists(name, request):
    assert (request.config.rootpath / name).is_file()
