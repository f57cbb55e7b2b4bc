"""A studio with a log, files of its own, and a worker that makes exports."""

import pytest

from accounts.groups import AUDITORS
from generations.exports import asking
from generations.jobs.execution import exporting
from generations.models import Export
from tests.factories import make_user

WORKER = "worker"


@pytest.fixture
def auditor(team):
    return make_user(email="auditor@example.com", name="Aud Auditor", team=team, groups=[AUDITORS])


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    here = {"BACKEND": "generations.storage.AtomicFileSystemStorage"}
    here |= {"OPTIONS": {"location": str(tmp_path / "originals")}}
    settings.STORAGES = {**settings.STORAGES, "originals": here}
    return tmp_path / "originals"


@pytest.fixture
def ask():
    """`ask(user, format)`: the export that the person has asked for."""

    def ask(user, format="zip", **filters):
        options = {"filters": {}, "words": [], "asked": {}} | filters
        return asking.ask(user, kind="log", format=format, options=options)

    return ask


@pytest.fixture
def make():
    """`make(export)`: let a worker make it; returns the export as it is then."""

    def make(export, **given):
        exporting.make(export.pk, WORKER, **given)
        return Export.objects.get(pk=export.pk)

    return make
