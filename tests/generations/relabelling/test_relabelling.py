"""Images are labelled again: each file gets a new address, and the old one leads to it."""

import hashlib
from pathlib import Path

import pytest
from django.urls import reverse

from accounts.events import Event
from accounts.models import Notice, Record
from generations import holds, storage
from generations.jobs.execution import relabelling, renditions
from generations.jobs.recovery import recover
from generations.labelling import pipeline
from generations.models import (
    Campaign,
    Delivery,
    FormerRendition,
    Image,
    LabelPolicy,
    Relabelling,
    Rendition,
)
from generations.notice_kinds import FILE_DAMAGED
from generations.paths import rendition_path
from generations.relabelling import asking, choosing, standing
from generations.relabelling.choosing import Choice
from generations.tampering import comparing
from tests.generations.factories import make_finished_run
from tests.generations.relabelling.conftest import wake, work
from tests.generations.telling import tell

pytestmark = pytest.mark.django_db
Status = Relabelling.Status


@pytest.fixture
def image(alice):
    return make_finished_run(alice, files=True).images.get()


def names(image):
    return set(image.renditions.values_list("name", flat=True))


def stored(image):
    return set(storage.renditions_in_storage(image.uuid))


def left_out():
    records = Record.objects.filter(event=Event.IMAGE_LEFT_OUT)
    return {str(record.subject_id): record.facts["why"] for record in records}


class TestOneImage:
    def test_new_files_take_the_place_of_the_old_ones_on_the_record(self, image, ask, other_label):
        before = {row.recipe: row for row in image.renditions.all()}
        other_label()
        order = ask()
        assert work() == order
        after = {row.recipe: row for row in image.renditions.all()}
        assert before.keys() == after.keys()
        for recipe, row in after.items():
            assert row.uuid != before[recipe].uuid
            data = storage.read(storage.renditions(), row.name)
            assert hashlib.sha256(data).hexdigest() == row.sha256 != before[recipe].sha256
        assert stored(image) == names(image)
        order.refresh_from_db()
        assert (order.status, order.done, order.total) == (Status.DONE, 1, 1)
        facts = Record.objects.get(event=Event.IMAGE_RELABELLED).facts
        assert facts["former"] == {recipe: row.sha256 for recipe, row in before.items()}
        assert facts["renditions"] == {recipe: row.sha256 for recipe, row in after.items()}
        assert facts["relabelling"] == str(order.uuid)
        former = FormerRendition.objects.filter(image=image)
        assert {row.uuid for row in former} == {row.uuid for row in before.values()}
        assert not former.filter(is_stored=True).exists()

    def test_an_original_that_nobody_looked_at_is_looked_at_on_the_record(self, alice, ask):
        run = make_finished_run(alice, files=True)
        tell(run)
        Image.objects.update(arrived_with={})
        everything = choosing.everything()
        assert asking.preview(Choice("all", everything, "unseen")).images == 1
        ask(only="unseen")
        work()
        kept = run.images.get().arrived_with
        assert kept["looked"]
        assert Record.objects.get(event=Event.IMAGE_RELABELLED).facts["arrived_with"] == kept
        assert asking.preview(Choice("all", everything, "unseen")).images == 0
        fields = {each.field for each in comparing.of_runs([run.uuid])}
        assert "arrived_with" not in fields
        Image.objects.update(arrived_with={"c2pa": "valid"})
        changed = {each.field for each in comparing.of_runs([run.uuid])}
        assert changed == fields | {"arrived_with"}

    def test_files_that_come_out_the_same_keep_their_address(self, image, ask):
        before = list(image.renditions.values_list("uuid", flat=True))
        ask()
        assert work().unchanged == 1
        assert list(image.renditions.values_list("uuid", flat=True)) == before
        assert stored(image) == names(image)
        assert not Record.objects.filter(event=Event.IMAGE_RELABELLED).exists()

    def test_the_same_bytes_by_a_later_version_are_no_longer_old(self, alice, ask, monkeypatch):
        run = make_finished_run(alice, files=True)
        tell(run)
        image = run.images.get()
        before = names(image)
        for module in (pipeline, choosing):
            monkeypatch.setattr(module, "LABEL_VERSION", 99)
        ask(only="old")
        assert work().done == 1
        assert names(image) == before == stored(image)
        assert set(image.renditions.values_list("label_version", flat=True)) == {99}
        assert Record.objects.get(event=Event.IMAGE_RELABELLED).facts["former"] == {}
        of_image = [each for each in comparing.of_runs([run.uuid]) if each.subject == image.uuid]
        assert of_image == []
        everything = choosing.everything()
        assert asking.preview(Choice("all", everything, "old")).images == 0

    def test_and_back_to_the_old_label_gives_the_old_files(self, image, ask, other_label):
        first = names(image)
        for credit in ("another credit", ""):
            other_label(credit)
            ask()
            work()
        assert names(image) == first == stored(image)
        assert FormerRendition.objects.filter(image=image).count() == 6

    def test_the_old_address_leads_to_the_new_file(
        self, image, ask, other_label, alice, charlie, sign_in
    ):
        old = image.renditions.get(recipe="preview")
        address = rendition_path(old.uuid, old.format)
        other_label()
        ask()
        work()
        new = image.renditions.get(recipe="preview")
        answer = sign_in(alice).get(address)
        assert (answer.status_code, answer["Location"]) == (
            302,
            rendition_path(new.uuid, new.format),
        )
        assert answer["Cache-Control"] == "private, max-age=45"
        assert sign_in(charlie).get(address).status_code == 404
        image.hidden_at = image.erased_at = image.created_at
        image.save()
        assert sign_in(alice).get(address).status_code == 404

    def test_the_log_still_vouches_for_it(self, alice, ask, other_label):
        run = make_finished_run(alice, files=True)
        tell(run)
        other_label()
        ask()
        work()
        image = run.images.get()
        of_image = [each for each in comparing.of_runs([run.uuid]) if each.subject == image.uuid]
        assert of_image == []
        Rendition.objects.filter(image=image, recipe="full").update(sha256="0" * 64)
        of_image = [each for each in comparing.of_runs([run.uuid]) if each.subject == image.uuid]
        assert [each.field for each in of_image] == ["renditions"]

    def test_its_story_shows_the_former_files(self, alice, superuser, ask, other_label, sign_in):
        run = make_finished_run(alice, files=True)
        tell(run)
        image = run.images.get()
        old = image.renditions.get(recipe="full").sha256
        other_label()
        ask()
        work()
        new = image.renditions.get(recipe="full").sha256
        page = sign_in(superuser).get(reverse("log-image", args=[image.uuid])).content.decode()
        current, former = page.split("Replaced by files with newer labels")
        assert new in current
        assert old not in current
        assert old in former

    def test_its_record_is_found_by_the_old_hash(self, image, superuser, ask, other_label, sign_in):
        old = image.renditions.get(recipe="full").sha256
        other_label()
        ask()
        work()
        page = sign_in(superuser).get(reverse("log"), {"hash": old}).content.decode()
        assert "Image labelled again" in page


class TestChoice:
    def test_all_of_a_campaign_a_team_or_what_lacks_something(self, alice, charlie, ask):
        mine, _theirs = (make_finished_run(person, images=2) for person in (alice, charlie))
        signed = Rendition.objects.filter(image__in=mine.images.all()[:1])
        signed.update(certificate="c" * 64, is_stamped=False)
        everything, team = choosing.everything(), Choice("team", alice.team)
        assert asking.preview(Choice("all", everything)).images == 4
        assert asking.preview(team) == asking.Preview(images=2, files=6)
        assert asking.preview(Choice("all", everything, "unsigned")).images == 3
        assert asking.preview(Choice("team", alice.team, "unstamped")).images == 1
        assert asking.preview(Choice("all", everything, "certificate", "c" * 64)).images == 1
        assert asking.preview(Choice("all", everything, "certificate", "d" * 64)).images == 0
        assert asking.preview(Choice("team", charlie.team, "unmarked")).images == 2

    def test_what_was_labelled_by_another_policy(self, alice, charlie, ask):
        spring = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
        make_finished_run(alice, files=True)
        make_finished_run(alice, files=True, campaign=spring)
        make_finished_run(charlie, files=True)

        def outdated():
            return asking.preview(Choice("all", choosing.everything(), "policy")).images

        assert outdated() == 0
        LabelPolicy.objects.create(campaign=spring, corner="top-left")
        assert outdated() == 1
        LabelPolicy.objects.create(team=alice.team, credit="Made with AI")
        assert outdated() == 2
        studio = LabelPolicy.objects.create(size=50)
        assert outdated() == 3
        order = ask(only="policy")
        work()
        order.refresh_from_db()
        assert (order.done, outdated()) == (3, 0)
        studio.delete()
        assert outdated() == 3

    def test_what_would_lack_the_same_stays_as_it_is(self, image, ask, other_label):
        before = names(image)
        other_label()
        order = ask(only="unsigned")
        work()
        order.refresh_from_db()
        assert (order.done, order.left_out) == (0, 1)
        assert order.left == [[str(image.uuid), "no_better"]]
        assert names(image) == before == stored(image)

    def test_the_same_is_not_asked_twice(self, image, ask):
        ask()
        with pytest.raises(asking.AlreadyAsked):
            ask()

    def test_images_that_came_later_are_left_to_their_own_labels(self, image, alice, ask):
        order = ask()
        make_finished_run(alice, files=True)
        work()
        order.refresh_from_db()
        assert (order.unchanged, order.status) == (1, Status.DONE)


class TestLoad:
    def test_new_images_go_first(self, image, ask):
        ask()
        waiting = Delivery.objects.filter(pk=image.delivery_id)
        waiting.update(status="fetched", next_action_at="2020-01-01T00:00Z")
        assert work() is None
        waiting.update(status="stored")
        assert work().status == Status.DONE

    def test_after_a_spell_of_work_it_rests_as_long(self, alice, ask, monkeypatch, other_label):
        make_finished_run(alice, images=3, files=True)
        monkeypatch.setattr(relabelling, "SPELL_SECONDS", 0)
        other_label()
        order = ask()
        assert work().done == 1
        order.refresh_from_db()
        assert (order.status, order.claimed_by) == (Status.WORKING, "")
        wake()
        assert work().done == 2

    def test_one_worker_at_a_time_in_the_whole_studio(self, alice, bob, ask):
        for person in (alice, bob):
            make_finished_run(person, files=True)
        first = ask()
        second = ask("team", alice.team)
        Relabelling.objects.filter(pk=first.pk).update(claimed_by="another worker")
        assert work() is None
        relabelling.work(second.pk, "worker")
        second.refresh_from_db()
        assert (second.status, second.unchanged) == (Status.WORKING, 0)

    def test_a_worker_that_is_told_to_stop_stops_after_an_image(self, alice, ask):
        make_finished_run(alice, images=3, files=True)
        order = ask()
        relabelling.work(order.pk, "worker", is_closed=lambda: True)
        order.refresh_from_db()
        assert (order.unchanged, order.status, order.claimed_by) == (1, Status.WORKING, "")


class TestTrouble:
    def test_a_lost_or_changed_original_is_left_out_and_listed(self, alice, ask, other_label):
        lost, changed, _fine = make_finished_run(alice, images=3, files=True).images.order_by("pk")
        storage.remove(lost.original_name)
        Path(storage.originals().path(changed.original_name)).write_bytes(b"another picture")
        other_label()
        order = ask()
        work()
        order.refresh_from_db()
        assert (order.status, order.done, order.left_out) == (Status.DONE, 1, 2)
        why = {str(lost.uuid): "original_lost", str(changed.uuid): "original_changed"}
        assert dict(order.left) == why
        assert left_out() == why
        assert Notice.objects.get(kind=FILE_DAMAGED.name).cause == changed.original_name
        assert stored(lost) == names(lost)

    def test_storage_that_is_away_is_waited_for_and_somebody_is_told(
        self, image, ask, other_label, monkeypatch
    ):
        other_label()
        order = ask()
        with monkeypatch.context() as patched:
            patched.setattr(storage, "save_rendition", away)
            assert work().trouble == "storage_away"
            for _try in range(relabelling.MOST_TRIES):
                wake()
                work()
        order.refresh_from_db()
        assert (order.status, order.done) == (Status.STOPPED, 0)
        assert "can't be reached" in standing.why_late()
        facts = Record.objects.get(event=Event.RELABELLING_STOPPED).facts
        assert facts["why"] == "storage_away"
        assert asking.resume(order, actor=image.run.user)
        assert work().status == Status.DONE
        assert stored(image) == names(image)

    def test_old_files_that_cannot_be_deleted_now_are_deleted_later(
        self, image, ask, other_label, monkeypatch
    ):
        other_label()
        order = ask()
        with monkeypatch.context() as patched:
            patched.setattr(storage, "erase", away)
            work()
        order.refresh_from_db()
        assert (order.status, order.done) == (Status.WORKING, 1)
        assert stored(image) > names(image)
        wake()
        assert work().status == Status.DONE
        assert stored(image) == names(image)

    def test_an_image_that_is_erased_meanwhile_gets_no_file(
        self, image, ask, other_label, monkeypatch
    ):
        other_label()
        ask()
        make_files = renditions.make_files

        def erased_meanwhile(row, original):
            type(row).objects.filter(pk=row.pk).update(erased_at=row.created_at)
            storage.erase_unnamed(row.uuid)
            return make_files(row, original)

        monkeypatch.setattr(renditions, "make_files", erased_meanwhile)
        assert work().status == Status.DONE
        assert stored(image) == set()
        assert not Record.objects.filter(event=Event.IMAGE_RELABELLED).exists()

    def test_an_order_that_is_stopped_ends_after_the_image_in_hand(
        self, alice, superuser, ask, other_label, monkeypatch
    ):
        image, _other = make_finished_run(alice, images=2, files=True).images.order_by("pk")
        other_label()
        order = ask()
        make_files = renditions.make_files

        def stopped_meanwhile(row, original):
            asking.stop(order, actor=superuser)
            return make_files(row, original)

        monkeypatch.setattr(renditions, "make_files", stopped_meanwhile)
        work_on = relabelling.work
        work_on(order.pk, "worker")
        order.refresh_from_db()
        assert (order.status, order.claimed_by, order.done) == (Status.STOPPED, "", 0)
        monkeypatch.setattr(renditions, "make_files", make_files)
        assert asking.resume(order, actor=superuser)
        assert work().status == Status.DONE
        assert stored(image) == names(image)

    def test_an_image_that_kills_workers_is_left_out(self, image, ask, other_label, monkeypatch):
        order = ask()

        def die(row, original):
            raise Killed

        monkeypatch.setattr(renditions, "make_files", die)
        for _death in range(relabelling.MOST_DEATHS):
            with pytest.raises(Killed):
                relabelling.work(order.pk, "worker")
            recover()
        assert work().left == [[str(image.uuid), "worker_died"]]

    def test_files_of_a_held_image_stay_until_the_hold_is_lifted(
        self, image, ask, other_label, superuser
    ):
        hold = holds.place("image", image, reason="a dispute", actor=superuser)
        old = names(image)
        other_label()
        ask()
        assert work().status == Status.DONE
        assert stored(image) == old | names(image)
        holds.lift(hold, reason="settled", actor=superuser)
        ask()
        work()
        assert stored(image) == names(image)


STEPS = [
    "save_rendition",
    "audit.record",
    "Rendition.save",
    "erase",
    "erase_unnamed",
    "_end",
    "_rest",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_worker_that_dies_at_any_step_is_followed_by_another(
    step, after, alice, ask, other_label, monkeypatch
):
    images = make_finished_run(alice, images=2, files=True).images.order_by("pk")
    other_label()
    order = ask()
    owner = {
        "save_rendition": storage,
        "erase": storage,
        "erase_unnamed": storage,
        "audit.record": relabelling.audit,
        "Rendition.save": Rendition,
    }.get(step, relabelling)
    name = step.rpartition(".")[2]
    if step == "_rest":
        monkeypatch.setattr(relabelling, "SPELL_SECONDS", 0)
    real = getattr(owner, name)

    def die(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, die)
        with pytest.raises(Killed):
            relabelling.work(order.pk, "dead worker")
    recover()
    for _spell in range(3):
        wake()
        if Relabelling.objects.unfinished().exists():
            work("the next worker")
    order.refresh_from_db()
    assert (order.status, order.done, order.unchanged) == (Status.DONE, 2, 0)
    for image in images:
        assert stored(image) == names(image)
        assert FormerRendition.objects.filter(image=image).count() == 3
    assert Record.objects.filter(event=Event.IMAGE_RELABELLED).count() == 2
    assert Record.objects.filter(event=Event.RELABELLING_FINISHED).count() == 1


class Killed(BaseException):
    """The worker is dead."""


def away(*_args, **_kwargs):
    raise storage.StorageAway("no answer")
