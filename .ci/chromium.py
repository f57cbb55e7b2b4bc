"""Prints the Chromium for the browser tests, which are never skipped in silence.

It is the one named in CHROMIUM, else an installed one, else the package is installed.
"""

import os
import shutil
import subprocess
import sys

import packages

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    candidates = [os.environ.get("CHROMIUM", ""), *PROGRAMS]
    return next((path for name in candidates if (path := shutil.which(name)) and works(path)), None)


def works(program: str) -> bool:
    """Whether `program` runs: Ubuntu has a stand-in of that name that only says what to do."""
    done = subprocess.run([program, "--version"], check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


if __name__ == "__main__":
    chromium = find()
    if chromium is None:
        packages.install("chromium")
        chromium = find() or sys.exit("The browser tests need Chromium, and none runs here.")
    sys.stdout.write(chromium)
