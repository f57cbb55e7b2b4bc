"""What goes on record of each request and answer: the body as sent, pictures by their hash."""

import base64
import hashlib
import json

import pytest

from accounts.events import Event
from accounts.models import Record, RecordPayload
from generations.jobs.execution import told
from generations.jobs.worker import work_here
from generations.models import Generation, Run
from generations.providers.answers import Answer
from generations.providers.types import Payload
from tests.emulator import troubles
from tests.generations.asking import APIXO, DEMO, ask, upload
from tests.generations.factories import image_file

SMALL = b"\xff\xd8\xff" + bytes(range(200))
DIGEST = hashlib.sha256(SMALL).hexdigest()


@pytest.mark.parametrize("start", ["", "data:image/jpeg;base64,", r"data:image\/jpeg;base64,"])
def test_a_picture_in_a_body_is_replaced_by_its_hash_and_length(start):
    letters = base64.b64encode(SMALL).decode()
    if "\\" in start:
        letters = letters.replace("/", "\\/")
    text = told.without_pictures(f'{{"prompt": "a  fox", "image": ["{start}{letters}"]}}')
    assert text.startswith('{"prompt": "a  fox", ')
    assert json.loads(text)["image"] == [{"sha256": DIGEST, "bytes": len(SMALL)}]


@pytest.mark.parametrize("text", ["f" * 400, "x" * 401, "a fox " * 100, "ü" * 100])
def test_long_text_that_is_no_picture_stays(text):
    body = json.dumps({"prompt": text})
    assert told.without_pictures(body) == body


def test_a_stream_loses_its_pictures_line_by_line():
    line = f'data: {{"b64_json":"{base64.b64encode(SMALL).decode()}"}}\n\n'
    text = told.text_of_answer(Answer(200, {}, (line * 2).encode()))["answer_body"]
    assert text.count(DIGEST) == 2
    assert len(text) < 300


def test_a_body_that_is_no_text_is_kept_as_far_as_a_database_can_keep_it():
    kept = told.text_of_answer(Answer(502, {}, b"\x00\xff<html>"))
    assert kept["answer_body"] == "\N{REPLACEMENT CHARACTER}" * 2 + "<html>"
    assert kept["answer_body_sha256"] == hashlib.sha256(b"\x00\xff<html>").hexdigest()


def test_a_long_body_is_cut_and_says_so():
    kept = told.text_of_request(Payload("/x", b"x" * 200_000))
    assert (len(kept["body"]), kept["body_bytes"], kept["body_cut"]) == (100_000, 200_000, True)


def test_only_headers_that_matter_are_kept():
    answer = Answer(429, {"retry-after": "3", "set-cookie": "secret"}, b"")
    assert told.facts_of_answer(answer)["headers"] == {"retry-after": "3"}


def records(run):
    found = Record.objects.filter(story=run.uuid).select_related("payload").order_by("at", "pk")
    return {record.event: record for record in found}


def made(user, engine=APIXO, **more):
    run = ask(user, engine, 1, **more)
    work_here(lambda: not type(run).objects.filter(pk=run.pk, status="pending").exists())
    return records(run)


@pytest.mark.django_db(transaction=True)
class TestOnRecord:
    def test_the_request_as_sent_and_the_answers_that_moved_something(self, alice, apixo):
        found = made(alice, prompt="a very red fox")
        generation = Generation.objects.select_related("account").get()
        sent = found[Event.GENERATION_REQUESTED]
        assert sent.pk < found[Event.GENERATION_RUNNING].pk
        assert sent.facts["endpoint"].startswith("http://")
        assert (sent.facts["slot"], sent.facts["key"]) == (1, generation.account.key_fingerprint)
        assert sent.facts["seed"] is None
        body = sent.payload.data["body"].encode()
        assert b"a very red fox" in body
        assert hashlib.sha256(body).hexdigest() == sent.payload.data["body_sha256"]
        accepted = found[Event.GENERATION_RUNNING]
        assert accepted.facts["status"] == 200
        assert generation.task_id in accepted.payload.data["answer_body"]
        ended = found[Event.GENERATION_STORING]
        assert (ended.facts["cost_usd"], ended.facts["cost_told"]) == ("0.03500", False)
        assert "success" in ended.payload.data["answer_body"]
        assert ended.facts["polls"] == generation.polls

    def test_a_refusal_with_the_providers_words(self, alice, apixo):
        apixo.script("apixo", "submit", troubles.status(400))
        refused = made(alice)[Event.GENERATION_FAILED]
        assert refused.facts["status"] == 400
        assert refused.payload.data["answer_body"]

    def test_no_key_and_no_prompt_is_in_what_every_reader_sees(self, alice, apixo, settings):
        made(alice, prompt="a very red fox")
        keys = settings.PROVIDERS["apixo"]["keys"].values()
        facts = json.dumps(list(Record.objects.values_list("facts", flat=True)))
        texts = json.dumps(list(RecordPayload.objects.values_list("data", flat=True)))
        assert "red fox" not in facts
        assert keys
        assert not [key for key in keys if key in facts + texts]

    def test_references_are_named_by_hash_in_their_order(self, alice):
        found = made(alice, DEMO, references=[upload(image_file((side, 64))) for side in (64, 96)])
        references = Run.objects.get().run_references.order_by("position")
        hashes = list(references.values_list("reference__sha256", flat=True))
        assert len(set(hashes)) == 2
        assert found[Event.GENERATION_REQUESTED].facts["references"] == hashes
