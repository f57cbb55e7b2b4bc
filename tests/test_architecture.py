"""The structure of the project: layers, entry points, sizes, signals, templates."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("accounts", "generations", "seedream_site")
MOST_LINES_OF_A_FUNCTION = 45
MOST_LINES_OF_A_FILE = 400

# Signals hide who calls whom, so only the framework's own notices of start and end are received.
SIGNAL_MODULES = ("django.dispatch", "django.db.models.signals", "django.core.signals")
ALLOWED_SIGNALS = {
    "accounts/apps.py": {"post_migrate"},
    "generations/apps.py": {"post_migrate"},
    "generations/tasks.py": {
        "beat_init",
        "celeryd_after_setup",
        "worker_shutdown",
        "worker_shutting_down",
    },
}


def python_files() -> list[Path]:
    return [
        path
        for package in (*PACKAGES, ".ci")
        for path in sorted((PROJECT / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def templates() -> list[Path]:
    return sorted((PROJECT / "templates").rglob("*.html"))


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All nodes of the syntax tree of the file `path`."""
    return list(ast.walk(ast.parse(path.read_text())))


def test_imports_keep_to_the_layers_and_the_entry_points():
    """The linter runs in a separate process because it reconfigures logging."""
    command = [sys.executable, Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_a_file_has_at_most_400_lines():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in python_files()}

    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE} == {}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The name and the number of lines of each function in the file `path`."""
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name_of(path)}: {node.name}", node.end_lineno - node.lineno + 1


def test_a_function_has_at_most_45_lines():
    lengths = [each for path in python_files() for each in functions(path)]

    assert len(lengths) > len(python_files())
    assert [each for each in lengths if each[1] > MOST_LINES_OF_A_FUNCTION] == []


def pure_files() -> list[Path]:
    """The files of the pure packages."""
    folders = ("imaging", "labelling", "providers")
    return [path for path in python_files() if set(folders) & set(path.parent.parts)]


def imports_of_django(path: Path) -> set[str]:
    return {
        node.module
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django")
    }


def test_pure_packages_use_nothing_of_django_but_its_utilities():
    """Only the registry, which makes providers, reads settings."""
    found = {(path.name, module) for path in pure_files() for module in imports_of_django(path)}
    others = {each for each in found if not each[1].startswith("django.utils")}

    assert others == {("registry.py", "django.conf")}


def imported_signals(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module in SIGNAL_MODULES or node.module.endswith(".signals"):
                yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.endswith("signals"))


def test_only_the_allowed_signals_are_used():
    used = {name_of(path): set(imported_signals(path)) for path in python_files()}

    assert {name: signals for name, signals in used.items() if signals} == ALLOWED_SIGNALS


# What the content security policy blocks in the browser.
FORBIDDEN_IN_TEMPLATES = {
    "an event handler in an attribute": re.compile(r"\son[a-z]+\s*=", re.IGNORECASE),
    "hx-on": re.compile(r"\shx-on", re.IGNORECASE),
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script in the page": re.compile(r"<script\b(?![^>]*\ssrc=)", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "an htmx filter, which needs eval": re.compile(
        r"hx-trigger\s*=\s*[\"'][^\"']*\[", re.IGNORECASE
    ),
    "an htmx value that needs eval": re.compile(r"[\"'](js|javascript):", re.IGNORECASE),
}


def forbidden_in(template: Path) -> list[str]:
    text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", template.read_text(), flags=re.S)
    return [what for what, pattern in FORBIDDEN_IN_TEMPLATES.items() if pattern.search(text)]


def test_templates_hold_nothing_inline():
    found = {name_of(path): forbidden_in(path) for path in templates()}

    assert {name: what for name, what in found.items() if what} == {}


def test_each_template_pattern_matches_what_it_forbids():
    """Try each pattern on a line that it must match, so that none passes everything."""
    samples = {
        "an event handler in an attribute": '<a onclick="go()">',
        "hx-on": '<a hx-on:click="go()">',
        "a style attribute": '<p style="color: red">',
        "a style element": "<style>p {}</style>",
        "a script in the page": '<script type="module">go()</script>',
        "a javascript: address": '<a href="javascript:go()">',
        "an htmx filter, which needs eval": '<a hx-trigger="click[ctrlKey]">',
        "an htmx value that needs eval": "<a hx-vals='js:{a: 1}'>",
    }

    assert samples.keys() == FORBIDDEN_IN_TEMPLATES.keys()
    assert all(FORBIDDEN_IN_TEMPLATES[what].search(sample) for what, sample in samples.items())


def test_only_accounts_commits_calls_on_commit():
    hooks = [name_of(path) for path in python_files() if "on_commit(" in path.read_text()]

    assert hooks == ["accounts/commits.py"]
