"""Which labels images get: chosen for a campaign, a team, the studio, else the defaults."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from PIL import Image as Pillow

from accounts.events import Event
from accounts.groups import LEGAL_COUNSEL
from accounts.models import Record
from generations import label_policies, storage
from generations.checks import eu_icon_can_be_used
from generations.jobs.execution import renditions
from generations.labelling import PRESETS, SAMPLES, Original, Source, read_xmp
from generations.labelling.metadata import xmp
from generations.models import Campaign, LabelPolicy
from tests.factories import make_team, make_user
from tests.generations.factories import image_file, make_finished_run, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(alice):
    return Campaign.objects.create(team=alice.team, name="Spring", created_by=alice)


@pytest.fixture
def chosen(alice, campaign):
    """The labels in force for a run of alice, with or without the campaign."""

    def labels(*, of_campaign=True):
        run = make_run(alice, campaign=campaign if of_campaign else None)
        return label_policies.of_run(run)

    return labels


class TestResolution:
    def test_without_a_policy_the_defaults_hold(self, chosen):
        labels = chosen()

        assert labels.preset == PRESETS["english"]
        assert (labels.corner, labels.size, labels.clear_of_stories) == (
            "bottom-right",
            0.025,
            False,
        )
        assert labels.producer_code == "Seedream-Studio"
        assert (labels.producer_name, labels.mining) == ("", "")

    def test_each_field_comes_from_the_narrowest_that_chose_it(self, chosen, campaign):
        LabelPolicy.objects.create(badge="chinese", corner="top-left", size=40, mining="allowed")
        LabelPolicy.objects.create(team=campaign.team, corner="top-right", credit="Team")
        LabelPolicy.objects.create(campaign=campaign, credit="Campaign", mining="unsaid")

        labels = chosen()

        assert labels.preset == PRESETS["chinese"]
        assert (labels.size, labels.corner) == (0.04, "top-right")
        assert (labels.credit, labels.mining) == ("Campaign", "")

    def test_a_run_without_the_campaign_has_what_the_team_chose(self, chosen, campaign):
        LabelPolicy.objects.create(team=campaign.team, credit="Team")
        LabelPolicy.objects.create(campaign=campaign, credit="Campaign")

        assert chosen(of_campaign=False).credit == "Team"

    def test_another_teams_choice_is_not_ours(self, chosen):
        LabelPolicy.objects.create(team=make_team(), credit="Theirs")

        assert chosen().credit == ""

    def test_takes_one_query(self, chosen, campaign, django_assert_num_queries):
        LabelPolicy.objects.create(campaign=campaign, credit="Campaign")
        with django_assert_num_queries(1):
            label_policies.in_force(team_id=campaign.team_id, campaign_id=campaign.pk)

    def test_a_run_keeps_what_was_found_first(self, alice):
        run = make_run(alice)
        before = label_policies.of_run(run)
        LabelPolicy.objects.create(badge="chinese")

        assert label_policies.of_run(run) is before

    @pytest.mark.parametrize("source", Source)
    def test_a_credit_line_is_never_empty(self, chosen, source):
        assert "AI" in chosen().credit_of(source)

    def test_the_words_follow_how_the_image_was_made(self, chosen):
        assert chosen().badge(Source.GENERATED).text == "AI-generated"
        assert chosen().badge(Source.COMPOSITE).text == "AI-modified"

    def test_every_choice_in_the_admin_is_a_badge(self):
        assert set(LabelPolicy.Preset) == set(PRESETS)
        for preset in PRESETS.values():
            for size in LabelPolicy.Size:
                for source in Source:
                    preset.badge(source, size=size / 1000)


class TestRows:
    def test_the_studio_has_one(self):
        LabelPolicy.objects.create()
        with pytest.raises(IntegrityError), transaction.atomic():
            LabelPolicy.objects.create()

    def test_one_holds_for_a_team_or_a_campaign(self, campaign):
        with pytest.raises(ValidationError, match="not both"):
            LabelPolicy(team=campaign.team, campaign=campaign).full_clean()

    @pytest.mark.parametrize("code", ["two words", "公司", 'quo"te', "a\\b", "line\n", "x" * 65])
    def test_a_code_outside_the_alphabet_is_refused(self, code):
        with pytest.raises(ValidationError) as refused:
            LabelPolicy(producer_code=code).full_clean()

        assert set(refused.value.message_dict) == {"producer_code"}

    def test_the_code_of_a_provider_is_accepted(self):
        LabelPolicy(producer_code="00119144010120CE4A12BC34D56").full_clean()


class TestFiles:
    """What was chosen is in the files, on the rows and on the record."""

    @pytest.fixture
    def image(self, alice):
        LabelPolicy.objects.create(
            badge="bilingual",
            corner="top-left",
            size=50,
            credit="Example, with AI",
            producer_name="Example GmbH",
            producer_code="example-gmbh",
            mining="notAllowed",
        )
        return make_finished_run(alice, files=True, size=(300, 200)).images.get()

    def test_the_files_say_it(self, image):
        packet = self.packet(image, "full")

        assert xmp.values(packet, "photoshop:Credit") == ["Example, with AI"]
        assert xmp.values(packet, "dc:publisher") == ["Example GmbH"]
        assert xmp.values(packet, "plus:DataMining")[0].endswith("/DMI-PROHIBITED")
        assert '"ContentProducer":"example-gmbh"' in xmp.values(packet, "TC260:AIGC")[0]

    def packet(self, image, recipe):
        row = image.renditions.get(recipe=recipe)
        return xmp.parse(read_xmp(storage.read(storage.renditions(), row.name)))

    def test_each_row_names_the_badge_and_its_version(self, image):
        for row in image.renditions.all():
            assert (row.preset, row.preset_version) == ("bilingual", PRESETS["bilingual"].version)
            assert row.badge["text"] == "AI生成\nAI-generated"
            assert (row.badge["corner"], row.badge["size"]) == ("top-left", 0.05)
            assert row.badge["contrast"] >= 4.5
            assert row.capitals >= 0.05 * min(row.width, row.height)

    def test_the_record_says_it_in_words(self, image):
        words = renditions.label_in_words(image)

        assert (words["badge_preset"], words["badge_version"]) == ("bilingual", "1")
        assert (words["badge_corner"], words["badge_size"]) == ("top-left", "5.0%")
        assert (words["producer_name"], words["mining"]) == ("Example GmbH", "notAllowed")

    def test_a_model_that_a_provider_made_up_stays_out(self, alice):
        image = make_finished_run(alice).images.get()
        image.generation.model = "a secret prompt"

        assert "secret" not in renditions.label_facts(image.generation, image).system_version


class TestIcon:
    @pytest.fixture
    def folder(self, settings, tmp_path):
        settings.EU_ICON_DIR = str(tmp_path)
        return tmp_path

    def test_a_file_is_used(self, folder, chosen):
        LabelPolicy.objects.create(badge="eu")
        for name in ("generated.png", "modified.png"):
            (folder / name).write_bytes(image_file((20, 20)))

        assert chosen().badge(Source.GENERATED).icon.name != "drawn"
        assert eu_icon_can_be_used() == []

    @pytest.mark.parametrize("data", [None, b"no png", b"x" * 1_000_001])
    def test_one_that_can_not_be_used_is_told_at_the_start_and_drawn(self, folder, chosen, data):
        LabelPolicy.objects.create(badge="eu")
        if data is not None:
            (folder / "generated.png").write_bytes(data)

        assert chosen().badge(Source.GENERATED).icon.name == "drawn"
        assert len(eu_icon_can_be_used()) == 2

    def test_without_a_folder_letters_are_drawn(self, chosen):
        LabelPolicy.objects.create(badge="eu")

        assert chosen().badge(Source.COMPOSITE).icon.name == "drawn"
        assert eu_icon_can_be_used() == []


class TestAdmin:
    @pytest.fixture
    def admin(self, superuser, sign_in):
        return sign_in(superuser)

    def look(self, admin, name="light", **chosen):
        address = reverse("admin:generations_labelpolicy_preview", args=[name])
        return admin.get(address, chosen)

    @pytest.mark.parametrize("name", SAMPLES)
    def test_a_preview_shows_each_sample(self, admin, name):
        answer = self.look(admin, name, badge="eu", corner="top-left", size="50")

        shown = Pillow.open(io.BytesIO(answer.content))
        assert shown.size == tuple(side // 2 for side in SAMPLES[name])
        assert answer["Content-Type"] == "image/jpeg"

    def test_a_preview_shows_what_is_not_saved(self, admin):
        answers = {
            self.look(admin, **chosen).content
            for chosen in (
                {},
                {"badge": "chinese"},
                {"corner": "top-left"},
                {"size": "70"},
                {"made": "composite"},
            )
        }

        assert len(answers) == 5
        assert not LabelPolicy.objects.exists()

    def test_a_preview_takes_the_rest_from_the_wider_policies(self, admin, campaign):
        plain = self.look(admin, campaign=campaign.pk).content
        LabelPolicy.objects.create(team=campaign.team, badge="chinese")

        of_campaign = self.look(admin, campaign=campaign.pk).content

        assert of_campaign == self.look(admin, badge="chinese").content != plain
        assert self.look(admin).content == plain

    def test_a_preview_of_the_studios_own_policy_is_that_alone(self, admin):
        before = self.look(admin, corner="top-left").content
        LabelPolicy.objects.create(badge="chinese")

        assert self.look(admin, corner="top-left").content == before

    @pytest.mark.parametrize(
        "chosen", [{"badge": "x"}, {"size": "1"}, {"team": "x"}, {"made": "x"}]
    )
    def test_what_can_not_be_chosen_is_refused(self, admin, chosen):
        assert self.look(admin, **chosen).status_code == 400

    def test_there_are_no_other_samples(self, admin):
        assert self.look(admin, "secret").status_code == 404

    def test_the_form_shows_the_samples_with_what_is_chosen(self, admin):
        policy = LabelPolicy.objects.create(badge="chinese")
        page = admin.get(reverse("admin:generations_labelpolicy_change", args=[policy.pk]))

        assert page.content.count(b"?badge=chinese&amp;made=generated") == len(SAMPLES)

    def test_those_who_may_only_look_see_the_samples_of_what_is_saved(self, sign_in):
        policy = LabelPolicy.objects.create(badge="chinese")
        counsel = sign_in(make_user(groups=[LEGAL_COUNSEL], is_staff=True))
        page = counsel.get(reverse("admin:generations_labelpolicy_change", args=[policy.pk]))

        assert page.content.count(b"?badge=chinese&amp;made=generated") == len(SAMPLES)
        assert self.look(counsel).status_code == 200

    def test_without_scripts_the_form_shows_what_is_not_saved(self, admin):
        chosen = {"badge": "eu", "_show": "1"}
        page = admin.post(reverse("admin:generations_labelpolicy_add"), chosen)

        assert b"Nothing is saved yet" in page.content
        assert b"?badge=eu&amp;made=generated" in page.content
        assert not LabelPolicy.objects.exists()

    def test_a_policy_without_a_choice_is_refused(self, admin):
        page = admin.post(reverse("admin:generations_labelpolicy_add"), {})

        assert b"Choose something" in page.content

    def test_a_code_outside_the_alphabet_is_told_beside_its_field(self, admin):
        chosen = {"producer_code": "Example GmbH"}
        page = admin.post(reverse("admin:generations_labelpolicy_add"), chosen)

        assert "GB 45438 allows no others" in str(page.context["adminform"].form.errors)

    def test_a_change_is_on_record_with_before_and_after(self, admin):
        policy = LabelPolicy.objects.create(badge="chinese", credit="Old")
        address = reverse("admin:generations_labelpolicy_change", args=[policy.pk])
        admin.post(address, {"badge": "eu", "credit": "New"})

        facts = Record.objects.get(event=Event.ADMIN_CHANGED).facts
        assert facts["before"] == {"badge": "chinese", "credit": "Old"}
        assert facts["after"] == {"badge": "eu", "credit": "New"}


def test_files_that_are_made_again_follow_the_policy_of_now(alice):
    image = make_finished_run(alice, files=True).images.get()
    LabelPolicy.objects.create(badge="chinese")
    image = type(image).objects.get(pk=image.pk)

    rows = renditions.make_files(image, Original(image_file()))

    assert {row.preset for row in rows} == {"chinese"}
