"""Templates mark every text for translation: between tags, and in attributes that people read."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tests.languages import catalogue

# Attributes that browsers or the studio's scripts show to people.
SHOWN = {"alt", "aria-label", "aria-description", "placeholder", "title", "data-label"}
# What is called the same in every language, a unit, and what is typed into a shell.
NAMES = {
    *("Seedream Studio", "SHA-256", "px", "python3 verify.py --key log-keys.txt"),
    *("ZIP", "CSV", "Excel", "JPEG", "PNG", "WebP"),
    *("Esc", "Ctrl", "Enter"),
}
TAGS = re.compile(
    r"{#.*?#}|{%\s*comment\s.*?endcomment\s*%}|{%\s*blocktrans(?:late)?\s.*?endblocktrans(?:late)?\s*%}",
    re.DOTALL,
)
CODE = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
# A tag as one letter that is no Latin one, so that quotation marks in it do not end an attribute.
HOLE = "\N{REPLACEMENT CHARACTER}"
WORD = re.compile(r"[A-Za-z]{2,}")


class Texts(HTMLParser):
    """Collects what stands between tags and in attributes that are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if value and _is_shown(name, value)]
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag):
        self._silent -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._silent:
            self.found.append(data)


def _is_shown(name: str, value: str) -> bool:
    return name in SHOWN or (name.startswith("data-") and " " in value.strip())


def test_every_text_of_a_template_is_marked():
    found = {path.name: list(_unmarked(path.read_text())) for path in catalogue.templates()}
    assert {name: texts for name, texts in found.items() if texts} == {}


def _unmarked(template: str) -> Iterator[str]:
    texts = Texts()
    texts.feed(CODE.sub(HOLE, TAGS.sub(HOLE, template)))
    yield from (text.strip() for text in texts.found if WORD.search(_without_names(text)))


def _without_names(text: str) -> str:
    for name in NAMES:
        text = text.replace(name, "")
    return text
