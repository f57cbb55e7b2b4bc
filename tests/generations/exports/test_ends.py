"""Asking within limits; deleting, expiring, and what is on the record."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import storage
from generations.exports import asking, ends
from generations.models import Export
from tests.factories import make_team, make_user
from tests.records import write

pytestmark = pytest.mark.django_db

State = Export.State


@pytest.fixture
def ready(alice, reviewer, ask, make):
    write(Event.USER_SIGNED_OUT, actor=alice, subject=alice)
    return make(ask(reviewer))


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_asking_is_on_the_record_with_the_filters_as_personal_text(reviewer, ask):
    ask(reviewer, filters={"q": "red fox"}, asked={})
    record = Record.objects.get(event=Event.EXPORT_ASKED)
    assert record.facts == {"kind": "log", "format": "zip", "filtered": True}
    assert record.payload.data == {"filters": {"q": "red fox"}}


def test_a_person_can_have_so_many_that_are_not_ready(reviewer, ask):
    for _ in range(asking.MOST_OPEN):
        ask(reviewer)
    with pytest.raises(asking.ExportRefused, match="Wait for one, or delete one"):
        ask(reviewer)
    ends.delete(Export.objects.first(), actor=reviewer)
    ask(reviewer)


def test_a_person_can_keep_so_many(reviewer, ask, monkeypatch):
    monkeypatch.setattr(asking, "MOST_KEPT", 2)
    for _ in range(2):
        export = ask(reviewer)
        Export.objects.filter(pk=export.pk).update(state=State.READY)
    with pytest.raises(asking.ExportRefused, match="You have 2 exports"):
        ask(reviewer)


def test_after_its_days_the_file_is_deleted_once_and_on_the_record(ready, own_files, settings):
    assert ready.expires_at - ready.made_at == timedelta(days=settings.EXPORT_DAYS)
    assert (ends.tidy(), len(files(own_files))) == (0, 1)
    Export.objects.update(expires_at=timezone.now())
    assert (ends.tidy(), files(own_files)) == (1, [])
    assert ends.tidy() == 0
    assert Record.objects.get(event=Event.EXPORT_EXPIRED).facts == {"sha256": ready.sha256}


def test_a_file_that_storage_can_not_delete_now_is_deleted_later(
    ready, reviewer, own_files, monkeypatch
):
    def away(name):
        raise storage.StorageAway("full")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "remove", away)
        assert ends.delete(ready, actor=reviewer)
    ends.tidy()
    assert files(own_files) == []
    assert not Export.objects.get().is_stored


def test_rows_are_forgotten_after_a_month_but_not_before_their_files(ready, reviewer):
    ends.delete(ready, actor=reviewer)
    Export.objects.update(created_at=timezone.now() - 2 * ends.KEPT, is_stored=True)
    ends.tidy()
    assert not Export.objects.exists()


def test_after_an_erasure_nothing_that_may_hold_the_text_is_left(ready, reviewer, ask, own_files):
    ask(reviewer, filters={"q": "red fox"}, asked={}, words=["red fox"])
    assert ends.withdraw_all() == 2
    assert files(own_files) == []
    assert {export.state for export in Export.objects.all()} == {State.DELETED}
    assert not Export.objects.exclude(options={}).exists()
    whys = [each.facts for each in Record.objects.filter(event=Event.EXPORT_DELETED)]
    assert whys == [{"why": "erasure"}] * 2


def test_an_erasure_is_not_done_as_long_as_a_file_can_not_be_deleted(ready, own_files, monkeypatch):
    def away(name):
        raise storage.StorageAway("full")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "remove", away)
        with pytest.raises(storage.StorageAway):
            ends.withdraw_all()
    ends.withdraw_all()
    assert files(own_files) == []


def test_others_and_who_has_changed_teams_do_not_see_it(ready, reviewer, superuser):
    assert Export.objects.visible_to(reviewer).exists()
    for person in (superuser, make_user(team=reviewer.team)):
        assert not Export.objects.visible_to(person).exists()
    reviewer.team = make_team()
    assert not Export.objects.visible_to(reviewer).exists()


def test_an_export_of_the_whole_log_is_gone_with_the_right(auditor, ask):
    ask(auditor)
    assert Export.objects.visible_to(auditor).exists()
    auditor.groups.clear()
    lesser = type(auditor).objects.get(pk=auditor.pk)
    assert not Export.objects.visible_to(lesser).exists()
