"""Prints the path of the Chromium for the browser tests.

It is the one that CHROMIUM names, else an installed one. If there is none, its package is
installed, or the command fails: browser tests are never skipped.
"""

import os
import shutil
import subprocess
import sys

import packages

# The shell is Chromium without windows: it draws the same pages with less work.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium-headless-shell", "chromium")


def find() -> str | None:
    candidates = [os.environ.get("CHROMIUM", ""), *PROGRAMS]
    return next((path for name in candidates if (path := shutil.which(name)) and works(path)), None)


def works(program: str) -> bool:
    """Whether `program` runs. Ubuntu's placeholder of that name only prints a hint and fails."""
    done = subprocess.run([program, "--version"], check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


if __name__ == "__main__":
    chromium = find()
    if chromium is None:
        packages.install(*PACKAGES)
        chromium = find() or sys.exit(
            "The browser tests need Chromium, which is missing or does not start."
        )
    sys.stdout.write(chromium)
