"""The tokens of a text and of a query. Pure code, the same for both databases.

Upper and lower case, accents and umlauts make no difference: `Straße` is `strasse`, `Über` is
`uber`. Text in scripts without spaces is cut into single characters and into pairs of neighbours:
红狐狸 gives 红, 狐, 狸, 红狐 and 狐狸. A query for several such characters asks only for the
pairs; a query for one asks for the character.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice, pairwise

LONGEST_TOKEN = 64  # characters; longer words are cut, in texts and in queries alike
SHORTEST_BEGINNING = 2  # characters
# The limits of a text and of a query. What exceeds them is ignored.
MOST_TOKENS_OF_TEXT = 2000
MOST_CHARACTERS_OF_TEXT = 100_000
MOST_TOKENS_OF_QUERY = 16
MOST_CHARACTERS_OF_QUERY = 1000

_WORD, _PAIRED = "word", "paired"
# Accents of Latin, Greek and Cyrillic letters, and characters that have no width.
_DROPPED = re.compile("[\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]")
# Letters that Unicode does not split into a letter and an accent.
_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"}
)
# Thai, Lao, Burmese, Hangul, Khmer; kana; Han.
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\uac00-\ud7a3"
    "\u3005\u3007\u3040-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


@dataclass(frozen=True)
class Query:
    """What to search for: rows that have all `tokens`, and a token that begins with `beginning`.

    `words` are the words of the person, as they were understood. `is_cut` is true if more was typed
    than is searched for.
    """

    words: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    beginning: str = ""
    is_cut: bool = False


def tokens_of(text: str) -> list[str]:
    """Return the tokens of `text`, each once."""
    tokens = (
        token
        for kind, letters in _words(text[:MOST_CHARACTERS_OF_TEXT])
        for token in ((*letters, *_pairs(letters)) if kind == _PAIRED else (letters,))
    )
    return list(dict.fromkeys(islice(tokens, MOST_TOKENS_OF_TEXT)))


def read_query(text: str) -> Query:
    """Parse `text` as a query. Any text is one; without letters and digits it has no words."""
    words = list(_words(text[:MOST_CHARACTERS_OF_QUERY]))
    asked = [_asked(kind, letters) for kind, letters in words]
    is_cut = len(text) > MOST_CHARACTERS_OF_QUERY or sum(map(len, asked)) > MOST_TOKENS_OF_QUERY
    tokens = [token for word in asked for token in word][:MOST_TOKENS_OF_QUERY]
    beginning = ""
    if words and not is_cut and words[-1][0] == _WORD and len(tokens[-1]) >= SHORTEST_BEGINNING:
        beginning = tokens.pop()
    shown = tokens if is_cut else [letters for _, letters in words]
    return Query(tuple(shown), tuple(dict.fromkeys(tokens)), beginning, is_cut)


def fold(text: str) -> str:
    """Return `text` in lower case and without accents, so that spellings of a word become equal."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    plain = _DROPPED.sub("", unicodedata.normalize("NFKD", apart)).translate(_PLAIN)
    return unicodedata.normalize("NFC", plain)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """The words of `text` with their kind, in order. All other characters separate words."""
    for kind, characters in groupby(fold(text), key=_kind):
        letters = "".join(characters)
        if kind == _PAIRED:
            yield kind, letters
        elif kind == _WORD and any(map(str.isalnum, letters)):
            yield kind, letters[:LONGEST_TOKEN]


def _asked(kind: str, letters: str) -> list[str]:
    if kind == _PAIRED and len(letters) > 1:
        return _pairs(letters)
    return [letters]


def _pairs(letters: str) -> list[str]:
    return ["".join(pair) for pair in pairwise(letters)]


@lru_cache(maxsize=10_000)
def _kind(character: str) -> str:
    if unicodedata.category(character)[0] not in "LNM":  # letters, numbers, marks
        return ""
    return _PAIRED if _WITHOUT_SPACES.match(character) else _WORD
