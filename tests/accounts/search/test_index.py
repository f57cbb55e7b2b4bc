"""An index of words in the database: newest first, and only for the team that may find the row."""

import random

import pytest

from accounts.search import IndexedRow, read_query, stretches, tokens_of
from generations.models.prompt_index import PROMPTS as INDEX
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

OURS, THEIRS = 7, 77
STRETCH = 1 << stretches.BITS


def put(row, text, *, teams=(OURS,), labels=()):
    INDEX.put([IndexedRow(row=row, teams=teams, text=text, labels=labels)])


def found(text, *, team=OURS, limit=10, **options):
    return INDEX.newest(read_query(text), team=team, limit=limit, **options).rows


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
        assert found("fox", before=INDEX.end(2**62)) == newest

    def test_since_bounds_a_search_from_below(self):
        rows = [1, STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH]
        for row in rows:
            put(row, "fox")
        for first in range(len(rows)):
            assert found("fox", since=rows[first]) == rows[first:][::-1]
        assert found("fox", since=rows[-1] + 1) == []
        assert found("fox", since=2, before=STRETCH + 1) == [STRETCH, STRETCH - 1]
        assert INDEX.newest(read_query("fox"), team=OURS, since=2, limit=10).rest is None


def test_a_label_is_replaced_and_all_else_stays():
    put(1, "a red fox", teams=[OURS, THEIRS], labels=["sopen", "u1"])
    INDEX.relabel(1, of=["sopen", "sfailed"], to="sdone")
    for team in (OURS, THEIRS):
        assert found("fox", team=team, labels=["sdone", "u1"]) == [1]
        assert found("fox", team=team, labels=["sopen"]) == []
    INDEX.relabel(1, of=["sopen"], to="sfailed")  # it has none of these
    INDEX.relabel(2, of=["sopen"], to="sfailed")  # no such row
    assert found("", labels=["sdone"]) == [1]
    assert found("", labels=["sfailed"]) == []


class TestMatching:
    def test_says_which_of_some_rows_match(self):
        put(1, "a red fox", labels=["u1"])
        put(STRETCH, "red foxes", labels=["u1", "u2"])
        put(STRETCH + 1, "a red wolf", teams=[THEIRS])
        rows = [1, STRETCH, STRETCH + 1, 5]

        def matching(text, **options):
            return INDEX.matching(rows, read_query(text), team=OURS, **options)

        assert matching("red fo") == {1, STRETCH}
        assert matching("fox red") == {1}
        assert matching("red", labels=["u2"]) == {STRETCH}
        assert matching("", labels=["u1"]) == {1, STRETCH}
        assert matching("wolf") == matching("") == set()
        assert INDEX.matching([], read_query("red"), team=OURS) == set()


@pytest.fixture
def _small(monkeypatch):
    """Stretches of four keys, of which a search passes few."""
    monkeypatch.setattr(stretches, "BITS", 2)
    monkeypatch.setattr(stretches, "MOST_PASSED", 8)
    monkeypatch.setattr(stretches, "MOST_READ", 4)
    monkeypatch.setattr(stretches, "READ_AT_ONCE", 2)


def parts(text, *, limit=10, labels=()):
    """Everything that a search finds when it is called again until nothing is left."""
    query, before = read_query(text), None
    while True:
        found = INDEX.newest(query, team=OURS, labels=labels, before=before, limit=limit)
        yield found
        if found.rest is None:
            return
        assert before is None or found.rest < before
        before = found.rest


def rows_of(found):
    return [row for part in found for row in part.rows]


@pytest.mark.usefixtures("_small")
class TestLimits:
    """A stretch has four keys; a search reads four stretches and passes eight."""

    def test_words_that_never_meet_cost_the_same_however_many_rows_there_are(self):
        put(1, "dusk dawn")
        few = 10 * 4
        INDEX.put(IndexedRow(row, [OURS], ("dusk", "dawn")[row % 2]) for row in range(2, few))
        query = read_query("dusk dawn")

        def first():
            return INDEX.newest(query, team=OURS, limit=10)

        assert (first().rows, first().rest) == ([], few - 4 * 4)
        cost = queries_of(first)
        many = 60 * 4
        INDEX.put(IndexedRow(row, [OURS], ("dusk", "dawn")[row % 2]) for row in range(few, many))
        assert (first().rows, first().rest) == ([], many - 4 * 4)
        assert queries_of(first) == cost
        assert rows_of(parts("dusk dawn")) == [1]

    def test_stretches_that_lack_a_word_are_passed_over(self):
        INDEX.put(IndexedRow(row, [OURS], "fox") for row in range(2, 8 * 4))
        put(1, "fox quokka")
        assert [part.rows for part in parts("quokka fox")] == [[1]]
        assert [part.rows for part in parts("wolf fox")] == [[]]

    def test_a_search_for_a_rare_word_passes_only_so_many_stretches(self):
        put(1, "quokka")
        put(20 * 4, "fox")
        assert [part.rest for part in parts("quokka")] == [13 * 4, 5 * 4, None]
        assert rows_of(parts("quokka")) == [1]

    def test_it_goes_on_after_the_last_row_if_there_are_enough(self):
        INDEX.put(IndexedRow(row, [OURS], "red fox") for row in range(1, 8))
        found = list(parts("red fox", limit=3))
        assert [(part.rows, part.rest) for part in found] == [
            ([7, 6, 5], 5), ([4, 3, 2], 2), ([1], None),
        ]  # fmt: skip

    @pytest.mark.parametrize("limit", [1, 3, 50])
    def test_finds_what_a_scan_finds(self, limit):
        chance = random.Random(1)
        words = ["red", "fox", "foxes", "dusk", "dawn", "狐狸", "quokka"]
        texts = {}
        for row in chance.sample(range(1, 400), k=120):
            texts[row] = " ".join(chance.choices(words, [30, 20, 5, 20, 20, 5, 1], k=3))
        INDEX.put(IndexedRow(row, [OURS], text, [f"u{row % 3}"]) for row, text in texts.items())
        for _ in range(15):
            query = read_query(" ".join(chance.choices([*words, "fo"], k=chance.randint(1, 3))))
            person = chance.randint(0, 2)
            wanted = [
                row
                for row in sorted(texts, reverse=True)
                if row % 3 == person and matches(texts[row], query)
            ]
            found = parts(" ".join(query.words), limit=limit, labels=[f"u{person}"])
            assert rows_of(found) == wanted


def matches(text, query):
    tokens = tokens_of(text)
    begins = any(token.startswith(query.beginning) for token in tokens)
    return set(query.tokens) <= set(tokens) and begins


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
