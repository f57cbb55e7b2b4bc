"""What the retention rules erase by age, what they leave, and what they say beforehand."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts import audit
from accounts.audit.canonical import timestamp
from accounts.events import Event
from accounts.models import Record, RecordPayload
from generations import holds
from generations.erasing import retention, texts, work
from generations.models import (
    Campaign,
    Erasure,
    Image,
    Reference,
    RetentionRule,
    Run,
    RunReference,
)
from tests.generations.factories import make_finished_run, make_pending_run, make_reference
from tests.queries import queries_of
from tests.records import write

pytestmark = pytest.mark.django_db
Kind = RetentionRule.Kind


def rule(kind, days=30, **values):
    return RetentionRule.objects.create(**{"kind": kind, "days": days, "is_active": True} | values)


def aged(run, days):
    """`run` and its images, made so many days ago."""
    moment = timezone.now() - timedelta(days=days)
    Run.objects.filter(pk=run.pk).update(created_at=moment)
    Image.objects.filter(run=run).update(created_at=moment)
    return run


def apply_rules():
    """What beat starts at night, until the texts are gone."""
    ordered = retention.order_due()
    work.work()
    assert not Erasure.objects.filter(status=Erasure.Status.EMPTYING).exists()
    return ordered


def erased():
    return set(Run.objects.filter(erased_at__isnull=False))


def test_texts_older_than_the_days_are_erased_and_younger_ones_stay(alice):
    old, young = aged(make_finished_run(alice), 31), aged(make_finished_run(alice), 29)
    submitted = write(
        Event.RUN_SUBMITTED, actor=alice, subject=old, story=old.uuid, personal={"prompt": "dawn"}
    )
    aged(make_pending_run(alice), 31)
    text_rule = rule(Kind.PROMPTS)
    assert apply_rules() == 1
    assert erased() == {old}
    assert Run.objects.get(pk=young.pk).prompt == young.prompt
    assert RecordPayload.objects.get(record=submitted).data is None
    record = Record.objects.get(event=Event.PERSONAL_ERASED)
    assert (record.facts["records"], record.actor) == ([str(submitted.uuid)], None)
    assert record.subject_id == text_rule.uuid
    assert not Image.objects.filter(erased_at__isnull=False).exists()


def test_one_record_says_which_rule_has_erased_how_much_and_how_old_it_was(alice):
    texts, pictures = rule(Kind.PROMPTS), rule(Kind.PICTURES, days=40)
    for days in (31, 32, 50):
        run = aged(make_finished_run(alice, files=True), days)
    upload = make_reference(alice)
    RunReference.objects.create(run=run, reference=upload, position=0)
    Reference.objects.update(created_at=timezone.now() - timedelta(days=50))
    apply_rules()
    apply_rules()  # nothing is left, and no record is written
    records = {each.subject_id: each for each in applied()}
    assert len(applied()) == 2
    order = Erasure.objects.get(subject=texts.uuid)
    assert records[texts.uuid].facts == {
        "erasure": str(order.uuid),
        "kind": "prompts",
        "campaign": None,
        "days": 30,
        "before": timestamp(order.asked_at - timedelta(days=30)),
        "records": 0,
        "runs": 3,
        "images": 0,
        "uploads": 0,
    }
    counted = [records[pictures.uuid].facts[name] for name in ("runs", "images", "uploads")]
    assert counted == [0, 1, 1]


def test_it_is_shown_to_the_team_of_the_rules_campaign_and_to_no_other(alice, reviewer, sign_in):
    campaign = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    aged(make_finished_run(alice, campaign=campaign), 31)
    aged(make_finished_run(alice), 31)
    ours, others = rule(Kind.PROMPTS, campaign=campaign), rule(Kind.PROMPTS)
    apply_rules()
    assert {each.subject_id for each in applied()} == {ours.uuid, others.uuid}
    page = sign_in(reviewer).get(reverse("log"), {"event": "retention:applied"})
    day = date_format(timezone.now() - timedelta(days=30), "j F Y")
    said = (
        f"Runs: prompts, requests, answers and all other texts, older than {day} (30 days): 1 run"
    )
    assert said in page.content.decode()
    shown = audit.visible_to(reviewer).filter(event=Event.RETENTION_APPLIED)
    assert [each.subject_id for each in shown] == [ours.uuid]


def test_a_rule_that_has_erased_nothing_leaves_no_record(alice):
    run = aged(make_finished_run(alice), 31)
    rule(Kind.PROMPTS)
    assert retention.order_due() == 1
    holds.place("run", run, reason="a dispute", actor=alice)
    work.work()
    assert Erasure.objects.get().status == Erasure.Status.CLEANING
    assert not applied()


def applied():
    return list(Record.objects.filter(event=Event.RETENTION_APPLIED))


def test_a_campaign_may_have_its_own_days(alice):
    campaign = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    longer = aged(make_finished_run(alice, campaign=campaign), 31)
    usual = aged(make_finished_run(alice), 31)
    rule(Kind.PROMPTS)
    special = rule(Kind.PROMPTS, days=60, campaign=campaign)
    assert apply_rules() == 1
    assert erased() == {usual}
    Erasure.objects.update(status=Erasure.Status.DONE)
    RetentionRule.objects.filter(pk=special.pk).update(days=30)
    assert apply_rules() == 1
    assert erased() == {usual, longer}


def test_images_are_erased_by_their_own_rule(alice):
    old, young = aged(make_finished_run(alice, files=True), 31), make_finished_run(alice)
    alone, shared = make_reference(alice, sha256="a" * 64), make_reference(alice)
    for position, (upload, run) in enumerate([(alone, old), (shared, old), (shared, young)]):
        RunReference.objects.create(run=run, reference=upload, position=position)
    Reference.objects.update(created_at=timezone.now() - timedelta(days=31))
    rule(Kind.PICTURES)
    apply_rules()
    assert Image.objects.get(run=old).original_name == ""
    assert list(Reference.objects.filter(erased_at__isnull=False)) == [alone]
    assert erased() == set()


@pytest.mark.parametrize(
    ("kind", "event"),
    [(Kind.REFUSED, Event.RUN_REFUSED), (Kind.CALLERS, Event.USER_SIGNED_IN)],
)
def test_old_payloads_of_a_kind_are_emptied(alice, bob, kind, event, monkeypatch):
    held = write(event, actor=bob, subject=bob, personal=text_of(event))
    gone = write(event, actor=alice, subject=alice, personal=text_of(event))
    hold = holds.place("person", bob, reason="a dispute", actor=alice)
    rule(kind, days=7)
    monkeypatch.setattr(retention, "before", lambda rule, at: at + timedelta(days=1))
    apply_rules()
    assert RecordPayload.objects.get(record=gone).data is None
    assert RecordPayload.objects.get(record=held).data is not None
    assert retention.order_due() == 0
    Erasure.objects.update(status=Erasure.Status.DONE)
    holds.lift(hold, reason="settled", actor=alice)
    apply_rules()
    assert RecordPayload.objects.get(record=held).data is None


def text_of(event):
    return {"prompt": "dawn"} if event == Event.RUN_REFUSED else {"ip": "192.0.2.1"}


def test_what_is_held_stays(alice, bob):
    campaign = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    runs = [aged(make_finished_run(bob, campaign=campaign), 31) for _ in range(2)]
    runs.append(aged(make_finished_run(alice), 31))
    rule(Kind.PROMPTS)
    rule(Kind.PICTURES)
    for scope, row in (("campaign", campaign), ("image", runs[2].images.get())):
        holds.place(scope, row, reason="a dispute", actor=alice)
    assert apply_rules() == 0
    assert erased() == set()


def test_a_rule_that_is_not_active_erases_nothing_and_the_dry_run_says_what_it_would(alice):
    old = aged(make_finished_run(alice), 31)
    rule(Kind.PROMPTS, is_active=False)
    output = io.StringIO()
    call_command("retain", "--dry-run", stdout=output)
    said = f"(not active): 1, the oldest of {timezone.now() - timedelta(days=31):%Y-%m-%d}"
    assert said in output.getvalue()
    call_command("retain", stdout=output)
    assert "Ordered 0 erasures." in output.getvalue()
    assert Run.objects.get(pk=old.pk).prompt == old.prompt


def test_a_rule_that_is_deleted_meanwhile_erases_no_more(alice):
    old = aged(make_finished_run(alice), 31)
    text_rule = rule(Kind.PROMPTS)
    retention.order_due()
    text_rule.delete()
    work.work()
    assert Erasure.objects.get().status == Erasure.Status.CLEANING
    assert Run.objects.get(pk=old.pk).prompt == old.prompt


def test_what_a_rule_has_erased_is_recorded_although_it_was_deleted_meanwhile(
    alice, monkeypatch, reviewer
):
    campaign = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    for _ in range(2):
        aged(make_finished_run(alice, campaign=campaign), 31)
    text_rule = rule(Kind.PROMPTS, campaign=campaign)
    retention.order_due()
    erase_next = texts.erase_next

    def erase_and_delete_the_rule(*args, **values):
        done = erase_next(*args, **values)
        RetentionRule.objects.all().delete()
        return done

    monkeypatch.setattr(texts, "BATCH", 1)
    monkeypatch.setattr(texts, "erase_next", erase_and_delete_the_rule)
    work.work()
    [record] = audit.visible_to(reviewer).filter(event=Event.RETENTION_APPLIED)
    assert record.subject_id == text_rule.uuid
    facts = {"kind": "prompts", "days": 30, "campaign": str(campaign.uuid), "runs": len(erased())}
    assert record.facts | facts == record.facts


def test_looking_what_is_due_takes_as_many_queries_for_many_runs_as_for_few(alice):
    rule(Kind.PROMPTS)
    for _ in range(3):
        aged(make_finished_run(alice), 31)
    few = queries_of(lambda: list(retention.due()))
    for _ in range(6):
        aged(make_finished_run(alice), 31)
    assert queries_of(lambda: list(retention.due())) == few
