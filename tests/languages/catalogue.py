"""The messages of the sources, and the catalogues with their translations.

`make messages` writes the catalogues (`python -m tests.languages`), and tests compare them with the
sources. Babel reads and writes them, so neither needs the programs of GNU gettext.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation import templatize

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUES = PROJECT / "seedream_site" / "locale"
PACKAGES = ("accounts", "generations", "seedream_site")
KEYWORDS = DEFAULT_KEYWORDS | {
    "_lazy": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def in_sources() -> Catalog:
    """The messages of all modules and templates, without translations."""
    found = Catalog(fuzzy=False)
    for path in _modules():
        _add(found, path.read_bytes())
    for path in templates():
        # What a template marks, as calls in Python between words that mean nothing.
        marked = templatize(path.read_text(), origin=str(path))
        _add(found, "\n".join(map(str.strip, marked.splitlines())).encode())
    return found


def templates() -> Iterator[Path]:
    for suffix in ("html", "txt"):
        yield from sorted((PROJECT / "templates").rglob(f"*.{suffix}"))


def languages() -> list[str]:
    """The locales that have a catalogue, such as zh_Hans."""
    return sorted(path.name for path in CATALOGUES.iterdir())


def translated(locale: str) -> Catalog:
    """The catalogue of a language, as it is stored. Raises FileNotFoundError if there is none."""
    with _path(locale, "po").open("rb") as file:
        return read_po(file, locale=locale)


def missing(catalogue: Catalog, wanted: Catalog) -> list[Message]:
    """The messages of `wanted` that `catalogue` does not translate."""
    return [each for each in wanted if each.id and not is_complete(catalogue.get(*_key(each)))]


def is_complete(message: Message | None) -> bool:
    """Whether a message has a translation in all its forms that nobody has to look at again."""
    if message is None or message.fuzzy:
        return False
    forms = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(forms)


def update(locale: str) -> Catalog:
    """Bring the catalogue of a language up to date with the sources, and compile it."""
    catalogue = translated(locale)
    catalogue.update(in_sources(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    text = io.BytesIO()
    write_po(text, catalogue, width=0, no_location=True, sort_output=True)
    _path(locale, "po").write_bytes(text.getvalue())
    _path(locale, "mo").write_bytes(compiled(catalogue))
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    data = io.BytesIO()
    write_mo(data, catalogue)
    return data.getvalue()


def stored_compiled(locale: str) -> bytes:
    return _path(locale, "mo").read_bytes()


def _path(locale: str, suffix: str) -> Path:
    return CATALOGUES / locale / "LC_MESSAGES" / f"django.{suffix}"


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        paths = sorted((PROJECT / package).rglob("*.py"))
        yield from (path for path in paths if "migrations" not in path.parts)


def _add(catalogue: Catalog, source: bytes) -> None:
    found = extract("python", io.BytesIO(source), keywords=KEYWORDS)
    for _line, text, _comments, context in found:
        catalogue.add(text, context=context)


def _key(message: Message) -> tuple[object, str | None]:
    return message.id, message.context
