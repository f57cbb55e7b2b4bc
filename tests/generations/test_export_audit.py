"""`export_audit --pictures`: the labelled picture of each image that a record tells of."""

import hashlib
import io
from zipfile import ZipFile

import pytest
from django.core.management import call_command

from accounts.events import Event
from generations import storage
from generations.labelling import FULL
from tests.accounts.evidence.exports import run
from tests.generations.factories import make_finished_run
from tests.records import write

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(alice, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    image = make_finished_run(alice, files=True).images.get()
    facts = {"renditions": {row.recipe: row.sha256 for row in image.renditions.all()}}
    write(Event.IMAGE_STORED, actor=None, subject=image, story=image.run.uuid, facts=facts)
    return image


def exported(path):
    errors = io.StringIO()
    command = ("export_audit", "--output", str(path), "--pictures")
    call_command(*command, stdout=io.StringIO(), stderr=errors)
    archive = ZipFile(path)
    archive.extractall(path.with_suffix(""))
    return archive, errors.getvalue()


def test_the_labelled_picture_is_in_it_and_verified(image, tmp_path):
    archive, _ = exported(tmp_path / "log.zip")
    [name] = [name for name in archive.namelist() if name.startswith("pictures/")]
    sha256 = image.renditions.get(recipe=FULL.name).sha256
    assert name.startswith(f"pictures/{image.uuid}.")
    assert hashlib.sha256(archive.read(name)).hexdigest() == sha256
    assert run(tmp_path / "log")[0] == 0
    (tmp_path / "log" / name).write_bytes(b"another picture")
    assert run(tmp_path / "log")[0] == 1


def test_a_picture_that_storage_has_lost_is_told(image, tmp_path):
    storage.renditions().delete(image.renditions.get(recipe=FULL.name).name)
    _archive, errors = exported(tmp_path / "log.zip")
    assert f"The picture of image {image.uuid} is lacking." in errors
    assert run(tmp_path / "log")[0] == 0
