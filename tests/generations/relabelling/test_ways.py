"""Orders to label again, given in the admin and at the shell."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.events import Event
from accounts.models import Record
from generations.models import Campaign, Relabelling
from tests.generations.factories import make_finished_run
from tests.generations.relabelling.conftest import work

pytestmark = pytest.mark.django_db
ADD = "admin:generations_relabelling_add"


def command(*arguments):
    out = io.StringIO()
    call_command("relabel", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def campaign(alice):
    found = Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)
    make_finished_run(alice, campaign=found, files=True)
    make_finished_run(alice, images=2)
    return found


class TestCommand:
    def test_a_dry_run_counts_and_changes_nothing(self, campaign):
        assert "1 images with 3 labelled files" in command("--campaign=Spring", "--dry-run")
        assert "3 images with 9 labelled files" in command("--dry-run", "--only=unsigned")
        assert "0 images" in command("--dry-run", "--only=certificate", f"--certificate={'a' * 64}")
        assert not Relabelling.objects.exists()

    def test_it_orders_and_tells_how_far_it_is(self, campaign):
        assert "Ordered" in command(f"--campaign={campaign.uuid}")
        order = Relabelling.objects.get()
        assert (order.scope, order.subject, order.total) == ("campaign", campaign.uuid, 1)
        assert f"{order.uuid}: 0 of 1" in command("--progress")
        record = Record.objects.get(event=Event.RELABELLING_ASKED)
        assert record.facts["images"] == 1
        work()
        assert command("--progress") == ""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--campaign=Autumn"], "no campaign Autumn"),
            (["--team=Nobody"], "no team Nobody"),
            (["--image=7"], "identifier of the image"),
            (["--only=certificate"], "SHA-256"),
            (["--certificate=abc"], "SHA-256"),
        ],
    )
    def test_bad_input_is_said_and_changes_nothing(self, arguments, said, campaign):
        with pytest.raises(CommandError, match=said):
            command(*arguments)
        assert not Relabelling.objects.exists()

    def test_the_same_twice_is_refused(self, campaign):
        command("--campaign=Spring")
        with pytest.raises(CommandError, match="already"):
            command("--campaign=Spring")


class TestAdmin:
    @pytest.fixture
    def desk(self, admin, sign_in):
        return sign_in(admin)

    def test_it_counts_first_and_orders_when_confirmed(self, desk, admin, campaign):
        given = {"scope": "campaign", "what": "Spring", "only": "unsigned"}
        page = desk.post(reverse(ADD), given).content.decode()
        assert "1 image with 3 labelled files" in page
        assert not Relabelling.objects.exists()
        answer = desk.post(reverse(ADD), {**given, "confirm": "1"})
        assert answer["Location"] == reverse("admin:generations_relabelling_changelist")
        order = Relabelling.objects.get()
        assert (order.only, order.asked_by, order.total) == ("unsigned", admin, 1)
        page = desk.get(answer["Location"]).content.decode()
        assert "0 of 1" in page
        page = desk.post(reverse(ADD), {**given, "confirm": "1"}).content.decode()
        assert "is being labelled again already" in page

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"scope": "campaign", "what": "Autumn"}, "Nothing of this kind"),
            ({"scope": "image", "what": "Spring"}, "Nothing of this kind"),
            ({"scope": "all", "what": "Spring"}, "Leave it empty"),
            ({"scope": "all", "only": "certificate"}, "if, and only if"),
            ({"scope": "all", "only": "certificate", "certificate": "xyz"}, "64 hexadecimal"),
            ({"scope": "everything"}, "Select a valid choice"),
        ],
    )
    def test_bad_input_is_said_beside_its_field(self, desk, campaign, given, said):
        assert said in desk.post(reverse(ADD), {**given, "confirm": "1"}).content.decode()
        assert not Relabelling.objects.exists()

    def test_what_was_left_out_is_listed(self, desk, campaign, alice):
        order = Relabelling.objects.create(
            scope="team",
            subject=alice.team.uuid,
            left=[[str(campaign.uuid), "original_lost"]],
            next_action_at="2020-01-01T00:00Z",
        )
        page = desk.get(reverse("admin:generations_relabelling_change", args=[order.pk]))
        assert "Its original is lost from storage" in page.content.decode()
