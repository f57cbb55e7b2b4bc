"""`make install`: a virtual environment with the locked packages, `var/` and a first `.env`.

Runs on the system's Python before anything is installed, so it imports only the standard library
and avoids syntax that Python 3.6 cannot parse: an old Python must be able to say that it is too
old.
"""

import argparse
import hashlib
import importlib.util
import os
import secrets
import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
OLDEST_PYTHON = (3, 11)

FIRST_ENV = """\
# Settings of this studio; README.md lists them all. The environment wins over this file.
SECRET_KEY={key}
DEBUG=off
DEMO=on
"""


class InstallError(Exception):
    """The installation cannot go on; the message says what is missing and what to do."""


def check_python(version: tuple = tuple(sys.version_info)) -> None:
    """Raise `InstallError` if `version` is older than the studio needs."""
    if version[:2] < OLDEST_PYTHON:
        found, needed = (f"{major}.{minor}" for major, minor in (version[:2], OLDEST_PYTHON))
        raise InstallError(
            f"Python {needed} or newer is needed, and this is {found}: "
            f"install a newer one and name it, as in `make run PYTHON=python{needed}`."
        )


def check_venv_module() -> None:
    """Raise `InstallError` if Python lacks its venv module, as it does on Debian."""
    if importlib.util.find_spec("ensurepip") is None:
        raise InstallError(
            "Python's venv module is missing: install it "
            "(Debian and Ubuntu: apt-get install python3-venv) and try again."
        )


def install_packages(lock: Path, environment: Path = VENV) -> None:
    """Install the packages that the file `lock` names, unless they are installed already.

    Raises `InstallError` if pip fails; pip has then printed the reason.
    """
    stamp = environment / f"{lock.name}.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if python_of(environment).exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    sys.stderr.write(f"Installing the packages of {lock.name}: once, a minute or so.\n")
    if not is_usable(environment):
        venv.create(environment, clear=True, with_pip=True)
    pip = [str(python_of(environment)), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    if subprocess.call([*pip, "install", "--require-hashes", "-r", str(lock)]) != 0:  # noqa: S603
        raise InstallError("The packages can't be installed; pip says why above.")
    stamp.write_text(wanted)


def is_usable(environment: Path) -> bool:
    """Whether the virtual environment has a Python that is new enough, and pip."""
    probe = f"import pip, sys; sys.exit(sys.version_info < {OLDEST_PYTHON!r})"
    command = [str(python_of(environment)), "-c", probe]
    try:
        return subprocess.call(command, stderr=subprocess.DEVNULL) == 0  # noqa: S603
    except OSError:
        return False


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def write_first_env(path: Path) -> None:
    """Write a `.env` that only its owner can read, unless there is one."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(FIRST_ENV.format(key=secrets.token_urlsafe(50)))


def install(lock: Path) -> None:
    check_python()
    check_venv_module()
    install_packages(lock)
    (PROJECT / "var").mkdir(mode=0o700, exist_ok=True)
    write_first_env(PROJECT / ".env")


def main() -> None:
    arguments = argparse.ArgumentParser(description="Prepares this folder for `make run`.")
    arguments.add_argument("--dev", action="store_true", help="also what tests and linters need")
    lock = "requirements-dev.txt" if arguments.parse_args().dev else "requirements.txt"
    try:
        install(PROJECT / lock)
    except InstallError as reason:
        sys.exit(f"Can't install: {reason}")
    except OSError as error:
        sys.exit(f"Can't install: {error.filename} can't be written ({error.strerror}).")
    except subprocess.CalledProcessError:
        sys.exit("Can't install: making the virtual environment failed, as said above.")


if __name__ == "__main__":
    main()
