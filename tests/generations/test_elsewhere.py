"""A run whose provider is down or blocked can go to another engine: once, or not at all."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.errors import InsufficientCredits
from accounts.events import Event
from accounts.models import Record
from generations import submission
from generations.models import EngineSetting, Price, ProviderAccount, Run
from generations.providers import registry
from generations.reading import feed
from generations.states import Status
from generations.submission import SubmissionRefused
from tests.factories import make_user
from tests.generations.asking import APIXO, DEMO, ask
from tests.generations.factories import make_generation, make_reference
from tests.generations.stub import STUB, set_up_stub
from tests.generations.test_remedies import HTMX, failed
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(monkeypatch, settings, apixo_key):
    """`other(**able)`: another engine of the same model, at 3 credits an image."""

    def other(**able):
        return set_up_stub(monkeypatch, settings, label="Seedream 4.5", **able)

    return other


def block(code="insufficient_balance"):
    until = timezone.now() + timedelta(minutes=10)
    values = {"concurrency": 1, "per_minute": 1, "blocked_code": code, "paused_until": until}
    account, _made = ProviderAccount.objects.update_or_create(
        provider="apixo", slot=1, defaults=values | {"blocked_at": timezone.now()}
    )
    return account


def stuck(user, num_images=2, **more):
    """A run that waits for a provider that is blocked."""
    run = ask(user, APIXO, num_images, **{"aspect_ratio": "1:1"} | more)
    block()
    return run


def offer(run):
    """The button that sends a run elsewhere; None if no frame has it."""
    run.refresh_from_db()
    frames = feed.cards([run], viewer=run.user)[0].frames
    found = [each for frame in frames for each in frame.remedies if "instead" in each.path]
    assert len(found) <= 1
    return found[0] if found else None


def send(run, credits=6, engine=STUB):
    return submission.send_elsewhere(run, engine, credits=credits, actor=run.user)


class TestOffered:
    def test_what_waits_for_a_blocked_provider(self, alice, other):
        other()
        run = stuck(alice)
        assert offer(run).label == "Send to Stub & Co instead · 6 credits"
        assert offer(run).path == reverse("run-instead", args=[run.uuid, STUB, 6])

    def test_what_failed_because_of_the_provider(self, alice, other):
        other()
        run = failed(alice, "auth", APIXO, 2, aspect_ratio="1:1")
        assert offer(run).label == "Send to Stub & Co instead · 6 credits"

    def test_not_while_the_provider_works_or_for_a_fault_of_the_request(self, alice, other):
        other()
        assert offer(ask(alice, APIXO, 1, aspect_ratio="1:1")) is None
        assert offer(failed(alice, "content_policy", APIXO, 1, aspect_ratio="1:1")) is None

    @pytest.mark.parametrize("values", [{"idempotency_key": "k"}, {"status": Status.STORING}])
    def test_not_what_the_provider_may_have(self, alice, other, values):
        other()
        run = stuck(alice, 1)
        run.generations.update(**values)
        assert offer(run) is None
        with pytest.raises(SubmissionRefused, match="may have this request"):
            send(run, 3)
        assert Run.objects.count() == 1

    def test_not_what_may_still_arrive_after_a_failure(self, alice, other):
        other()
        run = failed(alice, "connection", APIXO, 1, aspect_ratio="1:1")
        run.generations.update(may_arrive_until=timezone.now() + timedelta(hours=3))
        assert offer(run) is None
        with pytest.raises(SubmissionRefused, match="may have this request"):
            send(run, 3)

    @pytest.mark.parametrize("able", [{"max_images": 1}, {"sizes": {"2K": {"16:9": (2848, 1600)}}}])
    def test_not_to_an_engine_that_cannot_make_it(self, alice, other, able):
        other(**able)
        assert offer(stuck(alice)) is None

    def test_not_to_an_engine_that_is_off_or_the_demo(self, alice, other):
        other()
        EngineSetting.objects.create(engine=STUB, is_on=False)
        assert offer(stuck(alice)) is None

    def test_not_to_people_who_did_not_ask(self, alice, bob, other):
        other()
        run = stuck(alice)
        assert not any(f.remedies for f in feed.cards([run], viewer=bob)[0].frames)

    def test_says_what_would_be_left_out(self, alice, other):
        other()
        run = stuck(alice)
        Run.objects.update(options=run.options | {"negative_prompt": "fog", "seed": 3})
        assert offer(run).note.startswith("Stub & Co does not have these options")
        assert "Avoid, Seed" in offer(run).note

    def test_says_which_size_comes_nearest_if_the_engine_lacks_it(self, alice, other):
        other(sizes={"1K": {"1:1": (1024, 1024)}, "4K": {"1:1": (4096, 4096), "3:2": (4992, 3328)}})
        run = stuck(alice, resolution="2K")
        asked = "{}×{}".format(*registry.engine(APIXO).capabilities.sizes["2K"]["1:1"])
        sentence = f"does not have the size {asked}, so these images would be 1024×1024."
        assert sentence in offer(run).note
        made = send(run, int(offer(run).path.rsplit("/", 2)[1]))
        assert (made.options["resolution"], made.options["aspect_ratio"]) == ("1K", "1:1")

    def test_twenty_runs_need_no_more_queries_than_two(self, alice, other):
        other()
        ledger.set_limit(alice, 10_000, actor=None, reason="")
        runs = [ask(alice, APIXO, 1, aspect_ratio="1:1") for _ in range(20)]
        block()
        few = queries_of(lambda: feed.cards(runs[:2], viewer=alice))
        assert queries_of(lambda: feed.cards(runs, viewer=alice)) == few


class TestPressed:
    def test_makes_the_same_request_there_and_cancels_the_first(self, alice, other):
        other()
        run = stuck(alice, prompt="a red fox")
        made = send(run)
        run.refresh_from_db()
        assert (run.status, run.open, run.cancelled) == ("cancelled", 0, 2)
        assert (made.engine, made.prompt, made.wanted) == (STUB, "a red fox", 2)
        assert made.options == run.options
        assert ledger.balance(alice).reserved == 6
        assert ledger.reconcile() == []

    def test_both_are_on_the_record(self, alice, other):
        other()
        run = stuck(alice)
        Run.objects.update(options=run.options | {"seed": 3})
        made = send(run)
        cancelled = Record.objects.filter(event=Event.GENERATION_CANCELLED, story=run.uuid)
        assert {record.facts["why"] for record in cancelled} == {"sent_elsewhere"}
        facts = Record.objects.get(event=Event.RUN_SUBMITTED, subject_id=made.uuid).facts
        assert (facts["remedy"], facts["of"]) == ("other-engine", str(run.uuid))
        assert facts["left_out"] == ["seed"]

    def test_references_go_along(self, alice, other, settings):
        settings.SERVED_OVER_HTTPS = True
        other(max_references=2)
        reference = make_reference(alice)
        made = send(stuck(alice, references=[reference]))
        assert [row.reference for row in made.run_references.all()] == [reference]

    def test_what_the_button_says_is_what_is_reserved(self, alice, other):
        other()
        run = stuck(alice, 3)
        credits = int(offer(run).path.rsplit("/", 2)[1])
        send(run, credits)
        assert ledger.balance(alice).reserved == credits == 9
        assert offer(run) is None

    def test_another_price_than_the_button_said_changes_nothing(self, alice, other):
        other()
        run = stuck(alice)
        Price.objects.create(engine=STUB, tier="2K", credits=5, cost_usd="0.05")
        with pytest.raises(SubmissionRefused, match="price has changed"):
            send(run)
        assert (Run.objects.get().open, ledger.balance(alice).reserved) == (2, 8)

    def test_without_credit_the_first_keeps_its_place(self, alice, other):
        other(credits=30)
        run = stuck(alice)
        ledger.set_limit(alice, 20, actor=None, reason="")
        with pytest.raises(InsufficientCredits):
            send(run, 60)
        assert (Run.objects.get().open, ledger.balance(alice).reserved) == (2, 8)

    def test_one_request_that_was_just_sent_keeps_all(self, alice, other):
        other()
        run = stuck(alice)
        claim = {"submit_token": uuid.uuid4(), "claimed_by": "worker"}
        generation = run.generations.last()
        type(generation).objects.filter(pk=generation.pk).update(status="submitting", **claim)
        with pytest.raises(SubmissionRefused, match="may have this request"):
            send(run)
        assert run.generations.filter(status="queued").count() == run.generations.count() - 1

    def test_a_second_press_gives_the_first_run(self, alice, other):
        other()
        run = stuck(alice)
        assert send(run) == send(run) == send(run, 99, DEMO)


class TestPage:
    def test_works_with_and_without_scripts(self, alice, other, sign_in):
        other()
        run, client = stuck(alice), sign_in(alice)
        path = offer(run).path
        assert f'form="act" formaction="{path}?' in client.get("/").content.decode()
        assert client.post(path).status_code == 303
        page = client.post(path, headers=HTMX)
        assert f'id="run-{run.uuid}" data-status="cancelled"' in page.content.decode()
        assert Run.objects.count() == 2

    @pytest.mark.parametrize("who", ["bob", "charlie"])
    def test_is_only_for_the_author_of_the_run(self, request, alice, other, sign_in, who):
        other()
        path = offer(stuck(alice)).path
        assert sign_in(request.getfixturevalue(who)).post(path).status_code == 404
        assert Run.objects.count() == 1

    @pytest.mark.parametrize(("engine", "credits"), [("no/engine", 6), (STUB, 10**30)])
    def test_nonsense_is_refused_with_words(self, alice, other, sign_in, engine, credits):
        other()
        path = reverse("run-instead", args=[stuck(alice).uuid, engine, credits])
        response = sign_in(alice).post(path, headers=HTMX)
        assert response.status_code == 422
        assert Run.objects.get().open == 2


@pytest.mark.django_db(transaction=True)
def test_64_presses_at_the_same_time_are_one_run(monkeypatch, settings, apixo_key):
    set_up_stub(monkeypatch, settings)
    user = make_user(quota=100)
    run = ask(user, APIXO, 2, aspect_ratio="1:1")

    def press(_):
        try:
            return send(run).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(press, range(64)))) == 1
    assert Run.objects.count() == 2
    assert ledger.balance(user).reserved == 6
    assert ledger.reconcile() == []


def test_a_worker_that_claims_first_keeps_the_run(alice, other, monkeypatch):
    """The claim comes between the look at the row and the update."""
    other()
    run = stuck(alice, 1)
    real = submission.elsewhere.lifecycle.move

    def claimed_before(generation, *args, **more):
        claim = {"submit_token": uuid.uuid4(), "claimed_by": "worker"}
        run.generations.update(status=Status.SUBMITTING, **claim)
        return real(generation, *args, **more)

    monkeypatch.setattr(submission.elsewhere.lifecycle, "move", claimed_before)
    with pytest.raises(SubmissionRefused):
        send(run, 3)
    assert Run.objects.count() == 1


def test_a_failed_run_is_offered_beside_what_arrived(alice, other):
    other()
    run = failed(alice, "auth", APIXO, 2, aspect_ratio="1:1")
    Run.objects.update(delivered=1)
    make_generation(run, Status.SUCCEEDED, delivered=1)
    assert offer(run).label.endswith("3 credits")
