"""The page of exports: who sees what, how one is asked for, watched, downloaded and resumed."""

import httpx
import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from accounts.events import Event
from accounts.models import Notice, Record
from generations.models import Export
from generations.notice_kinds import FILE_DAMAGED
from tests.factories import make_user
from tests.queries import queries_of
from tests.records import write

pytestmark = pytest.mark.django_db

PAGE = "/log/exports/"
State = Export.State


@pytest.fixture
def tab(reviewer, sign_in):
    return sign_in(reviewer)


@pytest.fixture
def ready(alice, reviewer, ask, make):
    write(Event.USER_SIGNED_OUT, actor=alice, subject=alice)
    return make(ask(reviewer, "jsonl"))


@pytest.fixture
def address(ready):
    return reverse("export-download", args=[ready.uuid])


@pytest.fixture
def whole(tab, address):
    return tab.get(address).getvalue()


class TestThePage:
    def test_the_log_offers_to_export_what_its_filters_show(self, tab, alice):
        asked = f"q=fox&person={alice.uuid}"
        page = tab.get(f"{reverse('log')}?{asked}").content.decode()
        assert f"{PAGE}?{escape(asked)}" in page
        page = tab.get(f"{PAGE}?{asked}").content.decode()
        assert "<strong>Words: fox, Person: Alice Adams</strong>" in page

    def test_pressing_the_button_asks_for_it(self, tab, alice, reviewer, make):
        answer = tab.post(PAGE, {"format": "csv", "query": f"person={alice.uuid}"})
        assert (answer.status_code, answer["Location"]) == (303, PAGE)
        export = Export.objects.get()
        assert (export.user, export.format) == (reviewer, "csv")
        assert export.options["filters"] == {"person": str(alice.uuid)}
        assert "A worker begins soon." in tab.get(PAGE).content.decode()

    @pytest.mark.parametrize(
        "given", [{}, {"format": "exe"}, {"format": "zip", "query": "event=no"}]
    )
    def test_what_can_not_be_asked_for_is_told_and_changes_nothing(self, tab, given):
        answer = tab.post(PAGE, given)
        assert answer.status_code == 422
        assert "Please correct the following" in answer.content.decode()
        assert not Export.objects.exists()

    def test_too_many_are_refused_with_what_to_do(self, tab, reviewer, ask):
        for _ in range(3):
            ask(reviewer)
        answer = tab.post(PAGE, {"format": "zip"})
        assert answer.status_code == 422
        assert "3 of your exports are not ready yet." in answer.content.decode()

    def test_it_is_polled_while_one_is_not_ready_and_only_then(self, tab, reviewer, ask, make):
        export = ask(reviewer)
        partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
        answer = tab.get(PAGE, headers=partial)
        assert 'hx-trigger="every 2s"' in answer.content.decode()
        again = tab.get(PAGE, headers=partial | {"HX-PTag": answer["HX-PTag"]})
        assert again.status_code == 304
        make(export)
        after = tab.get(PAGE, headers=partial | {"HX-PTag": answer["HX-PTag"]})
        assert after.status_code == 200
        assert "hx-" not in after.content.decode()

    def test_it_shows_how_far_a_worker_has_come(self, tab, reviewer, ask):
        export = ask(reviewer)
        Export.objects.filter(pk=export.pk).update(state=State.MAKING, done=1200, total=4000)
        page = tab.get(PAGE).content.decode()
        assert "1,200 of 4,000" in page
        assert '<progress max="4000" value="1200"' in page

    def test_the_number_of_queries_does_not_grow_with_the_exports(self, tab, reviewer, ask):
        ask(reviewer)
        few = queries_of(lambda: tab.get(PAGE))
        for _ in range(25):
            export = ask(reviewer)
            Export.objects.filter(pk=export.pk).update(state=State.EXPIRED)
        assert queries_of(lambda: tab.get(PAGE)) == few
        assert tab.get(PAGE).content.decode().count("<article") == 20

    def test_a_team_mate_sees_and_gets_nothing_of_it(self, reviewer, ready, address, sign_in):
        mate = sign_in(make_user(team=reviewer.team, groups=["reviewers"]))
        assert str(ready.uuid) not in mate.get(PAGE).content.decode()
        assert mate.get(address).status_code == 404
        assert mate.post(reverse("export-delete", args=[ready.uuid])).status_code == 404

    def test_deleting_it_ends_its_link(self, tab, ready, address):
        assert tab.post(reverse("export-delete", args=[ready.uuid])).status_code == 303
        assert tab.get(address).status_code == 404


class TestDownload:
    def test_the_file_is_saved_and_on_the_record(self, tab, ready, address, reviewer):
        answer = tab.get(address)
        data = answer.getvalue()
        assert (answer.status_code, len(data)) == (200, ready.bytes)
        assert answer["Content-Length"] == str(ready.bytes)
        assert answer["Accept-Ranges"] == "bytes"
        assert answer["ETag"] == f'"{ready.sha256}"'
        assert answer["Content-Disposition"].startswith('attachment; filename="log-')
        assert answer["Cache-Control"] == "no-store, private"
        record = Record.objects.get(event=Event.EXPORT_DOWNLOADED)
        assert (record.actor, record.facts["sha256"]) == (reviewer, ready.sha256)

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-9", 0, 9),
            ("bytes=10-", 10, -1),
            ("bytes=-7", -7, -1),
            ("bytes=5-999999", 5, -1),
        ],
    )
    def test_a_part_of_it(self, tab, ready, address, whole, asked, first, last):
        answer = tab.get(address, headers={"Range": asked})
        first, last = (end % ready.bytes for end in (first, last))
        assert answer.status_code == 206
        assert answer.getvalue() == whole[first : last + 1]
        assert answer["Content-Range"] == f"bytes {first}-{last}/{ready.bytes}"
        assert answer["Content-Length"] == str(last + 1 - first)

    @pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=-0"])
    def test_bytes_that_it_does_not_have(self, tab, ready, address, asked):
        answer = tab.get(address, headers={"Range": asked})
        assert answer.status_code == 416
        assert answer["Content-Range"] == f"bytes */{ready.bytes}"

    @pytest.mark.parametrize(
        "asked", ["bytes=9-1", "bytes=0-1,5-6", "lines=0-1", "bytes=-", "bytes=²-", "x" * 5000]
    )
    def test_what_is_no_single_range_gives_the_whole_file(self, tab, address, whole, asked):
        answer = tab.get(address, headers={"Range": asked.encode().decode("latin-1")})
        assert (answer.status_code, answer.getvalue()) == (200, whole)

    def test_a_range_of_another_file_gives_the_whole_of_this_one(self, tab, ready, address, whole):
        part = {"Range": "bytes=5-"}
        answer = tab.get(address, headers=part | {"If-Range": '"another"'})
        assert (answer.status_code, answer.getvalue()) == (200, whole)
        answer = tab.get(address, headers=part | {"If-Range": f'"{ready.sha256}"'})
        assert (answer.status_code, answer.getvalue()) == (206, whole[5:])

    def test_resuming_is_one_download_on_the_record(self, tab, ready, address, whole):
        for start in (3, 9):
            tab.get(address, headers={"Range": f"bytes={start}-"}).getvalue()
        assert Record.objects.filter(event=Event.EXPORT_DOWNLOADED).count() == 1

    def test_a_download_that_begins_late_is_on_the_record_too(self, tab, ready, address):
        tab.get(address, headers={"Range": "bytes=1-"}).getvalue()
        assert Record.objects.get(event=Event.EXPORT_DOWNLOADED).facts["from_byte"] == 1

    def test_head_tells_the_size_and_records_nothing(self, tab, ready, address):
        answer = tab.head(address)
        assert answer["Content-Length"] == str(ready.bytes)
        assert not Record.objects.filter(event=Event.EXPORT_DOWNLOADED).exists()

    def test_an_expired_link_is_dead_before_the_file_is_deleted(self, tab, ready, address):
        Export.objects.update(expires_at=timezone.now())
        assert tab.get(address).status_code == 404

    def test_a_file_that_is_gone_is_not_found_and_not_recorded(self, tab, address, own_files):
        [path.unlink() for path in own_files.rglob("*.jsonl")]
        assert tab.get(address).status_code == 404
        assert not Record.objects.filter(event=Event.EXPORT_DOWNLOADED).exists()


class TestBucket:
    @pytest.fixture
    def own_files(self, settings, tmp_path):
        settings.DATA_DIR = tmp_path / "data"
        return settings.DATA_DIR

    def test_browsers_get_a_link_that_can_be_resumed(self, bucket, reviewer, ask, make, tab):
        write(Event.USER_SIGNED_OUT, actor=reviewer, subject=reviewer)
        export = make(ask(reviewer, "jsonl"))
        assert bucket.names() == {f"originals/exports/{export.uuid}.jsonl"}
        answer = tab.get(reverse("export-download", args=[export.uuid]))
        assert answer.status_code == 302
        whole = httpx.get(answer["Location"])
        part = httpx.get(answer["Location"], headers={"Range": "bytes=5-9"})
        assert (len(whole.content), part.status_code) == (export.bytes, 206)
        assert part.content == whole.content[5:10]
        assert Record.objects.filter(event=Event.EXPORT_DOWNLOADED).count() == 1

    def test_without_links_the_studio_sends_parts_of_it(self, bucket, reviewer, ask, make, tab):
        bucket.use("&browsers=no")
        write(Event.USER_SIGNED_OUT, actor=reviewer, subject=reviewer)
        export = make(ask(reviewer, "jsonl"))
        address = reverse("export-download", args=[export.uuid])
        whole = tab.get(address).getvalue()
        assert len(whole) == export.bytes
        assert tab.get(address, headers={"Range": "bytes=7-"}).getvalue() == whole[7:]

    def test_a_file_that_has_changed_is_not_sent_and_admins_are_told(
        self, bucket, reviewer, ask, make, tab
    ):
        write(Event.USER_SIGNED_OUT, actor=reviewer, subject=reviewer)
        export = make(ask(reviewer, "jsonl"))
        bucket.put(f"originals/exports/{export.uuid}.jsonl", b"{}", ChecksumAlgorithm="SHA256")
        assert tab.get(reverse("export-download", args=[export.uuid])).status_code == 500
        assert Notice.objects.filter(kind=FILE_DAMAGED.name).exists()
        assert not Record.objects.filter(event=Event.EXPORT_DOWNLOADED).exists()

    def test_a_bucket_that_is_away_keeps_the_export_waiting(
        self, bucket, reviewer, ask, make, tab, s3_server
    ):
        write(Event.USER_SIGNED_OUT, actor=reviewer, subject=reviewer)
        export = ask(reviewer, "jsonl")
        with s3_server.refusing("ServiceUnavailable"), pytest.raises(Exception, match="Service"):
            make(export)
        export.refresh_from_db()
        assert export.state == State.WAITING
        Export.objects.update(next_action_at=timezone.now())
        assert make(export).state == State.READY
