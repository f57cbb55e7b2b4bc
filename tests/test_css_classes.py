"""Every class of our style sheets is used: in a template, a script, or Python code."""

import re
from collections.abc import Set
from pathlib import Path

import django.contrib.admin
import pytest

from accounts.models.user import COLOURS
from generations.reading.shapes import SHAPES

PROJECT = Path(__file__).resolve().parent.parent
CSS = PROJECT / "static/css"
ADMIN = Path(django.contrib.admin.__file__).parent
WORD = re.compile(r"[A-Za-z0-9][\w-]*")
QUOTED = re.compile(r""""[^"\n]*"|'[^'\n]*'|`[^`\n]*`""")
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)


def test_every_class_of_the_studio_is_used():
    set_by_htmx = {"htmx-request"}
    known = words_in("templates", "static/js") | SHAPES.keys() | set_by_htmx
    numbers = {str(number) for number in range(1, COLOURS + 1)}
    ends = begun_classes(), words_in("accounts", "generations") | numbers
    sheets = "".join(
        path.read_text() for path in CSS.glob("*.css") if not path.name.startswith("admin")
    )
    assert unused_classes(sheets, known, *ends) == []


def test_every_class_of_the_admin_is_used():
    sheets = (ADMIN / "static/admin/css").rglob("*.css")
    known = words_in("templates", "static/js").union(
        *(classes_of(path.read_text()) for path in sheets),
        *(words_of(path) for path in files(ADMIN / "templates")),
    )
    ours = "".join(path.read_text() for path in CSS.glob("admin*.css"))
    assert unused_classes(ours, known) == []


@pytest.mark.parametrize(
    ("selector", "unused"),
    [
        (".button", []),
        (".no-such-class", ["no-such-class"]),
        (".button > .no-such-class:hover", ["no-such-class"]),
        (".frame-queued", []),
        (".frame-nosuchstate", ["frame-nosuchstate"]),
    ],
)
def test_an_unused_class_is_found(selector, unused):
    sheet = f"{selector} {{ margin: 0; }}"
    assert unused_classes(sheet, {"button"}, {"frame-"}, {"queued"}) == unused


def unused_classes(
    sheet: str, known: Set[str], begun: Set[str] = frozenset(), ends: Set[str] = frozenset()
) -> list[str]:
    """The classes of `sheet` that are not `known`.

    A template may write a class in two parts, as in `frame-{{ state }}`: `begun` are the first
    parts, `ends` what may follow them.
    """
    return sorted(
        name
        for name in classes_of(sheet) - known
        if not any(name.startswith(first) and name[len(first) :] in ends for first in begun)
    )


def classes_of(sheet: str) -> set[str]:
    plain = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    selectors = [text for text in re.findall(r"([^{};]+)\{", plain) if "@" not in text]
    return {name for text in selectors for name in re.findall(r"\.([A-Za-z][\w-]*)", text)}


def begun_classes() -> Set[str]:
    return frozenset(
        first
        for path in files(PROJECT / "templates")
        for first in re.findall(r"([a-z][a-z-]*-){{", path.read_text())
    )


def words_in(*folders: str) -> Set[str]:
    found = [words_of(path) for folder in folders for path in files(PROJECT / folder)]
    return frozenset().union(*found)


def files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix in (".html", ".js", ".py")]
    return [path for path in found if path.parent.name != "vendor"]


def words_of(path: Path) -> list[str]:
    """The words in what can name a class: attributes `class`, and text in quotation marks."""
    text = path.read_text()
    texts = class_attributes(text) if path.suffix == ".html" else QUOTED.findall(text)
    return WORD.findall(" ".join(texts))


def class_attributes(template: str) -> list[str]:
    """The values of all attributes `class`, with the words in their template tags."""
    tags: list[str] = []

    def kept(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f" tag{len(tags) - 1}tag "

    values = re.findall(r'class="([^"]*)"', TAG.sub(kept, template))
    used = [tags[int(number)] for each in values for number in re.findall(r"tag(\d+)tag", each)]
    return [re.sub(r"tag\d+tag", " ", each) for each in values] + used
