"""Names of files from a template of the person, such as `{date}_{campaign}_{prompt}_{n}`.

They are valid on Windows, macOS and Linux.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT = "{date}_{campaign}_{prompt}_{n}"
FIELDS = ("date", "time", "campaign", "prompt", "person", "engine", "width", "height", "id", "n")
LONGEST_TEMPLATE = 120  # characters
# Of a name without its extension. A file system takes 255 bytes, a path on Windows 260 characters.
LONGEST = 120  # bytes
LONGEST_FIELD = 40  # characters
_FIELD = re.compile(r"\{([^{}]*)\}")
# What Windows refuses, and what no one sees.
_FORBIDDEN = re.compile(
    '[<>:"/\\\\|?*\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]'
)
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.I)


class BadTemplate(ValueError):
    """The template names a field that does not exist; `field` is its name."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class About:
    """What a file's name can say of its image. `number` is its number in the ZIP, from 1."""

    made_at: dt.datetime
    campaign: str
    prompt: str
    person: str
    engine: str
    width: int
    height: int
    id: str
    number: int

    @property
    def values(self) -> Mapping[str, str]:
        return {
            "date": f"{self.made_at:%Y-%m-%d}",
            "time": f"{self.made_at:%H%M%S}",
            "campaign": _part(self.campaign),
            "prompt": _part(self.prompt),
            "person": _part(self.person),
            "engine": _part(self.engine),
            "width": str(self.width),
            "height": str(self.height),
            "id": self.id,
            "n": f"{self.number:04}",
        }


def check(template: str) -> str:
    """The template, or the default if it is empty. Raises BadTemplate."""
    template = template.strip()[:LONGEST_TEMPLATE] or DEFAULT
    for field in _FIELD.findall(template):
        if field not in FIELDS:
            raise BadTemplate(field)
    return template


def name_of(about: About, template: str) -> str:
    """The name of a file, without its extension. It is never empty, and may not be unique."""
    values = about.values
    name = _FIELD.sub(lambda field: values.get(field[1], ""), template)
    name = re.sub(r"([_ -])[_ -]*", r"\1", _FORBIDDEN.sub("-", name))
    name = _shortened(unicodedata.normalize("NFC", name), LONGEST).strip(" ._-")
    return f"image-{name}" if not name or _RESERVED.fullmatch(name) else name


def _part(text: str) -> str:
    words = " ".join(text.split())[:LONGEST_FIELD]
    return _FORBIDDEN.sub("", words).strip(" .").replace(" ", "-")


def _shortened(name: str, most: int) -> str:
    return name.encode()[:most].decode(errors="ignore")
