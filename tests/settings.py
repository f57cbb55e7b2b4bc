"""The studio's settings for tests: each process has a separate data folder.

`DATABASE_URL`, `CACHE_URL` and `CELERY_BROKER_URL` may be given, for PostgreSQL and Redis; `.env`
is not read. The values are put into the environment, for processes that tests start.
"""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path
from unittest import mock

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def _make_folder() -> Path:
    """A folder that is deleted when this process ends. A worker's is inside its starter's."""
    if WORKER:
        folder = Path(os.environ["DATA_DIR"], WORKER)
        folder.mkdir()
        return folder
    folder = Path(tempfile.mkdtemp(prefix="studio-tests-"))
    atexit.register(_remove_folder, folder, owner=os.getpid())
    return folder


def _remove_folder(folder: Path, *, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked process
        shutil.rmtree(folder, ignore_errors=True)


def _given(name: str, otherwise: str) -> str:
    """An address from the environment. A worker ignores files of the process that started it."""
    address = os.environ.get(name, "")
    if WORKER and os.environ["DATA_DIR"] in address:
        address = ""
    return _own_redis_database(address or otherwise)


def _own_redis_database(address: str) -> str:
    """Give each worker separate Redis databases, because a test empties them completely."""
    offset = 2 * int(WORKER.removeprefix("gw") or 0)
    return re.sub(
        r"^(redis|rediss|rediscache)(://.*/)(\d+)$",
        lambda match: f"{match[1]}{match[2]}{int(match[3]) + offset}",
        address,
    )


FOLDER = _make_folder()
os.environ |= {
    "SECRET_KEY": "only-for-tests",
    "DEBUG": "off",
    "DEMO": "on",
    "PUBLIC_URL": "",
    "DATABASE_URL": _given("DATABASE_URL", f"sqlite:///{FOLDER / 'studio.sqlite3'}"),
    "MIGRATE_DATABASE_URL": "",
    "CACHE_URL": _given("CACHE_URL", f"filecache://{FOLDER / 'cache'}"),
    "CELERY_BROKER_URL": _given("CELERY_BROKER_URL", ""),
    # Tests of signatures turn it on. All others would make a certificate authority each.
    "LABEL_SIGNING": "off",
    # Tests of the mark turn it on. It costs each image of all others some time.
    "LABEL_MARK": "off",
    "STORAGE_URL": f"file://{FOLDER / 'files'}",
    "DATA_DIR": str(FOLDER),
}

with mock.patch("environ.Env.read_env"):
    from seedream_site.settings import *  # noqa: F403
    from seedream_site.settings import DATABASES, STATIC_ROOT, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# File names without hashes, so that no test depends on collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a missing one

# The name that Django gives a copy, because `tests.workers` copies the database for each worker.
of_worker = f"_{WORKER}" if WORKER else ""
test_database = f"test_{DATABASES['default']['NAME']}{of_worker}"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in the studio, so that several threads really have several connections.
    test_database = str(FOLDER / f"test{of_worker}.sqlite3")
    # Tests need not survive a power cut, so no commit waits for the disk.
    options = DATABASES["default"]["OPTIONS"]
    options["init_command"] = options["init_command"].replace("=FULL", "=OFF")

DATABASES["default"]["TEST"] = {"NAME": test_database}
