"""Two teams with one person of every kind, and an object for every address of the studio."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from accounts import ledger, notices
from accounts.groups import ADMINS, MEMBERS, REVIEWERS
from accounts.models import (
    CreditRequest,
    Entry,
    Notice,
    Outlet,
    PlannedQuota,
    Posting,
    Team,
    User,
)
from generations import budgets, storage
from generations.exports.images import IMAGES
from generations.exports.log import LOG
from generations.exports.registry import stored_name
from generations.jobs.execution import requests
from generations.models import (
    Budget,
    Campaign,
    CreditValue,
    EngineSetting,
    Erasure,
    Export,
    Finding,
    LabelPolicy,
    LegalHold,
    Price,
    ProviderAccount,
    Relabelling,
    RetentionRule,
    Run,
    RunReference,
    Snippet,
    TeamDefault,
)
from generations.states import Status
from tests.factories import make_outlet, make_team, make_user
from tests.generations.asking import DEMO
from tests.generations.factories import (
    make_conversion,
    make_finished_run,
    make_generation,
    make_reference,
    make_run,
)
from tests.generations.telling import tell

KINDS: dict[str, dict[str, Any]] = {
    "none": {"groups": []},
    "member": {"groups": [MEMBERS]},
    "reviewer": {"groups": [REVIEWERS]},
    "admin": {"groups": [ADMINS]},
    "super": {"groups": [], "is_superuser": True, "is_staff": True},
    "off": {"groups": [MEMBERS, REVIEWERS, ADMINS]},
}


@dataclass(frozen=True)
class Visitor:
    """A browser, signed in as a person of `kind`, or as nobody if that is anonymous."""

    kind: str
    client: Client
    user: User | None = None

    def outcome(self, method: str, address: str) -> str:
        """The answer as it stands in the table. What the request changed is rolled back."""
        cookies = self.client.cookies.copy()
        with transaction.atomic():
            response = self.client.generic(method, address, content_type=FORM)
            response.getvalue()  # A file is closed when it has been read to its end.
            transaction.set_rollback(True)
        self.client.cookies = cookies
        return _in_a_word(response)


FORM = "application/x-www-form-urlencoded"


def _in_a_word(response: HttpResponseBase) -> str:
    words = {200: "ok", 204: "ok", 422: "ok", 503: "ok", 400: "bad", 403: "no", 404: "--", 405: "x"}
    if response.status_code in words:
        return words[response.status_code]
    sign_in_pages = (reverse("account_login"), reverse("admin:login"))
    return "in" if response.headers["Location"].startswith(sign_in_pages) else "go"


def visitors() -> list[Visitor]:
    """Nobody, then each kind of the team that owns everything, then each kind of another team."""
    return [
        Visitor("anonymous", Client()),
        *_of_team(make_team(name="Aurora")),
        *_of_team(make_team(name="Borealis")),
    ]


def _of_team(team: Team) -> Iterator[Visitor]:
    for kind, values in KINDS.items():
        user = make_user(team=team, **values)
        client = Client()
        client.force_login(user)
        if kind == "off":
            User.objects.filter(pk=user.pk).update(is_active=False)
        yield Visitor(kind, client, user)


def addresses(owner: User) -> dict[str, str]:
    """Return an address for every URL pattern, with an object of `owner`.

    Keys are the pattern's name, or the pattern itself if it has no name. Raises KeyError for a
    pattern whose object is not given here.
    """
    values = _things(owner)
    return {name: _address(name, pattern, values) for name, pattern in patterns()}


def patterns(under: Any = None, path: str = "", space: str = "") -> Iterator[tuple[str, Any]]:
    """Return every URL pattern with the name that the table of rights gives it."""
    for each in (under or get_resolver()).url_patterns:
        route = path + str(each.pattern).removeprefix("^")
        if isinstance(each, URLPattern):
            yield (f"{space}{each.name}" if each.name else route), each
        else:
            yield from patterns(each, route, f"{each.namespace}:" if each.namespace else space)


def _address(name: str, pattern: URLPattern, values: dict[str, Any]) -> str:
    if not pattern.name:
        kept = name.replace("(?P<url>.*)$", "nothing/")
        model = name.removeprefix("admin/").split("/<")[0].replace("/", "_")
        return "/" + kept.replace("<path:object_id>", str(values.get(model, "")))
    model = name.removeprefix("admin:").rpartition("_")[0]
    wanted = pattern.pattern.converters or pattern.pattern.regex.groupindex
    given = values.get(name) or {"object_id": values.get(model), "app_label": "accounts"}
    return reverse(name, kwargs={key: given[key] for key in wanted})


def _things(owner: User) -> dict[str, Any]:
    """The objects in the addresses: by the name of the pattern; in the admin, keys by model."""
    finished = make_finished_run(owner, files=True)
    missing = make_run(owner, wanted=1)
    make_generation(missing, Status.FAILED, error_code="timeout")
    pending = _pending_run(owner)
    generation = pending.generations.get()
    tell(finished)
    image = finished.images.get()
    row = RunReference.objects.create(run=pending, reference=make_reference(owner), position=0)
    waiting = make_reference(owner, kept_until=timezone.now() + timedelta(days=1))
    snippet = Snippet.objects.create(team=owner.team, author=owner, name="Dusk", text="soft light")
    Campaign.objects.create(team=owner.team, name="Spring", created_by=owner)
    allowance = ledger.allowance_of(owner)
    asked = CreditRequest.objects.create(user=owner, team=owner.team, credits=5)
    budget = Budget.objects.create(team=owner.team, usd=500)
    budgets.follow(budget)
    finding = Finding.objects.create(
        what="drift", cause="x", allowance=allowance, found_at=timezone.now()
    )
    token = requests.reference_link(generation, row).rpartition("/")[2].removesuffix(".jpg")
    rendition = image.renditions.get(recipe="preview")
    export, zipped = _export_of_reviewer(owner), _export(owner, IMAGES.name, "zip")
    conversion = make_conversion(image)
    posting = _posting()
    return {
        "credits-proof-correct": {"uuid": finding.uuid},
        "run-try-again": {"uuid": missing.uuid},
        "run-dismiss": {"uuid": missing.uuid},
        "run-restore": {"uuid": missing.uuid},
        "run-remedy": {"uuid": missing.uuid, "name": "fewer"},
        "run-instead": {"uuid": missing.uuid, "engine": DEMO, "credits": 2},
        "generation-cancel": {"uuid": generation.uuid},
        "image": {"uuid": image.uuid},
        "image-labels": {"uuid": image.uuid},
        "image-convert": {"uuid": image.uuid},
        "conversion": {"uuid": conversion.uuid},
        "conversion-download": {"uuid": conversion.uuid},
        "image-uses": {"uuid": image.uuid},
        "image-variation": {"uuid": image.uuid},
        "image-download": {"uuid": image.uuid},
        "image-original": {"uuid": image.uuid},
        "rendition": {"uuid": rendition.uuid, "extension": "jpg"},
        "reference": {"uuid": row.reference.uuid},
        "reference-remove": {"uuid": waiting.uuid},
        "snippet-delete": {"uuid": snippet.uuid},
        "story": {"uuid": finished.uuid},
        "log-image": {"uuid": image.uuid},
        "export-download": {"uuid": export.uuid},
        "export-delete": {"uuid": export.uuid},
        "reference-link": {"token": token},
        "webhook": {"provider": "demo", "token": "nobodys"},
        "log-search-delete": {"uuid": finished.uuid},
        "gallery-view-delete": {"uuid": finished.uuid},
        "zip-download": {"uuid": zipped.uuid},
        "zip-delete": {"uuid": zipped.uuid},
        "notice-read": {"uuid": finished.uuid},
        "notice-mute": {"uuid": posting.notice.uuid},
        "notices-mute": {"kind": notices.declared()[0].name},
        "account_confirm_email": {"key": "nobodys"},
        "account_reset_password_from_key": {"uidb36": "1", "key": "nobodys"},
        "admin:view_on_site": {"content_type_id": "1", "object_id": "1"},
        "accounts_allowance": allowance.pk,
        "accounts_creditrequest": asked.pk,
        "admin:accounts_creditrequest_decide": {"pk": asked.pk},
        "accounts_entry": Entry.objects.filter(allowance=allowance).latest("pk").pk,
        "accounts_plannedquota": PlannedQuota.objects.create(
            kind="own", user=owner, month=finished.created_at.date().replace(day=1), credits=5
        ).pk,
        "accounts_team": owner.team.pk,
        "accounts_user": owner.pk,
        "admin:accounts_user_top_up": {"pk": owner.pk},
        "admin:accounts_user_sign_out": {"pk": owner.pk},
        "accounts_outlet": Outlet.ONLY,
        "admin:accounts_outlet_test": {"pk": Outlet.ONLY},
        "accounts_posting": posting.pk,
        "generations_relabelling": Relabelling.objects.create(
            scope="image", subject=finished.uuid, next_action_at=finished.created_at
        ).pk,
        "generations_erasure": Erasure.objects.create(
            scope="run", subject=finished.uuid, next_try_at=finished.created_at
        ).pk,
        "generations_generation": generation.pk,
        "generations_enginesetting": EngineSetting.objects.get(engine=DEMO).pk,
        "generations_teamdefault": TeamDefault.objects.create(team=owner.team, engine=DEMO).pk,
        "generations_labelpolicy": LabelPolicy.objects.create(team=owner.team).pk,
        "admin:generations_labelpolicy_preview": {"name": "light"},
        "generations_legalhold": LegalHold.objects.create(
            scope="run", subject=finished.uuid, reason="a dispute", placed_by=owner
        ).pk,
        "generations_budget": budget.pk,
        "generations_budgetmonth": budget.months.get().pk,
        "generations_creditvalue": CreditValue.ONLY,
        "generations_price": Price.objects.filter(engine=DEMO).latest("pk").pk,
        "generations_provideraccount": ProviderAccount.objects.create(
            provider="demo", slot=9, key_fingerprint="f", concurrency=1, per_minute=1
        ).pk,
        "generations_retentionrule": RetentionRule.objects.create(kind="prompts", days=90).pk,
    }


def _posting() -> Posting:
    """A posting to an outlet that is refused before anything is sent."""
    make_outlet("https://127.0.0.1/hook")
    now = timezone.now()
    notice = Notice.objects.create(kind="disk:nearly_full", cause="1", raised_at=now, seen_at=now)
    return Posting.objects.create(notice=notice)


def _export_of_reviewer(owner: User) -> Export:
    """A finished export. Members can have none, so it is the team's reviewer's, if there is one."""
    members = owner.team.members
    reader = members.filter(groups__name=REVIEWERS, is_active=True).first() or owner
    return _export(reader, LOG.name, "csv")


def _export(user: User, kind: str, format: str) -> Export:
    tomorrow = timezone.now() + timedelta(days=1)
    values = {"kind": kind, "format": format, "bytes": 1, "expires_at": tomorrow}
    values["sha256"] = hashlib.sha256(b"1").hexdigest()
    values["options"] = {"images": [], "names": ""} if kind == IMAGES.name else {}
    export = Export.objects.create(user=user, team=user.team, state=Export.State.READY, **values)
    storage.originals().save(stored_name(export), ContentFile(b"1"))
    return export


def _pending_run(owner: User) -> Run:
    run = make_run(owner, wanted=1, open=1)
    make_generation(run, Status.QUEUED)
    return run
