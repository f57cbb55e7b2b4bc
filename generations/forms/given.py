"""The values of a form as they were given, before any field has checked them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.utils.datastructures import MultiValueDict

SWITCHES = ("sequential", "enhance_prompt", "use_pre_llm")
SWITCHED_OFF = ("off", "false", "False", "0", False)


@dataclass(frozen=True)
class GivenValues:
    """All given values by field, files included."""

    values: Mapping[str, list[Any]]

    @classmethod
    def of(cls, data: Mapping[str, Any], files: MultiValueDict[str, Any] | None = None) -> Self:
        """The values of a request, or of a plain mapping in which a list is several values."""
        values = dict(_listed(data))
        for name, sent in _listed(files or {}):
            values[name] = [*values.get(name, ()), *sent]
        return cls(values)

    def all(self, name: str) -> list[Any]:
        return self.values.get(name, [])

    def one(self, name: str) -> str:
        """The last value for `name` as text; empty if there is none."""
        values = self.all(name)
        return "" if not values or values[-1] is None else str(values[-1])

    def has(self, name: str) -> bool:
        """Whether `name` was given: not empty, and not a switch that is off."""
        nothing = ("", None, *SWITCHED_OFF) if name in SWITCHES else ("", None)
        return any(value not in nothing for value in self.all(name))


def _listed(given: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    if isinstance(given, MultiValueDict):
        return list(given.lists())
    return [(name, value if isinstance(value, list) else [value]) for name, value in given.items()]
