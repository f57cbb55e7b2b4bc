"""Sees to it that the browser tests have a Chromium: they are never skipped in silence."""

import shutil
import subprocess
import sys

import packages

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def is_installed() -> bool:
    return any(works(program) for program in PROGRAMS)


def works(program: str) -> bool:
    """Whether `program` runs: Ubuntu has a stand-in of that name that only says what to do."""
    if shutil.which(program) is None:
        return False
    done = subprocess.run([program, "--version"], check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


if not is_installed():
    packages.install("chromium")
    if not is_installed():
        sys.exit("The browser tests need Chromium, and the package of that name does not run here.")
