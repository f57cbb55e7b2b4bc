"""Checks that the driver of the browser tests starts; installs libraries that it lacks.

Playwright drives the browser with its own copy of Node.js, which needs libraries that neither its
package nor a bare system has. A browser that runs does not show that its driver does.
"""

import re
import subprocess
import sys

import packages
from playwright._impl._driver import compute_driver_executable

# Debian's package for each library, besides the C library, that Playwright's Node.js is linked to.
PACKAGES = {
    "libatomic.so.1": "libatomic1",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
}
# The message of the dynamic linker, see ld.so(8).
MISSING = re.compile(r"error while loading shared libraries: ([^:]+): cannot open shared object")


def complaint() -> str | None:
    """What the driver prints when it cannot start; None when it starts."""
    command = [*compute_driver_executable(), "--version"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return None
    return (done.stderr or done.stdout).strip() or f"{command[0]} ended with {done.returncode}"


def prepare() -> None:
    """Install the libraries that the driver lacks, or exit with the reason why it cannot."""
    installed: set[str] = set()
    while said := complaint():
        package = _missing_package(said)
        if package is None or package in installed:
            sys.exit(f"The browser tests need Playwright's driver, and it does not start: {said}")
        packages.install(package)
        installed.add(package)


def _missing_package(said: str) -> str | None:
    missing = MISSING.search(said)
    return PACKAGES.get(missing[1]) if missing else None


if __name__ == "__main__":
    prepare()
