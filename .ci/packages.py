"""Installs what the tests need from outside Python, if the system allows it."""

import os
import shutil
import subprocess
import sys


def install(*packages: str) -> None:
    """Install the first of these Debian packages that the system knows.

    Exits if that is not possible, and says how to install the last by hand.
    """
    named = packages[-1]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(
            f"The tests need {named}: install it with the system's package manager "
            f"(Debian and Ubuntu, as root: apt-get install {named}) and try again."
        )
    _apt_get("update")
    package = next(filter(_is_known, packages), named)
    sys.stderr.write(f"Installing {package}.\n")
    _apt_get("install", "--yes", "--no-install-recommends", package)


def _is_known(package: str) -> bool:
    return _ran("apt-cache", "show", package)


def _apt_get(command: str, *arguments: str) -> None:
    if not _ran("apt-get", command, "-qq", *arguments):
        sys.exit(f"`apt-get {command}` failed, and the tests need what it brings: see above.")


def _ran(*command: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) == 0  # noqa: S603
