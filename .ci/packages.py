"""Installs what the tests need from outside Python, if the system allows it."""

import os
import shutil
import subprocess
import sys


def install(package: str) -> None:
    """Install the Debian package `package`, or exit and say how to install it by hand."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(
            f"The tests need {package}: install it with the system's package manager "
            f"(Debian and Ubuntu, as root: apt-get install {package}) and try again."
        )
    sys.stderr.write(f"Installing {package}.\n")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", package],
    ):
        if subprocess.call(command, env=environment, stdout=subprocess.DEVNULL) != 0:  # noqa: S603
            sys.exit(f"The tests need {package}, and it can't be installed: see above.")
