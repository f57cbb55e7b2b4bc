"""Any mix of acts on credits, through the studio's own functions, beside a model of them.

After each step the allowances, the entries and the ends of all requests must be those of the model.
An act may crash before any of its writes; then nothing of it may be left.
"""

import datetime as dt
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from django.core.cache import cache
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from accounts import ledger
from accounts.errors import InsufficientCredits, InvalidAmount
from accounts.models import Entry, User
from accounts.models import Team as TeamRow
from generations import proof, submission, usage
from generations.jobs import decisions, lifecycle
from generations.models import Finding, Generation, Price, Run, UsageDay
from generations.states import ENDED, Status
from generations.submission import opening
from generations.usage import rebuilding
from tests.factories import make_team, make_user
from tests.faults.credit_books import Books, Owner, Person, Team, TimedTopUp
from tests.generations.asking import ask
from tests.generations.factories import make_image

BEGIN = dt.datetime(2027, 1, 31, 9, 30, tzinfo=dt.UTC)  # near the end of a month, everywhere
ZONES = ("Etc/GMT+11", "Pacific/Kiritimati")  # eleven hours behind UTC, and fourteen before it
IMAGES_PER_REQUEST = 3
PATIENCE = dt.timedelta(hours=24)
WRITES = ("INSERT", "UPDATE", "DELETE")
NEVER = 41
Kind = Entry.Kind

index = st.integers(0, 999)
amount = st.integers(0, 60)
# Before which write of an act it crashes. Most have fewer than a dozen, and so do not.
crashing = st.integers(0, 40).map(lambda number: NEVER - number)
presses = st.lists(
    st.tuples(index, st.integers(1, 7), st.booleans(), crashing), min_size=1, max_size=3
)
turns = st.lists(st.tuples(index, index, crashing), min_size=1, max_size=6)


class Crash(BaseException):
    """The process dies here. No code of the studio catches it."""


@contextmanager
def dying(before: int) -> Iterator[None]:
    """Crash before the given write of the block, counted from 1."""
    left = before

    def count(execute, sql, params, many, context):
        nonlocal left
        if sql.startswith(WRITES):
            left -= 1
            if left == 0:
                raise Crash
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield


def make_people() -> list[User]:
    """Two people in each of two teams, one of which has a cap."""
    Price.objects.update(valid_from=BEGIN - dt.timedelta(days=1))
    found = []
    for cap, zone in zip((None, 90), ZONES, strict=True):
        team = make_team(quota=cap, time_zone=zone, member_quota=50)
        found += [make_user(team=team, quota=quota) for quota in (None, 20)]
    return found


class CreditMachine(RuleBasedStateMachine):
    # What was done in all examples, by name.
    done: Counter[str] = Counter()
    # Those of `make_people`. What an example does to them is undone.
    people: list[User] = []

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(BEGIN)
        self.late: dict[uuid.UUID, dt.datetime] = {}
        self.presses = 0
        self.around = ExitStack()
        self.around.enter_context(transaction.atomic())
        patches = (
            mock.patch("django.utils.timezone.now", self._now),
            mock.patch.object(opening, "_per_request", return_value=IMAGES_PER_REQUEST),
        )
        for patch in patches:
            self.around.enter_context(patch)
        cache.clear()
        for person in self.people:
            team = person.team
            self.books.teams[team.pk] = Team(team.time_zone, team.quota, team.member_quota or 0)
            self.books.people[person.pk] = Person(team.pk, person.quota)

    def _now(self) -> dt.datetime:
        return self.books.now

    def teardown(self) -> None:
        self.done["examples"] += 1
        if self.done["examples"] % 100 == 0:
            sys.stderr.write(f"{self.done['examples']} examples\n")
        try:
            self._everything_is_proved()
        finally:
            transaction.set_rollback(True)
            self.around.close()

    # --- Asking ---

    @initialize(which=index, images=st.integers(1, 7), large=st.booleans())
    def submit_first(self, which: int, images: int, large: bool) -> None:
        self._submit(which, images, large, NEVER)

    @rule(presses=presses)
    def submit(self, presses: list[tuple[int, int, bool, int]]) -> None:
        for press in presses:
            self._submit(*press)

    def _submit(self, which: int, images: int, large: bool, crash: int) -> None:
        person, self.presses = self._person(which), self.presses + 1
        price = 4 if large else 2
        may = self.books.may_reserve(person.pk, images * price)
        given = {"prompt": f"press {self.presses}", "resolution": "4K" if large else "2K"}
        try:
            with dying(crash):
                run = ask(person, num_images=images, **given)
        except Crash:
            self.done["crashed"] += 1
            return
        except InsufficientCredits:
            self.done["refused"] += 1
            assert not may, "refused although there were credits"
            return
        self.done["submitted"] += 1
        assert may, "reserved more than was left"
        made = dict(run.generations.values_list("uuid", "wanted"))
        self.books.reserve(person.pk, made, price)

    # --- What happens to requests ---

    @rule(turns=turns)
    def go_on(self, turns: list[tuple[int, int, int]]) -> None:
        """Something that may happen to a request happens, several times."""
        for which, choice, crash in turns:
            if row := self._request(which):
                may = self.MAY[Status(row.status)]
                may[choice % len(may)](self, row, crash)

    @rule(turns=turns)
    def go_on_well(self, turns: list[tuple[int, int, int]]) -> None:
        """What should happen to a request happens, several times."""
        for which, _choice, crash in turns:
            if row := self._request(which):
                self.MAY[Status(row.status)][0](self, row, crash)

    def _send(self, row: Generation, crash: int) -> None:
        sent = {"claimed_by": "w", "submit_token": uuid.uuid4()}
        self._move(row, Status.SUBMITTING, crash, changes=sent)

    def _accept(self, row: Generation, crash: int) -> None:
        task = {"claimed_by": "w", "submit_token": uuid.uuid4(), "task_id": uuid.uuid4().hex}
        self._move(row, Status.RUNNING, crash, changes=task)

    def _lose(self, row: Generation, crash: int) -> None:
        self._move(row, Status.UNKNOWN, crash)

    def _answer(self, row: Generation, crash: int) -> None:
        self._move(row, Status.STORING, crash)

    def _answer_late(self, row: Generation, crash: int) -> None:
        """Images come after all although the request has failed, for a day."""
        until = self.late.get(row.uuid)
        may = until is not None and until > self.books.now
        moved = self._move(row, Status.STORING, crash if may else NEVER)
        assert may or not moved

    def _deliver(self, row: Generation, crash: int) -> None:
        if row.delivered == row.wanted:
            self._finish(row, crash)
        elif self._did("delivered", lambda: _store(row), crash):
            self.books.requests[row.uuid].delivered += 1

    def _finish(self, row: Generation, crash: int) -> None:
        end = Status.SUCCEEDED if row.delivered else Status.FAILED
        self._end(row, end, crash, None)

    def _fail(self, row: Generation, crash: int) -> None:
        self._end(row, Status.FAILED, crash, None)

    def _fail_perhaps(self, row: Generation, crash: int) -> None:
        """The provider may still make the images."""
        self._end(row, Status.FAILED, crash, self.books.now + PATIENCE)

    def _cancel(self, row: Generation, crash: int) -> None:
        if self._did("cancelled", lambda: submission.cancel(row, actor=row.user), crash):
            self.books.requests[row.uuid].end()

    def _accept_charge(self, row: Generation, crash: int) -> None:
        self._decide(row, decisions.accept_charge, crash)

    def _release(self, row: Generation, crash: int) -> None:
        self._decide(row, decisions.release, crash)

    def _decide(self, row: Generation, decision: Callable[..., None], crash: int) -> None:
        def decide() -> bool:
            decision(row, actor=row.user, reason="x")
            return True

        if self._did(decision.__name__, decide, crash):
            if not row.came_late:
                self.late[row.uuid] = self.books.now + PATIENCE
            request = self.books.requests[row.uuid]
            request.end(request.reserved if decision is decisions.accept_charge else 0)

    def _end_twice(self, row: Generation, _crash: int) -> None:
        """Another process comes too late: nothing changes."""
        assert not lifecycle.move(row, Status.SUCCEEDED, expect=[Status.STORING])
        settled = ledger.settle(row.uuid, 1000)
        assert (settled.spent, settled.released) == (0, 0)

    # What may happen in each status; first what should.
    MAY = {
        Status.QUEUED: (_send, _cancel, _fail),
        Status.SUBMITTING: (_accept, _answer, _lose, _fail, _fail_perhaps),
        Status.RUNNING: (_answer, _lose, _fail, _fail_perhaps),
        Status.STORING: (_deliver, _deliver, _finish),
        Status.UNKNOWN: (_release, _accept_charge, _accept, _answer),
        Status.FAILED: (_answer_late, _end_twice),
        Status.SUCCEEDED: (_end_twice,),
        Status.CANCELLED: (_end_twice,),
    }

    # --- What admins do ---

    @rule(which=index, credits=amount, crash=crashing)
    def set_limit(self, which: int, credits: int, crash: int) -> None:
        owner, row = self._owner(which)
        if self._did(
            "limit set", lambda: ledger.set_limit(row, credits, actor=None, reason="x"), crash
        ):
            self.books.month_of(owner).limit = credits

    @rule(which=index, credits=amount, crash=crashing)
    def top_up(self, which: int, credits: int, crash: int) -> None:
        owner, row = self._owner(which)
        if self._did(
            "topped up", lambda: ledger.top_up(row, credits, actor=None, reason="x"), crash
        ):
            self.books.month_of(owner).top_up += credits

    @rule(which=index, credits=amount, days=st.integers(0, 3), crash=crashing)
    def top_up_with_end(self, which: int, credits: int, days: int, crash: int) -> None:
        owner, row = self._owner(which)
        today = self.books.day_of(owner)
        ends_on = today + dt.timedelta(days=days)
        given = {"actor": None, "reason": "x", "ends_on": ends_on}
        if self._did("topped up for days", lambda: ledger.top_up(row, credits, **given), crash):
            self.books.month_of(owner).top_up += credits
            ends_at = self.books.end_of(owner, ends_on)
            self.books.timed.append(TimedTopUp(owner, today.replace(day=1), credits, ends_at))

    @rule(crash=crashing)
    def end_top_ups(self, crash: int) -> None:
        self._did("top-ups ended", lambda: ledger.end_top_ups() or True, crash)
        ledger.end_top_ups()  # one that could not be ended stays due, and the next look ends it
        self.books.end_top_ups()

    @rule(which=index, credits=st.integers(1, 8), crash=crashing)
    def write_off(self, which: int, credits: int, crash: int) -> None:
        owner, row = self._owner(which)
        allowance = ledger.allowance_of(row)
        if allowance is None:
            return
        month = self.books.month_of(owner)
        may = month.spent >= credits

        def give() -> bool:
            ledger.write_off(allowance, credits, actor=None, reason="x")
            return True

        if self._did("written off", give, crash):
            assert may
            month.spent -= credits

    @rule(which=index, quota=st.one_of(st.none(), amount))
    def change_quota(self, which: int, quota: int | None) -> None:
        """From the next month on, or when the month is opened."""
        owner, row = self._owner(which)
        type(row).objects.filter(pk=row.pk).update(quota=quota)
        if owner[0] == "user":
            self.books.people[row.pk].quota = quota
        else:
            self.books.teams[row.pk].cap = quota

    @rule(which=index)
    def move_to_the_other_team(self, which: int) -> None:
        person = self._person(which)
        [other] = self.books.teams.keys() - {person.team_id}
        User.objects.filter(pk=person.pk).update(team=other)
        self.done["moved to the other team"] += 1
        self.books.people[person.pk].team = other

    @rule(hours=st.sampled_from([1, 13, 25, 24 * 31]))
    def wait(self, hours: int) -> None:
        self.books.now += dt.timedelta(hours=hours)
        self.done["waited"] += 1

    # --- What must be true after each step ---

    @invariant()
    def the_books_agree(self) -> None:
        rows = _columns_equal_to_entries()
        # A month that was only looked at is opened by the model as well.
        opened = {key for key in rows if key not in self.books.months}
        for owner, month in opened:
            assert self.books.day_of(owner).replace(day=1) == month
            self.books.month_of(owner)
        kept = {key: it for key, it in self.books.columns().items() if key in rows}
        assert rows == kept
        unopened = [m for key, m in self.books.months.items() if key not in rows]
        assert all(not (month.reserved or month.spent or month.top_up) for month in unopened)
        for key in [key for key in self.books.months if key not in rows]:
            del self.books.months[key]  # not opened yet: a quota may still change

    def _everything_is_proved(self) -> None:
        for uuid_, request in self.books.requests.items():
            entries = Entry.objects.filter(generation=uuid_)
            sums = [(e.allowance_id, e.kind, e.amount) for e in entries]
            assert len({allowance for allowance, *_ in sums}) == len(request.months)
            ends = {Kind.SETTLE: request.spent or 0, Kind.RELEASE: request.released}
            for kind, due in {Kind.RESERVE: request.reserved, **ends}.items():
                found = [credits for _, its, credits in sums if its == kind]
                assert found == [due] * len(request.months) if due else not found
        done = proof.prove()
        assert not done.findings, list(Finding.objects.values("what", "credits"))
        days = {*_days_of(Generation), *_days_of(UsageDay)}
        assert not any(rebuilding.differences(day) for day in days)
        assert not any(rebuilding.differences_of_month(month) for month in rebuilding.months())

    # --- Help ---

    def _person(self, which: int) -> User:
        keys = sorted(self.books.people)
        return User.objects.select_related("team").get(pk=keys[which % len(keys)])

    def _owner(self, which: int) -> tuple[Owner, User | TeamRow]:
        keys = [("user", key) for key in sorted(self.books.people)]
        keys += [("team", key) for key in sorted(self.books.teams)]
        kind, key = keys[which % len(keys)]
        model: type[User | TeamRow] = User if kind == "user" else TeamRow
        return (kind, key), model.objects.get(pk=key)

    def _request(self, which: int) -> Generation | None:
        """One of the requests, rather one that has not ended."""
        rows = Generation.objects.order_by("pk")
        keys = list(rows.exclude(status__in=ENDED).values_list("pk", flat=True))
        keys += list(rows.filter(status__in=ENDED).values_list("pk", flat=True)[:3])
        return rows.get(pk=keys[which % len(keys)]) if keys else None

    def _did(self, name: str, act: Callable[[], object], crash: int) -> bool:
        """Whether the act was done. One that crashed or was refused has changed nothing."""
        done = False
        try:
            with dying(crash):
                done = bool(act())
        except Crash:
            name = "crashed"
        except InvalidAmount:
            name = "refused"
        self.done[name] += 1
        return done

    def _move(self, row: Generation, target: Status, crash: int, **more: object) -> bool:
        name = f"{row.status} to {target}"
        return self._did(name, lambda: lifecycle.move(row, target, **more), crash)

    def _end(self, row: Generation, target: Status, crash: int, until: dt.datetime | None) -> None:
        """End a request; its images are accepted until `until`."""
        more = {"may_arrive_until": until} if until else {}
        if self._move(row, target, crash, changes=more):
            self.books.requests[row.uuid].end()
            if until:
                self.late[row.uuid] = until


@transaction.atomic
def _store(row: Generation) -> bool:
    """Store an image of a request without its files."""
    make_image(row, row.delivered, files=False)
    for model, key in ((Generation, row.pk), (Run, row.run_id)):
        count = model.objects.values_list("delivered", flat=True).get(pk=key)
        model.objects.filter(pk=key).update(delivered=count + 1)
    usage.stored(row)
    return True


def _days_of(model: type[Generation | UsageDay]) -> set[dt.date]:
    days = model._default_manager.order_by().values_list("day", flat=True)
    return {day for day in days if day}


def _columns_equal_to_entries() -> dict[tuple[Owner, dt.date], tuple[int, ...]]:
    """The columns of each allowance, after a comparison with its entries, by plain SQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT allowance_id, kind, SUM(amount) FROM accounts_entry GROUP BY 1, 2")
        sums = {(key, kind): int(total) for key, kind, total in cursor.fetchall()}
        cursor.execute(
            'SELECT id, user_id, team_id, month, "limit", top_up, reserved, spent '
            "FROM accounts_allowance"
        )
        found = {}
        for key, user, team, month, *columns in cursor.fetchall():
            own = {kind: sums.get((key, kind), 0) for kind in Kind}
            reserved = own[Kind.RESERVE] - own[Kind.SETTLE] - own[Kind.RELEASE]
            spent = own[Kind.SETTLE] - own[Kind.WRITE_OFF]
            assert columns == [own[Kind.LIMIT], own[Kind.TOP_UP], reserved, spent]
            owner: Owner = ("user", user) if user else ("team", team)
            found[owner, dt.date.fromisoformat(str(month))] = tuple(columns)
    return found
