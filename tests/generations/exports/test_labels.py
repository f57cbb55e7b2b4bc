"""The label report: what each labelled file of a campaign says when it is read."""

import csv
import io
from pathlib import Path

import pytest
from django.urls import reverse

from accounts.events import Event
from accounts.models import Record
from generations import storage
from generations.exports import asking
from generations.exports.registry import stored_name
from generations.jobs.execution import exporting
from generations.models import Campaign, Export, LabelPolicy, Rendition
from tests.generations.factories import make_finished_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(alice):
    return Campaign.objects.create(team=alice.team, name="=Spring", created_by=alice)


@pytest.fixture
def report(reviewer):
    """`report(campaign)` makes one and returns its rows."""

    def make(campaign=None):
        words = [campaign.name if campaign else "All images"]
        options = {"campaign": str(campaign.uuid) if campaign else "", "words": words}
        export = asking.ask(reviewer, kind="labels", format="csv", options=options)
        exporting.make(export.pk, "worker")
        export.refresh_from_db()
        assert export.state == Export.State.READY, export.problem
        text = storage.read(storage.originals(), stored_name(export)).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text))), export

    return make


def test_each_file_says_what_it_carries(alice, campaign, report):
    run = make_finished_run(alice, campaign=campaign, files=True)
    make_finished_run(alice, files=True)  # of no campaign
    image = run.images.get()
    rows, export = report(campaign)
    assert [row["file"] for row in rows if row["download_name"]] == ["full"]
    assert {row["sha256"] for row in rows} == set(image.renditions.values_list("sha256", flat=True))
    for row in rows:
        assert row["image"] == str(image.uuid)
        assert row["source_type"] == "trainedAlgorithmicMedia"
        assert row["aigc_producer"]
        assert (row["c2pa"], row["verdict"]) == ("missing", "complete")
        assert int(row["badge_capitals_px"]) > 0
    facts = Record.objects.get(event=Event.EXPORT_MADE).facts
    assert (facts["images"], facts["files_read"], facts["files_lacking"]) == (1, 3, 0)
    assert facts["sha256"] == export.sha256


def test_damaged_lost_and_unsigned_files_are_told_apart(alice, report):
    image = make_finished_run(alice, files=True).images.get()
    files = {row.recipe: row for row in image.renditions.all()}
    Path(storage.renditions().path(files["full"].name)).write_bytes(b"=cmd|' /C calc'!A0")
    storage.erase(storage.renditions(), files["screen"].name)
    Rendition.objects.filter(pk=files["preview"].pk).update(certificate="c" * 64, is_stamped=False)
    rows, export = report()
    by_file = {row["file"]: row for row in rows}
    assert by_file["full"]["verdict"] == "changed in storage"
    assert by_file["screen"]["verdict"] == "lost from storage"
    assert by_file["preview"]["verdict"] == "credentials_missing"
    assert by_file["preview"]["signature_time_stamp"] == "missing"
    assert export.facts["files_lacking"] == 3


def test_no_cell_is_a_formula(alice, report):
    LabelPolicy.objects.create(producer_code="=1+1")
    make_finished_run(alice, files=True)
    rows, _export = report()
    assert {row["aigc_producer"] for row in rows} == {"'=1+1"}


def test_nobody_gets_images_of_other_teams_or_hidden_ones(alice, charlie, report):
    theirs = make_finished_run(charlie, files=True).images.get()
    mine, hidden = make_finished_run(alice, images=2, files=True).images.order_by("pk")
    hidden.hidden_at = hidden.created_at
    hidden.save()
    rows, _export = report()
    assert {row["image"] for row in rows} == {str(mine.uuid)}
    assert str(theirs.uuid) not in {row["image"] for row in rows}


def test_it_is_asked_for_on_the_page_of_exports(reviewer, campaign, charlie, sign_in):
    page = sign_in(reviewer)
    answer = page.post(reverse("label-reports"), {"campaign": str(campaign.uuid)})
    assert answer["Location"] == reverse("exports")
    assert Export.objects.get().options["campaign"] == str(campaign.uuid)
    assert "=Spring" in page.get(reverse("exports")).content.decode()
    foreign = Campaign.objects.create(team=charlie.team, name="Theirs", created_by=charlie)
    for wrong in (str(foreign.uuid), "nonsense"):
        answer = page.post(reverse("label-reports"), {"campaign": wrong})
        assert answer.status_code == 422
    assert Export.objects.count() == 1


def test_the_gallery_of_a_campaign_leads_to_it(reviewer, campaign, sign_in):
    page = sign_in(reviewer).get(reverse("gallery"), {"campaign": str(campaign.uuid)})
    assert f"{reverse('exports')}?report={campaign.uuid}#label-report" in page.content.decode()
    page = sign_in(reviewer).get(reverse("exports"), {"report": str(campaign.uuid)})
    assert f'<option value="{campaign.uuid}" selected>' in page.content.decode()
