"""The structure of the project: layers, entry points, sizes, signals, templates."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_imports_keep_to_the_layers_and_the_entry_points():
    """The linter runs in a separate process because it reconfigures logging."""
    command = [sys.executable, Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", python_files(), ids=name_of)
def test_a_file_has_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES_OF_A_FILE


@pytest.mark.parametrize("path", python_files(), ids=name_of)
def test_a_function_has_at_most_45_lines(path):
    lengths = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {
        name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION
    } == {}


def pure_files() -> list[Path]:
    """The files of the pure packages."""
    folders = ("imaging", "labelling", "providers")
    return [path for path in python_files() if set(folders) & set(path.parent.parts)]


@pytest.mark.parametrize("path", pure_files(), ids=name_of)
def test_pure_packages_use_nothing_of_django_but_its_utilities(path):
    """Only the registry, which makes providers, reads settings."""
    allowed = ("django.utils", "django.conf") if path.name == "registry.py" else ("django.utils",)
    modules = {
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django")
    }

    assert {module for module in modules if not module.startswith(allowed)} == set()


def imported_signals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module in SIGNAL_MODULES or node.module.endswith(".signals"):
                yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.endswith("signals"))


@pytest.mark.parametrize("path", python_files(), ids=name_of)
def test_only_the_allowed_signals_are_used(path):
    assert set(imported_signals(path)) <= ALLOWED_SIGNALS.get(name_of(path), set())


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


@pytest.mark.parametrize("path", templates(), ids=name_of)
def test_a_template_holds_nothing_inline(path):
    text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.S)

    assert [what for what, pattern in FORBIDDEN_IN_TEMPLATES.items() if pattern.search(text)] == []


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
