"""Files about the project agree with each other: lock files, Python versions, the CI definition."""

import re
import tomllib
from pathlib import Path

from django.conf import settings

PROJECT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def text(name: str) -> str:
    return (PROJECT / name).read_text()


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][^ ;]*==[^ ;]+)", text(name), re.MULTILINE))


def test_tests_run_on_the_versions_that_the_studio_runs_on():
    assert pins("requirements.txt")
    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_the_oldest_python_is_the_same_everywhere():
    oldest = text(".python-version").strip()
    project = tomllib.loads(text("pyproject.toml"))
    assert project["project"]["requires-python"] == f">={oldest}"
    assert f"FROM python:{oldest}-slim" in text("Dockerfile")
    assert f'python: ["{oldest}", ' in text(".github/workflows/ci.yml")


def test_the_version_on_records_is_that_of_the_project():
    project = tomllib.loads(text("pyproject.toml"))
    assert project["project"]["version"] == settings.STUDIO_VERSION


def test_ci_runs_what_a_change_must_pass_and_names_actions_by_commit():
    assert "- run: .ci/run" in text(".github/workflows/ci.yml")
    used = [name for path in WORKFLOWS for name in re.findall(r"uses: (\S+)", path.read_text())]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


def test_the_readme_gives_the_two_commands_of_a_newcomer():
    blocks = re.findall(r"```sh\n(.*?)```", text("README.md"), re.DOTALL)
    commands = {line.strip() for block in blocks for line in block.splitlines()}
    assert {"make run", "make test"} <= commands
