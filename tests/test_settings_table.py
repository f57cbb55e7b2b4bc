"""README's table of settings and `settings.py` name the same settings."""

import re
import runpy
from itertools import product
from pathlib import Path

import environ

PROJECT = Path(__file__).resolve().parent.parent
SLOTS = range(2, 10)  # the numbers of a provider's further keys


def test_every_setting_is_in_the_table_and_every_row_is_a_setting(monkeypatch):
    asked = set()
    get_value = environ.FileAwareEnv.get_value

    def note_and_get(self, var, *args, **kwargs):
        asked.add(var)
        return get_value(self, var, *args, **kwargs)

    monkeypatch.setattr(environ.FileAwareEnv, "get_value", note_and_get)
    monkeypatch.setattr(
        environ.Env, "read_env", lambda path: None
    )  # it holds a developer's settings
    settings = runpy.run_path(str(PROJECT / "seedream_site" / "settings.py"))

    assert documented(providers=settings["PROVIDER_DEFAULT_BASE_URLS"]) == asked


def documented(*, providers) -> set[str]:
    """The names in the table, with each provider and slot put in for the placeholders."""
    readme = (PROJECT / "README.md").read_text()
    table = readme.partition("\n## Settings\n")[2].partition("\n## ")[0]
    names = re.findall(r"^\| `([A-Z0-9_<>]+)` \|", table, re.MULTILINE)
    return {
        name.replace("<NAME>", provider).replace("<N>", str(slot))
        for name, provider, slot in product(names, providers, SLOTS)
    }
