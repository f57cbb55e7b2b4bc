"""Which words a text has, and which words a query asks for."""

import pytest

from accounts.search import read_query, tokens_of
from accounts.search.tokens import (
    LONGEST_TOKEN,
    MOST_CHARACTERS_OF_QUERY,
    MOST_TOKENS_OF_QUERY,
    MOST_TOKENS_OF_TEXT,
)


class TestTokens:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Straße", "STRASSE"),
            ("Über", "uber"),
            ("u\u0308ber", "über"),  # the accent as a character of its own
            ("ÉCLAIR", "eclair"),
            ("Smørrebrød", "smorrebrod"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("ΣΊΣΥΦΟΣ", "σισυφος"),
            ("ёлка", "ЕЛКА"),
            ("ﬁne", "fine"),  # a ligature
            ("Ｆｏｘ４", "fox4"),  # full width
            ("ｷﾂﾈ", "キツネ"),  # half width
            ("foto\u00adgrafie", "fotografie"),  # a soft hyphen
            ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),  # Hangul in parts
        ],
    )
    def test_spellings_of_a_word_are_one(self, one, other):
        assert tokens_of(one) == tokens_of(other) != []

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [
            ("a red-fox, 4K (3:2)!", ["a", "red", "fox", "4k", "3", "2"]),
            ("fox fox Fox", ["fox"]),
            ("don't snake_case", ["don", "t", "snake", "case"]),
            ("狐", ["狐"]),
            ("红狐狸", ["红", "狐", "狸", "红狐", "狐狸"]),
            ("a狐狸4k", ["a", "狐", "狸", "狐狸", "4k"]),
            ("がか", ["が", "か", "がか"]),  # the marks of kana tell letters apart
            ("여우", ["여", "우", "여우"]),
            ("हिन्दी", ["हिन्दी"]),  # vowel signs belong to the word
            ("", []),
            ("🦊 … ❤️ \0 \ud800 _", []),
            ("\u0301\u0bcd", []),  # marks without a letter
        ],
    )
    def test_words_and_pairs_of_characters(self, text, tokens):
        assert tokens_of(text) == tokens

    def test_of_a_long_text_only_so_much_is_taken(self):
        assert tokens_of("x" * 500) == ["x" * LONGEST_TOKEN]
        many = " ".join(map(str, range(2 * MOST_TOKENS_OF_TEXT)))
        assert len(tokens_of(many)) == MOST_TOKENS_OF_TEXT
        # The longest expansion in Unicode: one character becomes eighteen.
        assert len(tokens_of("\ufdfa " * 500_000)) < MOST_TOKENS_OF_TEXT


class TestQuery:
    @pytest.mark.parametrize(
        ("text", "tokens", "beginning"),
        [
            ("Red FOX", ("red",), "fox"),
            ("fox r", ("fox", "r"), ""),
            ("fo!", (), "fo"),
            ("狐狸", ("狐狸",), ""),
            ("狐", ("狐",), ""),
            ("红狐狸", ("红狐", "狐狸"), ""),
            ("red 狐狸", ("red", "狐狸"), ""),
            ("狐狸 re", ("狐狸",), "re"),
            ("fox fox", ("fox",), "fox"),
            ('NEAR("red" AND -fox*)', ("near", "red", "and"), "fox"),
        ],
    )
    def test_only_the_last_word_may_be_a_beginning(self, text, tokens, beginning):
        query = read_query(text)
        assert (query.tokens, query.beginning, query.is_cut) == (tokens, beginning, False)

    @pytest.mark.parametrize("text", ["", " ", "!?", "🦊", "\0", "\u0301", "\ud800"])
    def test_without_letters_and_digits_there_are_no_words(self, text):
        assert read_query(text).words == ()

    def test_words_are_shown_as_they_were_understood(self):
        assert read_query("Große 红狐狸").words == ("grosse", "红狐狸")

    @pytest.mark.parametrize(
        "text",
        [
            " ".join(map(str, range(100, 100 + MOST_TOKENS_OF_QUERY + 1))),
            "狐狸" * MOST_TOKENS_OF_QUERY,
            "fox " * MOST_CHARACTERS_OF_QUERY,
        ],
    )
    def test_a_long_query_is_cut_and_says_so(self, text):
        query = read_query(text)
        assert query.is_cut
        assert not query.beginning
        assert 0 < len(query.tokens) <= MOST_TOKENS_OF_QUERY
