"""Notices on their way to the outlet: sent once, signed, tried again, given up, told."""

import hashlib
import hmac
import logging
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import notices, outlets
from accounts.events import Event
from accounts.models import Notice, Posting, Record
from accounts.notices import kinds
from generations import postings
from generations.models import Generation
from generations.postings import sending
from generations.providers import posting as outside
from generations.readiness.watch import Watch
from tests.factories import make_outlet
from tests.generations.factories import make_generation, make_run

pytestmark = pytest.mark.django_db

FULL = kinds.Kind("test:full", "Full", "Shelf %(name)s is full", "Sell <something> & rest.")


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    monkeypatch.setattr(kinds, "_kinds", {**kinds._kinds, FULL.name: FULL})


def raise_full(cause="1", name="A"):
    return notices.raise_notice(FULL, cause=cause, facts={"name": name})


def due_now(**values):
    """All postings are due now."""
    Posting.objects.update(next_try_at=timezone.now() - timedelta(seconds=1), **values)


def fails_until_given_up():
    raise_full()
    for _try in range(sending.MOST_TRIES):
        due_now()
        postings.send_due()
    return Posting.objects.get()


def open_kinds():
    return set(Notice.objects.filter(ended_at__isnull=True).values_list("kind", flat=True))


class TestQueue:
    def test_a_notice_and_its_posting_are_written_together(self, outlet):
        with transaction.atomic():
            raise_full()
            transaction.set_rollback(True)
        assert not Posting.objects.exists()
        raise_full()
        raise_full()
        assert Posting.objects.get().notice.kind == FULL.name

    def test_nothing_is_queued_without_an_outlet_or_while_it_is_off(self, receiver):
        raise_full("1")
        make_outlet("https://hooks.example.com/", is_on=False)
        raise_full("2")
        assert not Posting.objects.exists()

    def test_a_kind_that_is_left_out_is_not_queued(self, outlet):
        outlet.left_out = [FULL.name]
        outlet.save()
        raise_full()
        assert not Posting.objects.exists()

    def test_ended_postings_are_deleted_after_a_while(self, outlet, monkeypatch):
        for cause in "123":
            raise_full(cause)
        first, second, third = Posting.objects.order_by("pk").values_list("pk", flat=True)
        Posting.objects.filter(pk=first).update(
            state="sent", ended_at=timezone.now() - timedelta(days=31)
        )
        Posting.objects.filter(pk=second).update(state="sent", ended_at=timezone.now())
        outlets.prune()
        assert set(Posting.objects.values_list("pk", flat=True)) == {second, third}


class TestSending:
    def test_text_for_chats_with_its_parts(self, outlet, receiver, settings):
        settings.PUBLIC_URL = "https://studio.example"
        raise_full(name="<!channel>")
        assert postings.send_due() == 1
        [told] = receiver.texts
        assert told["text"] == (
            "*Shelf &lt;!channel&gt; is full*\nSell &lt;something&gt; &amp; rest.\n"
            "https://studio.example/notices/"
        )
        assert (told["kind"], told["cause"], told["page"]) == (
            "test:full",
            "1",
            "https://studio.example/notices/",
        )
        assert postings.send_due() == 0

    def test_a_card_for_teams(self, outlet, receiver):
        outlet.format = "card"
        outlet.save()
        raise_full()
        postings.send_due()
        [card] = receiver.texts[0]["attachments"]
        assert card["content"]["body"][0]["text"] == "Shelf A is full"

    def test_the_signature_is_that_of_the_documents(self, outlet, receiver):
        raise_full()
        postings.send_due()
        [(headers, body)] = receiver.posts
        signed = headers["X-Studio-Timestamp"].encode() + b"." + body
        right = hmac.new(b"a shared secret of the test", signed, hashlib.sha256).hexdigest()
        assert headers["X-Studio-Signature"] == f"v1={right}"
        assert headers["X-Studio-Posting"] == str(Posting.objects.get().uuid)

    def test_it_is_on_the_record_without_the_address(self, outlet, receiver):
        raise_full()
        postings.send_due()
        record = Record.objects.get(event=Event.NOTICE_POSTED)
        assert record.facts["tries"] == 1
        assert "very-secret" not in str(record.facts)

    def test_a_claimed_posting_is_not_sent_by_another_worker(self, outlet, receiver):
        raise_full()
        seen = Posting.objects.get()
        assert sending._arrives(outlet, seen)
        seen.tries = 0
        assert not sending._arrives(outlet, seen)
        assert len(receiver.posts) == 1

    def test_no_prompt_is_in_any_message(self, outlet, receiver, alice):
        run = make_run(alice, prompt="a very private fox")
        generation = make_generation(run, "unknown")
        long_ago = timezone.now() - timedelta(hours=2)
        Generation.objects.filter(pk=generation.pk).update(unknown_at=long_ago)
        eye = Watch()
        eye.look_at(0)
        eye.look_at(60)
        while postings.send_due():
            pass
        assert receiver.posts
        assert b"fox" not in b"".join(body for _headers, body in receiver.posts)


class TestFailing:
    def test_it_is_tried_again_ever_later_and_then_given_up_and_told(self, outlet, receiver):
        receiver.status = 500
        raise_full()
        pauses = []
        for _try in range(sending.MOST_TRIES - 1):
            due_now()
            before = timezone.now()
            postings.send_due()
            pauses.append(round((Posting.objects.get().next_try_at - before).total_seconds()))
        assert pauses == [30, 60, 120, 240, 480, 960, 1920]
        assert "outlet:fails" not in open_kinds()
        due_now()
        postings.send_due()
        given_up = Posting.objects.get()
        assert (given_up.state, given_up.trouble) == ("given_up", "failed")
        assert "outlet:fails" in open_kinds()
        assert Record.objects.filter(event=Event.NOTICE_NOT_POSTED).count() == 1
        assert len(receiver.posts) == sending.MOST_TRIES

    def test_the_notice_about_failure_ends_when_something_arrives(self, outlet, receiver):
        receiver.status = 500
        fails_until_given_up()
        receiver.status = 200
        raise_full("2")
        postings.send_due()
        assert "outlet:fails" not in open_kinds()

    def test_what_was_given_up_can_be_sent_again_once(self, outlet, receiver, admin):
        receiver.status = 500
        posting = fails_until_given_up()
        receiver.status = 200
        assert postings.send_again(posting, actor=admin)
        assert not postings.send_again(posting, actor=admin)
        postings.send_due()
        assert Posting.objects.get().state == "sent"

    def test_the_other_side_may_ask_for_patience_within_bounds(self, outlet, receiver):
        receiver.status, receiver.headers = 429, {"Retry-After": "999999"}
        raise_full()
        postings.send_due()
        wait = Posting.objects.get().next_try_at - timezone.now()
        assert timedelta(minutes=59) < wait <= timedelta(hours=1)

    def test_after_one_failure_the_others_wait_for_the_next_round(self, outlet, receiver):
        receiver.status = 500
        for cause in "123":
            raise_full(cause)
        postings.send_due()
        assert len(receiver.posts) == 1

    def test_what_is_older_than_a_day_is_given_up_without_a_try(self, outlet, receiver):
        raise_full()
        due_now(made_at=timezone.now() - timedelta(days=2))
        postings.send_due()
        assert Posting.objects.get().state == "given_up"
        assert receiver.posts == []

    def test_a_changed_secret_key_is_told_in_words(self, outlet, receiver, settings):
        raise_full()
        settings.SECRET_KEY = "another key of the studio, long enough to be one"
        postings.send_due()
        assert postings.in_words(Posting.objects.get().trouble).startswith("SECRET_KEY has changed")

    def test_the_watch_tells_when_nothing_is_sent(self, outlet):
        raise_full()
        assert not postings.is_late()
        Posting.objects.update(next_try_at=timezone.now() - timedelta(minutes=16))
        assert postings.is_late()
        outlet.is_on = False
        outlet.save()
        assert not postings.is_late()


class TestGuard:
    """What `fetching` refuses is refused here too: `test_fetching` has the addresses."""

    def post(self, url, **more):
        return outside.post(url, b"{}", headers={}, timeout=5.0, **more).trouble

    def test_a_private_address(self, receiver):
        assert self.post("https://127.0.0.1/hook") == "private"

    def test_a_name_that_resolves_to_a_private_address(self):
        def resolver(host, port, **_more):
            return [(0, 0, 0, "", ("10.0.0.1", port))]

        assert self.post("https://hooks.example.com/", resolver=resolver) == "private"

    @pytest.mark.parametrize("url", ["http://example.com/", "ftp://example.com/", "nothing", ""])
    def test_no_https_address(self, url):
        assert self.post(url) == "address"

    @pytest.mark.parametrize(
        ("status", "trouble"),
        [(200, None), (204, None), (302, "redirect"), (404, "gone"), (400, "refused")],
    )
    def test_what_an_answer_means(self, receiver, status, trouble):
        receiver.status, receiver.headers = status, {"Location": "http://127.0.0.1:1/"}
        hosts = [receiver.host]
        assert self.post(f"http://{receiver.host}/", private_hosts=hosts) == trouble

    def test_nobody_listens(self, receiver):
        hosts = ["127.0.0.1:1"]
        assert self.post("http://127.0.0.1:1/", private_hosts=hosts) == "unreached"

    def test_the_address_is_in_no_log(self, outlet, receiver, caplog):
        receiver.status = 500
        with caplog.at_level(logging.DEBUG):
            fails_until_given_up()
        assert "very-secret" not in caplog.text
