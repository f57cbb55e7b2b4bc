"""Rows that were changed in the database itself are found by their records."""

import uuid

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts import append_only, sealing
from accounts.events import Event
from accounts.models import Record, RecordPayload, User
from generations import tampering
from generations.models import (
    Campaign,
    Generation,
    Image,
    Price,
    Reference,
    Rendition,
    Run,
)
from tests.factories import make_user
from tests.generations.asking import ask
from tests.generations.erasing.orders import erase
from tests.generations.factories import make_run
from tests.generations.whole import set_up_engine, whole_run
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

HASH = "ef" * 32


@pytest.fixture(autouse=True)
def engine(monkeypatch, settings):
    set_up_engine(monkeypatch, settings)


@pytest.fixture
def run(alice):
    return whole_run(alice)


def found():
    return {(each.kind, each.field) for each in tampering.of_all_runs()}


def test_what_the_studio_did_itself_differs_nowhere(run):
    assert run.status == "succeeded"
    assert found() == set()


def test_the_verification_of_the_log_names_the_record(run, capsys):
    call_command("verify_audit")
    Run.objects.update(prompt="a blue fox")
    record = Record.objects.get(event=Event.RUN_SUBMITTED)
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_audit")
    told = capsys.readouterr().out
    assert stopped.value.code == 1
    assert f"The prompt of the run {run.uuid} is not what record #{record.pk} says." in told
    assert "blue" not in told


def test_a_row_that_no_record_knows_is_accepted_alone(alice, capsys):
    first = make_run(alice).uuid
    call_command("audit_accept_damage", reason="A test of ours")
    told = capsys.readouterr().out
    assert f"The run {first} has no record" in told
    record = Record.objects.get(event=Event.LOG_DAMAGE_ACCEPTED)
    assert record.facts["rows"] == [f"run {first}"]

    call_command("verify_audit")
    told = capsys.readouterr().out
    assert f"Accepted on the record although no record knows them: run {first}." in told

    second = make_run(alice).uuid
    with pytest.raises(SystemExit):
        call_command("verify_audit")
    told = capsys.readouterr().out
    assert f"The run {second} has no record" in told
    assert f"The run {first} has no record" not in told


def test_the_verification_reads_entries_of_more_runs_with_the_queries_of_few(
    alice, tmp_path, settings
):
    settings.DATA_DIR = tmp_path
    ask(alice, num_images=1)
    sealing.seal()
    few = queries_of(lambda: call_command("verify_audit"))
    for _ in range(3):
        ask(alice, num_images=1)
    sealing.seal()
    assert queries_of(lambda: call_command("verify_audit")) == few


ROWS = {
    "run": Run,
    "generation": Generation,
    "image": Image,
    "rendition": Rendition,
    "reference": Reference,
    "price": Price,
    "campaign": Campaign,
}


CHANGES = [
    ("run", {"prompt": "a blue fox"}, ("run", "prompt")),
    ("run", {"engine": "demo/seedream-4-5"}, ("run", "engine")),
    ("run", {"options": {"resolution": "4K"}}, ("run", "options")),
    ("run", {"campaign": None}, ("run", "campaign")),
    ("run", {"delivered": 0}, ("run", "delivered")),
    ("run", {"wanted": 3}, ("run", "images")),
    ("generation", {"status": "failed"}, ("generation", "status")),
    ("generation", {"seed": 7}, ("generation", "seed")),
    ("generation", {"cost_usd": "0.01"}, ("generation", "cost_usd")),
    ("generation", {"model": "another"}, ("generation", "model")),
    ("generation", {"body": b"another"}, ("generation", "body")),
    ("generation", {"idempotency_key": "k"}, ("generation", "idempotency_key")),
    ("generation", {"request_id": "r"}, ("generation", "provider_request_id")),
    ("generation", {"provider": "fal"}, ("generation", "provider")),
    ("price", {"credits": 1}, ("run", "credits")),
    ("image", {"original_sha256": HASH}, ("image", "original_sha256")),
    ("image", {"arrived_with": {"c2pa": "valid"}}, ("image", "arrived_with")),
    ("image", {"position": 5}, ("image", "position")),
    ("rendition", {"sha256": HASH}, ("image", "renditions")),
    ("rendition", {"label_version": 9}, ("image", "label_version")),
    ("reference", {"rights": "licensed"}, ("reference", "rights")),
    ("reference", {"sha256": HASH}, ("reference", "sha256")),
    ("reference", {"upload_sha256": HASH}, ("reference", "upload_sha256")),
    ("campaign", {"name": "Autumn"}, ("campaign", "name")),
]


def test_each_changed_value_is_named(run):
    """In one test, because a whole run takes long to make: each change is taken back."""
    for row, change, expected in CHANGES:
        with transaction.atomic():
            ROWS[row].objects.update(**change)
            assert expected in found(), (row, change)
            transaction.set_rollback(True)
    assert found() == set()


def test_a_difference_says_both_values_and_the_record(run):
    Run.objects.update(prompt="a blue fox")
    difference = next(tampering.of_runs([run.uuid]))
    assert (difference.found, difference.recorded) == ("a blue fox", "a very red fox")
    assert str(difference) == f"The prompt of the run {run.uuid} is not what record #" + (
        f"{difference.record} says."
    )


def test_a_run_given_to_somebody_else(run):
    other = make_user()
    Run.objects.update(user=other, team=other.team)
    assert {("run", "person"), ("run", "team")} <= found()


def test_a_name_that_no_record_explains(sign_in, alice, run):
    tab = sign_in(alice)
    tab.post("/account/", {"name": "Alicia"})
    assert found() == set()
    User.objects.filter(pk=alice.pk).update(name="Mallory")
    assert found() == {("user", "name")}


def test_rows_that_are_gone_and_rows_that_no_record_knows(run, alice):
    Rendition.objects.all().delete()
    Image.objects.all().delete()
    added = make_run(alice)
    assert ("image", "row") in found()
    assert [each.record for each in tampering.of_runs([added.uuid])] == [None]


def test_a_run_that_is_gone_altogether(run, alice):
    Rendition.objects.all().delete()
    for rows in (run.images, run.run_references):
        rows.all().delete()
    for generation in run.generations.all():
        generation.deliveries.all().delete()
        generation.delete()
    Run.objects.filter(pk=run.pk).delete()
    assert [(each.kind, each.found) for each in tampering.of_all_runs()] == [("run", None)]


ODD = (7, "text", ["text"], [[]], {"text": [7]}, {})


def test_values_of_another_form_are_compared_too(run):
    """In one test, because a whole run takes long to make: each change is taken back."""
    record = Record.objects.get(event=Event.RUN_SUBMITTED)
    with append_only.lifted(connection):
        for odd in ODD:
            with transaction.atomic():
                Run.objects.update(options=odd)
                assert ("run", "options") in found()
                transaction.set_rollback(True)
            for name in ("generations", "references", "options", "images"):
                with transaction.atomic():
                    facts = record.facts | {name: odd}
                    Record.objects.filter(pk=record.pk).update(facts=facts)
                    assert isinstance(found(), set)
                    transaction.set_rollback(True)


def test_text_that_was_erased_is_not_compared(run):
    RecordPayload.objects.update(salt=None, data=None)
    Run.objects.update(prompt="[erased]")
    Generation.objects.update(body=None)
    assert found() == set()


def test_what_was_erased_on_record_differs_nowhere(run, alice, admin, monkeypatch):
    erase(monkeypatch, admin, "image", run.images.get())
    assert found() == set()
    erase(monkeypatch, admin, "run", run)
    assert Run.objects.get().erased_at
    assert Reference.objects.get().erased_at
    assert found() == set()
    # What is changed afterwards is found all the same.
    Run.objects.update(prompt="a blue fox", erased_at=None)
    Reference.objects.update(rights="licensed")
    assert found() == {("run", "prompt"), ("run", "erased"), ("reference", "rights")}


def test_an_erased_person_differs_nowhere(run, sign_in, alice, admin, monkeypatch):
    sign_in(alice).post("/account/", {"name": "Alicia"})
    User.objects.filter(pk=alice.pk).update(is_active=False)
    erase(monkeypatch, admin, "person", alice)
    assert User.objects.get(pk=alice.pk).name.startswith("Erased person")
    assert found() == set()


def test_rows_that_claim_to_be_erased_without_a_record(run):
    now = timezone.now()
    Run.objects.update(prompt="[erased]", erased_at=now)
    Image.objects.update(erased_at=now)
    Reference.objects.update(erased_at=now)
    kinds = ("run", "image", "reference")
    assert found() == {("run", "prompt"), *((kind, "erased") for kind in kinds)}


def test_an_unknown_run_says_nothing():
    assert list(tampering.of_runs([uuid.uuid4()])) == []


def test_the_number_of_queries_does_not_grow_with_the_runs(alice):
    whole_run(alice)
    few = queries_of(lambda: list(tampering.of_all_runs()))
    for _ in range(4):
        whole_run(alice, references=[])
    assert queries_of(lambda: list(tampering.of_all_runs())) == few
