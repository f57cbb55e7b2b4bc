"""`make install`: what it makes, what it does not change, and its messages on failure."""

import stat
import subprocess
import sys

import pytest

from seedream_site import install
from seedream_site.install import InstallError


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 10, 14)])
def test_an_old_python_is_refused_with_what_to_do(version):
    with pytest.raises(InstallError, match=rf"this is {version[0]}\.{version[1]}: install a newer"):
        install.check_python(version)


def test_this_python_is_new_enough():
    install.check_python()


def test_a_missing_venv_module_names_its_package(monkeypatch):
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(InstallError, match="apt-get install python3-venv"):
        install.check_venv_module()


def test_it_runs_on_a_python_that_has_no_packages():
    command = [sys.executable, "-I", "-S", install.__file__, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_first_env_has_a_new_key_and_only_its_owner_can_read_it(tmp_path):
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        install.write_first_env(file)
    keys = {line for file in files for line in file.read_text().splitlines() if "KEY=" in line}

    assert len(keys) == 2
    assert all(len(line) > len("SECRET_KEY=") + 50 for line in keys)
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_the_first_env_is_a_demo_without_debugging(tmp_path):
    install.write_first_env(tmp_path / ".env")

    assert {"DEBUG=off", "DEMO=on"} <= set((tmp_path / ".env").read_text().splitlines())


def test_an_existing_env_is_not_changed(tmp_path):
    (tmp_path / ".env").write_text("SECRET_KEY=mine\n")
    install.write_first_env(tmp_path / ".env")

    assert (tmp_path / ".env").read_text() == "SECRET_KEY=mine\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment for an empty lock file, in a path with a space.

    Before it was made there was one without a Python, because making one takes long.
    """
    folder = tmp_path_factory.mktemp("a folder")
    (folder / ".venv" / "bin").mkdir(parents=True)
    install.python_of(folder / ".venv").symlink_to("/no/such/python")
    (folder / "requirements.txt").write_text("# no package\n")
    install.install_packages(folder / "requirements.txt", folder / ".venv")
    return folder / ".venv"


def test_packages_are_installed_once(environment, capsys):
    install.install_packages(environment.parent / "requirements.txt", environment)

    assert capsys.readouterr().err == ""


def test_packages_are_installed_again_when_the_lock_has_changed(environment, capsys):
    (environment.parent / "requirements.txt").write_text("# still no package\n")
    install.install_packages(environment.parent / "requirements.txt", environment)

    assert "Installing the packages of requirements.txt" in capsys.readouterr().err


def test_a_package_without_a_hash_is_refused(environment, tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("django==5.2\n")

    with pytest.raises(InstallError, match="pip says why"):
        install.install_packages(lock, environment)


def test_an_environment_that_is_missing_is_not_usable(tmp_path):
    assert not install.is_usable(tmp_path / ".venv")


def test_an_environment_whose_python_was_missing_is_made_again(environment):
    assert install.is_usable(environment)
