"""Requests for more credits: a person asks, an admin decides.

A person has one open request at most, and a second press raises it: it stands for the dearest that
the person wants now. One conditional UPDATE decides each race. A request that nobody decides ends
after `OPEN_AT_MOST`; what a granted one is for is kept for `KEPT`.
"""

import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, ledger, notices, personal_notices
from accounts.errors import InvalidAmount, RequestRefused
from accounts.events import Event
from accounts.ledger import MAX_CREDITS
from accounts.models import Allowance, CreditRequest, PersonalNotice, Team, User

log = logging.getLogger(__name__)
Status = CreditRequest.Status
Short = CreditRequest.Short

MOST_AN_HOUR = 10
OPEN_AT_MOST = dt.timedelta(days=30)
KEPT = dt.timedelta(days=30)
BATCH = 500
LONGEST_NOTE = 200
SHOWN_MOST = 100

ASKED = notices.declare(
    notices.Kind(
        "credits:asked",
        gettext_lazy("Requests for more credits"),
        gettext_lazy("Somebody of the team %(team)s asks for more credits"),
        gettext_lazy("Grant or decline it in the admin, on the list of requests for credits."),
        page="admin:accounts_creditrequest_changelist",
    )
)


@dataclass(frozen=True)
class Missing:
    """How many credits are missing for a price, and whose do not suffice."""

    credits: int
    short: Short


@dataclass(frozen=True)
class Wish:
    """What the credits are for. `price` is in credits, 0 if nothing in particular."""

    price: int = 0
    engine: str = ""
    draft: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def missing(user: User, price: int) -> Missing:
    """What `user` lacks for `price` credits; 0 if nothing. Reserves nothing."""
    lefts = _lefts(user)
    short = [whose for whose, left in lefts.items() if left < price]
    lacks = max(price - min(lefts.values()), 0)
    return Missing(lacks, Short.BOTH if len(short) > 1 else next(iter(short), Short.PERSON))


def newest(user: User) -> CreditRequest | None:
    """The last request of `user`, whatever became of it."""
    rows = CreditRequest.objects.filter(user=user).select_related("decided_by")
    return rows.order_by("-id").first()


def open_requests() -> int:
    """How many requests wait for a decision, counted up to `SHOWN_MOST`."""
    return CreditRequest.objects.filter(status=Status.OPEN).order_by()[:SHOWN_MOST].count()


def ask(user: User, credits: int, wish: Wish | None = None) -> CreditRequest:
    """Ask admins for `credits`. If a request is open, it is raised to `credits`, never lowered.

    Another note replaces that of the open request. Raises InvalidAmount, and RequestRefused if
    the person has asked too often within an hour.
    """
    wish = wish or Wish()
    if not 1 <= credits <= MAX_CREDITS:
        text = _("Ask for a whole number of credits from 1 to %(most)d.")
        raise InvalidAmount(text % {"most": MAX_CREDITS})
    with transaction.atomic():
        _refuse_too_many(user)
        found = _of(user, Status.OPEN).first()
        return _changed(found, credits, wish) if found else _sent(user, credits, wish)


def withdraw(user: User) -> bool:
    """Withdraw the open request of `user`. Returns whether there was one."""
    with transaction.atomic():
        found = _of(user, Status.OPEN).first()
        if found is None or not _end(found, Status.WITHDRAWN):
            return False
        _record(Event.CREDITS_WITHDRAWN, found, actor=user)
        return True


@transaction.atomic
def grant(request: CreditRequest, credits: int, *, actor: User, word: str = "") -> None:
    """Grant `credits`: that many more can be used. Tops up the person, the team, or both.

    Whoever has fewer left than the person then needs is topped up. Raises InvalidAmount, and
    RequestRefused if somebody else has decided or the person is deactivated; then nothing changes.
    """
    user = User.objects.select_related("team").get(pk=request.user_id)
    if not user.is_active:
        raise RequestRefused(_("This person is deactivated. Decline the request."))
    _decide(request, Status.GRANTED, actor=actor, word=word, granted=credits)
    reason = word or _("Granted as asked for.")
    for owner, more in _to_top_up(user, credits):
        ledger.top_up(owner, more, actor=actor, reason=reason, tells=False)
    _record(Event.CREDITS_GRANTED, request, actor=actor, credits=credits, word=word)
    facts = {"credits": credits, "waits": int(bool(request.draft))}
    personal_notices.tell(
        user.pk, PersonalNotice.Kind.CREDITS_GRANTED, cause=str(request.uuid), facts=facts
    )


@transaction.atomic
def decline(request: CreditRequest, *, actor: User, word: str = "") -> None:
    """Decline the request. Raises RequestRefused if somebody else has decided."""
    _decide(request, Status.DECLINED, actor=actor, word=word, draft={})
    _record(Event.CREDITS_DECLINED, request, actor=actor, word=word)
    kind = PersonalNotice.Kind.CREDITS_DECLINED
    personal_notices.tell(request.user_id, kind, cause=str(request.uuid), facts={})


def used(user: User, prompt: str) -> None:
    """Forget what granted credits wait for, if `user` has just asked for images of `prompt`."""
    found = newest(user)
    if found and found.waits and found.prompt.strip() == prompt.strip():
        CreditRequest.objects.filter(pk=found.pk).update(draft={})


@transaction.atomic
def let_go(user: User) -> None:
    """Forget what granted credits wait for; the credits stay."""
    found = newest(user)
    if found and found.waits:
        CreditRequest.objects.filter(pk=found.pk).update(draft={})
        facts = {"request": str(found.uuid)}
        audit.record(Event.CREDITS_LET_GO, actor=user, subject=user, facts=facts)


def tidy() -> None:
    """End requests that nobody has decided, and forget what old ones were for."""
    now = timezone.now()
    rows = CreditRequest.objects.filter(status=Status.OPEN, changed_at__lt=now - OPEN_AT_MOST)
    for request in rows.select_related("user")[:BATCH]:
        try:
            _lapse(request)
        except Exception:
            # One that can't be ended must not keep the others: it stays open, and is logged again.
            log.exception("Request for credits %s could not be ended", request.uuid)
    CreditRequest.objects.exclude(draft={}).filter(decided_at__lt=now - KEPT).update(draft={})


def with_figures(requests: Iterable[CreditRequest]) -> list[CreditRequest]:
    """The requests with this month's allowances of person and team, as `own` and `of_team`.

    Each is None if the month has not been opened, or if the team has no cap.
    """
    rows: list[Any] = list(requests)
    people = {row.user_id for row in rows}
    teams = {row.user.team_id for row in rows}
    months = {ledger.month_of(row.user.team) for row in rows}
    of_owner = Allowance.objects.filter(Q(user__in=people) | Q(team__in=teams), month__in=months)
    found = {(each.user_id, each.team_id, each.month): each for each in of_owner}
    for row in rows:
        month = ledger.month_of(row.user.team)
        row.own = found.get((row.user_id, None, month))
        row.of_team = found.get((None, row.user.team_id, month))
    return rows


# --- Steps ----------------------------------------------------------------------------------------


def _sent(user: User, credits: int, wish: Wish) -> CreditRequest:
    lacks = missing(user, wish.price) if wish.price else Missing(0, _shorter(user))
    request = CreditRequest(
        user=user,
        team=user.team,
        credits=credits,
        missing=lacks.credits,
        price=wish.price,
        short=lacks.short,
        engine=wish.engine,
        draft=dict(wish.draft),
        note=wish.note[:LONGEST_NOTE],
    )
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError:  # a second press at the same moment
        return _changed(_of(user, Status.OPEN).get(), credits, wish)
    _record_asked(request, wish)
    notices.raise_notice(ASKED, cause=str(request.uuid), facts={"team": user.team.name})
    return request


def _changed(found: CreditRequest, credits: int, wish: Wish) -> CreditRequest:
    """Raise the open request and take over what it is for; or only its note, or nothing."""
    before, values = found.credits, _new_values(found, credits, wish)
    still = CreditRequest.objects.filter(pk=found.pk, status=Status.OPEN, credits=before)
    if values and still.update(**values, changes=F("changes") + 1, changed_at=timezone.now()):
        found.refresh_from_db()
        _record_asked(found, wish, before=before)
    return found


def _new_values(found: CreditRequest, credits: int, wish: Wish) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if wish.note and wish.note != found.note:
        values["note"] = wish.note[:LONGEST_NOTE]
    if credits <= found.credits:
        return values
    values["credits"] = credits
    if wish.price:
        lacks = missing(found.user, wish.price)
        values |= {"price": wish.price, "missing": lacks.credits, "short": lacks.short}
        values |= {"engine": wish.engine, "draft": dict(wish.draft)}
    return values


def _decide(
    request: CreditRequest, status: Status, *, actor: User, word: str, **values: Any
) -> None:
    values |= {"decided_by": actor, "word": word[:LONGEST_NOTE]}
    if _end(request, status, **values):
        return
    found = CreditRequest.objects.select_related("decided_by").get(pk=request.pk)
    if found.decided_by is None:
        raise RequestRefused(_("This request is no longer open. Nothing was changed."))
    raise RequestRefused(
        _("%(person)s has decided about this request already. Nothing was changed.")
        % {"person": found.decided_by}
    )


def _end(request: CreditRequest, status: Status, **values: Any) -> bool:
    """Move an open request to `status`; False if it is not open any more."""
    if status != Status.GRANTED:
        values["draft"] = {}
    still = CreditRequest.objects.filter(pk=request.pk, status=Status.OPEN)
    if not still.update(status=status, decided_at=timezone.now(), **values):
        return False
    notices.end(ASKED, cause=str(request.uuid))
    return True


@transaction.atomic
def _lapse(request: CreditRequest) -> None:
    if _end(request, Status.LAPSED):
        _record(Event.CREDITS_LAPSED, request, actor=None)
        kind = PersonalNotice.Kind.CREDITS_LAPSED
        personal_notices.tell(request.user_id, kind, cause=str(request.uuid), facts={})


def _lefts(user: User) -> dict[Short, int]:
    """What the person has left and, if it has a cap, the team."""
    of_owner: dict[Short, User | Team] = {Short.PERSON: user, Short.TEAM: user.team}
    found = {whose: ledger.allowance_of(owner) for whose, owner in of_owner.items()}
    return {whose: allowance.left for whose, allowance in found.items() if allowance is not None}


def _shorter(user: User) -> Short:
    lefts = _lefts(user)
    return min(lefts, key=lefts.__getitem__)


def _to_top_up(user: User, credits: int) -> Iterator[tuple[User | Team, int]]:
    """Who gets how many credits, so that `user` can use `credits` more than now."""
    lefts = _lefts(user)
    needed = min(lefts.values()) + credits
    for whose, left in lefts.items():
        if left < needed:
            yield (user if whose == Short.PERSON else user.team), needed - left


def _refuse_too_many(user: User) -> None:
    hour = timezone.now() - dt.timedelta(hours=1)
    recent = CreditRequest.objects.filter(user=user, changed_at__gt=hour).order_by()
    asked = recent.aggregate(rows=Count("pk"), changes=Sum("changes", default=0))
    if asked["rows"] + asked["changes"] >= MOST_AN_HOUR:
        raise RequestRefused(
            _("You have asked for credits %(most)d times within an hour. Wait for an answer.")
            % {"most": MOST_AN_HOUR}
        )


def _of(user: User, status: Status) -> QuerySet[CreditRequest]:
    return CreditRequest.objects.filter(user=user, status=status).select_related("user__team")


def _record_asked(request: CreditRequest, wish: Wish, *, before: int | None = None) -> None:
    facts = {
        "request": str(request.uuid),
        "credits": request.credits,
        "missing": request.missing,
        "price": request.price,
        "short": str(request.short),
        "engine": request.engine,
    } | ({} if before is None else {"before": before})
    audit.record(
        Event.CREDITS_ASKED,
        actor=request.user,
        subject=request.user,
        facts=facts,
        personal={"note": wish.note} if wish.note else None,
    )


def _record(
    event: Event,
    request: CreditRequest,
    *,
    actor: User | None,
    credits: int | None = None,
    word: str = "",
) -> None:
    audit.record(
        event,
        actor=actor,
        subject=request.user,
        facts={"request": str(request.uuid), "credits": credits or request.credits},
        personal={"word": word} if word else None,
    )
