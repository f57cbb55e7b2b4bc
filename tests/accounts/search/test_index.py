"""An index of words in the database: newest first, and only for the team that may find the row."""

import pytest

from accounts.search import IndexedRow, read_query
from accounts.search.index import FIRST_BATCH
from accounts.search.stretches import STRETCH_BITS
from generations.models.prompt_index import PROMPTS as INDEX

pytestmark = pytest.mark.django_db

OURS, THEIRS = 7, 77
STRETCH = 1 << STRETCH_BITS


def put(row, text, *, teams=(OURS,), labels=()):
    INDEX.put([IndexedRow(row=row, teams=teams, text=text, labels=labels)])


def found(text, *, team=OURS, limit=10, **options):
    return INDEX.newest(read_query(text), team=team, limit=limit, **options)


@pytest.fixture
def _three():
    put(1, "a red fox in the snow")
    put(2, "red foxes")
    put(3, "红色的狐狸, Straße")


@pytest.mark.usefixtures("_three")
class TestWords:
    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("red", [2, 1]),
            ("red fox", [2, 1]),
            ("fox red", [1]),  # Only the last word is a beginning.
            ("fo", [2, 1]),
            ("f", []),  # One letter is no beginning.
            ("a", [1]),
            ("ox", []),
            ("red wolf", []),
            ("snow red fox", [1]),
            ("strasse", [3]),
            ("STRAß", [3]),
            ("狐狸", [3]),
            ("狐", [3]),
            ("红狐", []),
            ("狐狸 str", [3]),
        ],
    )
    def test_all_must_be_there(self, text, rows):
        assert found(text) == rows

    @pytest.mark.parametrize(
        "text",
        ['"', '""', "'", "' OR 1", "fox'", "*", "-fox", "^", "NOT", "NEAR(a b)", "a AND", "(",
         "{x}:y", "tokens:x", ":u1", "7.fox", "~", "%", "\\", "&|!<->:*", "\0", "\ud800", "🦊",
         "\u0301", "x" * 10_000, "a " * 10_000, "狐" * 10_000],
    )  # fmt: skip
    def test_any_text_is_a_query(self, text):
        assert set(found(text)) <= {1, 2, 3}

    def test_of_another_team_nothing_is_found(self):
        assert found("fox", team=THEIRS) == []
        put(4, "their fox", teams=[THEIRS])
        put(5, "everybody's fox", teams=[OURS, THEIRS])
        assert found("fox", team=THEIRS) == [5, 4]
        assert found("fox", team=OURS) == [5, 2, 1]

    def test_without_words_and_keys_nothing_is_found(self):
        assert found("") == []


class TestOrder:
    def test_newest_first_over_the_whole_range_of_keys(self):
        rows = [1, 2, STRETCH - 1, STRETCH, 3 * STRETCH + 5, 3 * STRETCH + 6, 9 * STRETCH]
        for row in rows:
            put(row, "fox")
        newest = rows[::-1]
        assert found("fox") == newest
        assert found("fox", limit=3) == newest[:3]
        for number, row in enumerate(newest):
            assert found("fox", before=row) == newest[number + 1 :]
        assert found("fox", before=2**62) == newest

    def test_batches_give_each_row_once(self):
        count = 3 * FIRST_BATCH + 5
        INDEX.put(IndexedRow(row=row, teams=[OURS], text="fox") for row in range(1, count + 1))
        batches = list(INDEX.batches(read_query("fox"), team=OURS))
        assert [row for batch in batches for row in batch] == list(range(count, 0, -1))
        assert len(batches[0]) == FIRST_BATCH


class TestKeys:
    def test_keys_narrow_a_search_and_are_no_words(self):
        put(1, "fox", labels=["u12"])
        put(2, "fox", labels=["u1"])
        put(3, "u12")
        assert found("", labels=["u12"]) == [1]
        assert found("fo", labels=["u1"]) == [2]
        assert found("u12") == [3]


class TestChange:
    def test_a_row_is_put_anew_and_removed(self):
        put(1, "fox")
        put(1, "wolf")
        assert (found("fox"), found("wolf")) == ([], [1])
        INDEX.remove([1])
        INDEX.remove([])
        assert found("wolf") == []

    def test_names_the_rows_that_it_lacks(self):
        put(1, "fox")
        put(2, "")
        assert INDEX.lacking([1, 2, 3]) == {3}
        assert INDEX.lacking([]) == set()

    def test_the_longest_text_can_be_indexed(self):
        text = " ".join(chr(0x10400 + number) * 64 for number in range(40)) + " x" * 1000
        text += " ".join(f"{number:064}" for number in range(2000))
        put(1, text)
        assert found(chr(0x10428) * 64) == [1]
