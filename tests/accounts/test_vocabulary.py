"""The closed vocabulary: what a record must hold, what it may not hold, and the page about it."""

import uuid
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import audit
from accounts.audit.vocabulary import TABLE, Kind, Value, label_of, refuse_unfit
from accounts.events import Event
from accounts.models import Record
from tests.records import SAMPLES, facts_of, required, write

PAGE = Path(__file__).parents[2] / "docs" / "log.md"
MISFITS = {
    Kind.TEXT: (1, None, "x" * 2_001),
    Kind.LONG_TEXT: (1, "x" * 200_001),
    Kind.NUMBER: ("1", True, 1.5),
    Kind.AMOUNT: (1, "a", "NaN"),
    Kind.FLAG: (1, "yes"),
    Kind.IDENTIFIER: (uuid.uuid4(), "x", "00000000000000000000000000000001"),
    Kind.HASH: ("ab", "AB" * 32),
    Kind.TEXTS: ("text", [1]),
    Kind.IDENTIFIERS: (["x"],),
    Kind.HASHES: (["x"], ["ab" * 32] * 1_001),
    Kind.TEXT_BY_NAME: ({"name": 1}, []),
    Kind.VALUES_BY_NAME: ([], {1: "x"}),
    Kind.LIST: ({}, ["text"]),
    Kind.RANGES: ([1, 2], [[1, 2]], [[1, "2", ""]], [[1, 2, None]]),
}


def test_every_event_is_declared_with_different_names():
    assert set(TABLE) == set(Event)
    for declared in TABLE.values():
        for values in (declared.facts, declared.personal):
            names = [value.name for value in values]
            assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", Kind)
def test_a_value_of_another_type_does_not_fit(kind):
    value = Value("x", kind, "x")
    assert value.accepts(SAMPLES[kind])
    assert not any(value.accepts(misfit) for misfit in MISFITS[kind])
    assert not value.accepts(None)


@pytest.mark.django_db
class TestRecording:
    def refused(self, alice, words, **values):
        with pytest.raises(ValueError, match=words):
            audit.record(Event.RUN_RETRIED, actor=alice, subject=alice, **values)
        assert not Record.objects.exists()

    def test_refuses_a_fact_that_is_not_declared(self, alice):
        facts = facts_of(Event.RUN_RETRIED, prompt="a red fox")
        self.refused(alice, "declares no fact prompt", facts=facts)

    def test_refuses_a_personal_value_that_is_not_declared(self, alice):
        values = {"facts": facts_of(Event.RUN_RETRIED), "personal": {"prompt": "a red fox"}}
        self.refused(alice, "declares no personal value prompt", **values)

    def test_refuses_a_record_that_lacks_a_fact(self, alice):
        self.refused(alice, "lacks the fact credits", facts={"images": 1})

    def test_refuses_a_value_of_another_type(self, alice):
        facts = facts_of(Event.RUN_RETRIED, images="1")
        self.refused(alice, "the fact images is no number", facts=facts)

    def test_counts_only_what_strangers_can_repeat(self, alice):
        first = write(Event.RUN_RETRIED, actor=alice, subject=alice)
        with pytest.raises(ValueError, match="is not counted"):
            audit.recording.record_more(first, {"more": 1, "seconds": 600})


@pytest.mark.parametrize("event", TABLE)
def test_a_record_of_any_event_that_lacks_a_declared_value_is_refused(event):
    declared = TABLE[event]
    facts, personal = required(declared.facts), required(declared.personal)
    refuse_unfit(event, facts, personal)
    for name in facts:
        with pytest.raises(ValueError, match=f"lacks the fact {name}"):
            refuse_unfit(event, {key: facts[key] for key in facts.keys() - {name}}, personal)
    for name in personal:
        with pytest.raises(ValueError, match=f"lacks the personal value {name}"):
            refuse_unfit(event, facts, {key: personal[key] for key in personal.keys() - {name}})


def test_a_label_stands_for_a_name_that_is_known():
    assert label_of(Event.RUN_RETRIED, "credits") == "Credits"
    assert label_of(Event.RUN_RETRIED, "of_old") == "of_old"
    assert label_of("of:tomorrow", "x") == "x"


def test_the_page_says_what_the_table_says(capsys):
    call_command("describe_log")
    assert PAGE.read_text() == capsys.readouterr().out
