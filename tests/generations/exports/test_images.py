"""ZIPs of images: what is in them, what their files are called, who may have them."""

import csv
import datetime as dt
import hashlib
import io
from zipfile import ZipFile

import pytest

from generations import storage
from generations.exports import file_names
from generations.exports.file_names import About, BadTemplate
from generations.exports.registry import stored_name
from generations.models import Campaign, Export, Image, Rendition
from generations.tidying import packing
from tests.factories import make_team
from tests.generations.factories import make_finished_run


def about(**values):
    known = {
        "made_at": dt.datetime(2026, 11, 22, 13, 5, tzinfo=dt.UTC),
        "campaign": "Spring: sale?",
        "prompt": "A red fox, at dawn",
        "person": "Anna",
        "engine": "seedream",
        "width": 96,
        "height": 64,
        "id": "1234abcd",
        "number": 7,
    }
    return About(**known | values)


@pytest.mark.parametrize(
    ("template", "values", "name"),
    [
        (file_names.DEFAULT, {}, "2026-11-22_Spring-sale_A-red-fox,-at-dawn_0007"),
        (file_names.DEFAULT, {"campaign": ""}, "2026-11-22_A-red-fox,-at-dawn_0007"),
        ("{n}", {}, "0007"),
        ("../{prompt}", {"prompt": "..\\..\\etc"}, "etc"),
        ("{prompt}", {"prompt": "CON"}, "image-CON"),
        ("{prompt}", {"prompt": "com1.png"}, "image-com1.png"),
        ("{prompt}", {"prompt": " ... "}, "image-"),
        ("{prompt}", {"prompt": "\u202egnp.exe\0\n"}, "gnp.exe"),
        ("{prompt}", {"prompt": "红色的狐狸 🦊"}, "红色的狐狸-🦊"),
        ("{prompt}{prompt}{prompt}{prompt}", {"prompt": "狐" * 99}, "狐" * 40),
    ],
)
def test_names_are_valid_everywhere(template, values, name):
    assert file_names.name_of(about(**values), template) == name


def test_only_the_fields_of_the_list_exist():
    assert file_names.check(" ") == file_names.DEFAULT
    with pytest.raises(BadTemplate):
        file_names.check("{date}_{secret}")
    with pytest.raises(BadTemplate):
        file_names.check("{n.__class__}")


@pytest.mark.django_db
class TestZip:
    @pytest.fixture
    def packed(self, make):
        """`packed(user, images, names)`: what is in the ZIP of these images, by name."""

        def packed(user, images, names="{prompt}"):
            export = make(*packing.pack(user, [each.pk for each in images], names=names))
            assert (export.state, export.problem) == (Export.State.READY, "")
            with ZipFile(storage.originals().path(stored_name(export))) as file:
                return export, {name: file.read(name) for name in file.namelist()}

        return packed

    def test_holds_the_labelled_files_and_a_table_of_them(self, alice, packed):
        campaign = Campaign.objects.create(team=alice.team, name="=1+1", created_by=alice)
        run = make_finished_run(alice, images=2, files=True, prompt="Fox", campaign=campaign)
        export, files = packed(alice, run.images.all())
        rows = list(csv.DictReader(io.StringIO(files.pop("images.csv").decode("utf-8-sig"))))
        assert len(files) == 2
        for row in rows:
            rendition = Rendition.objects.get(image__uuid=row["image"], recipe="full")
            assert hashlib.sha256(files[row["file"]]).hexdigest() == row["sha256"]
            assert row["sha256"] == rendition.sha256
            assert row["campaign"] == "'=1+1"
        assert export.facts == {"images": 2, "pictures_lacking": 0}

    def test_what_was_hidden_or_lost_meanwhile_is_left_out(self, alice, make):
        first, second, third = make_finished_run(alice, images=3, files=True).images.order_by("pk")
        [export] = packing.pack(alice, [first.pk, second.pk, third.pk], names="{n}")
        Image.objects.filter(pk=first.pk).update(hidden_at=first.created_at)
        storage.renditions().delete(second.renditions.get(recipe="full").name)
        assert make(export).facts == {"images": 1, "pictures_lacking": 2}

    def test_who_left_the_team_gets_nothing(self, alice, make):
        run = make_finished_run(alice, files=True)
        [export] = packing.pack(alice, [run.images.get().pk], names="{n}")
        alice.team = make_team(name="Elsewhere")
        alice.save()
        assert make(export).state == Export.State.FAILED
