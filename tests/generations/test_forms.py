"""The composer's form: it offers and accepts what the engine can do, and explains each refusal."""

import hashlib
import io
import struct
import uuid
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.datastructures import MultiValueDict
from PIL.Image import Image as Pillow

from generations import submission
from generations.forms import ComposeForm, OriginalForm
from generations.forms.fields import FILE_LEFT_OUT
from generations.models import Price, Reference, Run
from generations.submission import NewReference
from tests.factories import make_user
from tests.generations.asking import APIXO, DEMO
from tests.generations.factories import SIZE, image_file, make_finished_run, make_reference

pytestmark = pytest.mark.django_db


def values(**given):
    usual = {
        "engine": DEMO,
        "prompt": "ridges at dawn",
        "num_images": "4",
        "resolution": "2K",
        "aspect_ratio": "3:2",
        "idempotency_key": str(uuid.uuid4()),
    } | given
    lists = {name: value if isinstance(value, list) else [value] for name, value in usual.items()}
    return MultiValueDict(lists)


def upload(data, name="picture.png", content_type="image/png"):
    return SimpleUploadedFile(name, data, content_type)


def sent(user, *files, **given):
    given = ({"rights": "own"} if files else {}) | given
    return ComposeForm(values(**given), MultiValueDict({"references": list(files)}), user=user)


def errors_of(form):
    assert not form.is_valid()
    return {name: " ".join(messages) for name, messages in form.errors.items()}


class TestRequest:
    def test_holds_what_was_chosen(self, alice):
        form = sent(alice, num_images="2", seed="7", campaign="Autumn")
        assert form.is_valid(), form.errors
        request = form.to_request()
        assert (request.engine, request.num_images, request.campaign) == (DEMO, 2, "Autumn")
        assert request.prompt == "ridges at dawn"
        assert request.options["resolution"] == "2K"
        assert request.options["aspect_ratio"] == "3:2"
        assert request.options["seed"] == 7

    def test_options_left_empty_are_not_sent(self, alice):
        form = sent(alice, seed="", guidance_scale="")
        assert form.is_valid(), form.errors
        assert not {"seed", "guidance_scale", "negative_prompt", "sequential"} & set(
            form.to_request().options
        )

    def test_missing_fields_have_the_values_that_the_page_would_have_shown(self, alice):
        given = values()
        for name in ("num_images", "resolution", "aspect_ratio"):
            del given[name]
        form = ComposeForm(given, user=alice)
        assert form.is_valid(), form.errors
        request = form.to_request()
        assert (request.num_images, request.options["resolution"]) == (4, "2K")

    def test_line_breaks_count_as_one_character(self, alice, apixo_key):
        limit = 5000
        form = sent(alice, engine=APIXO, prompt="a\r\n" * (limit // 2))
        assert form.is_valid(), form.errors
        assert "\r" not in form.to_request().prompt

    def test_a_forged_price_is_ignored(self, alice):
        form = sent(alice, price="0", credits="0")
        assert form.is_valid()
        assert form.draft.price == 4 * Price.objects.get(engine=DEMO, tier="2K").credits

    def test_nothing_is_written(self, alice):
        assert sent(alice, upload(image_file())).is_valid()
        assert not Run.objects.exists()
        assert not Reference.objects.exists()


class TestTexts:
    @pytest.mark.parametrize("prompt", ["", " ", "\r\n\t"])
    def test_an_empty_prompt(self, alice, prompt):
        assert "Write what" in errors_of(sent(alice, prompt=prompt))["prompt"]

    def test_a_prompt_that_is_too_long_is_refused_with_its_length(self, alice, apixo_key):
        message = errors_of(sent(alice, engine=APIXO, prompt="x" * 5012))["prompt"]
        assert "5012" in message
        assert "5000" in message
        assert "12." in message

    @pytest.mark.parametrize("name", ["prompt", "campaign"])
    @pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
    def test_nul_and_lone_surrogates(self, alice, name, bad):
        assert "character" in errors_of(sent(alice, **{name: bad}))[name]


class TestChoices:
    @pytest.mark.parametrize("count", ["0", "-1", "1000", "four", "", "1.5", "\0"])
    def test_a_wrong_count_is_refused_with_the_possible_ones(self, alice, count):
        assert "1 to" in errors_of(sent(alice, num_images=count))["num_images"]

    @pytest.mark.parametrize("engine", ["", "nobody/nothing", APIXO, "\0"])
    def test_an_engine_that_is_not_set_up(self, alice, engine):
        assert "Choose another" in errors_of(sent(alice, engine=engine))["engine"]

    def test_an_unknown_format_is_refused_with_the_possible_ones(self, alice):
        assert "16:9" in errors_of(sent(alice, aspect_ratio="7:5"))["aspect_ratio"]

    def test_an_unknown_resolution(self, alice):
        assert "2K" in errors_of(sent(alice, resolution="8K"))["resolution"]

    @pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "x", "1.5"])
    def test_a_seed_beyond_its_limits(self, alice, seed):
        assert errors_of(sent(alice, seed=seed))["seed"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("seed", "0"),
            ("guidance_scale", "5"),
            ("negative_prompt", "fog"),
            ("output_format", "png"),
            ("enhance_prompt", "on"),
        ],
    )
    def test_an_option_that_the_engine_lacks_is_absent_and_refused(
        self, alice, apixo_key, name, value
    ):
        form = sent(alice, engine=APIXO, **{name: value})
        assert name not in form.fields
        assert "does not have this option" in errors_of(form)["__all__"]

    def test_a_switch_that_is_off_asks_for_nothing(self, alice, apixo_key):
        assert sent(alice, engine=APIXO, enhance_prompt="false").is_valid()

    @pytest.mark.parametrize("key", ["", "x", "1", "\0"])
    def test_a_bad_key_is_replaced(self, alice, key):
        form = sent(alice, idempotency_key=key)
        assert "press again" in errors_of(form)["idempotency_key"]
        assert uuid.UUID(form.key)

    def test_a_good_key_stays_while_errors_are_corrected(self, alice):
        key = str(uuid.uuid4())
        assert sent(alice, idempotency_key=key, prompt="").key == key


def bomb():
    """A PNG of a few hundred bytes that claims 50,000 by 50,000 pixels."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


BAD_FILES = {
    "no image": b"hello",
    "empty": b"",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "bomb": bomb(),
    "cut off": image_file((400, 400))[:120],
    "gif": image_file(image_format="GIF"),
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "tiny": image_file((3, 3)),
}


class Unread(io.BytesIO):
    def read(self, *args):
        raise AssertionError("the file was read")


class TestReferences:
    def test_images_of_the_team_come_in_order_and_then_uploads(self, alice, bob):
        image = make_finished_run(bob).images.get()
        reference = make_reference(bob)
        form = sent(
            alice,
            upload(image_file()),
            references=[str(reference.uuid), str(image.uuid)],
            rights="client",
        )
        assert form.is_valid(), form.errors
        first, second, third = form.to_request().references
        assert (first, second) == (reference, image)
        assert isinstance(third, NewReference)
        assert third.rights == "client"

    @pytest.mark.parametrize("rights", ["", "generated", "mine"])
    def test_rights_to_an_upload_must_be_chosen(self, alice, rights):
        file = upload(b"")
        file.file, file.size = Unread(), 1_000_000
        told = errors_of(sent(alice, file, rights=rights))["rights"]
        assert "Say which rights" in told or "not one of the available choices" in told

    def test_no_rights_are_preselected_and_none_are_asked_for_without_uploads(self, alice):
        form = sent(alice, references=[str(make_reference(alice).uuid)])
        assert form.fields["rights"].initial is None
        assert form.is_valid(), form.errors

    def test_a_licence_must_be_named(self, alice):
        assert "licence" not in sent(alice, upload(image_file())).fields
        assert "which licence" in errors_of(sent(alice, upload(b""), rights="licensed"))["licence"]
        form = sent(alice, upload(image_file()), rights="licensed", licence="Agency, order 7")
        assert form.is_valid(), form.errors
        (reference,) = form.to_request().references
        assert (reference.rights, reference.licence) == ("licensed", "Agency, order 7")

    def test_an_upload_is_hashed_and_not_decoded(self, alice, monkeypatch):
        data = image_file()
        monkeypatch.setattr(Pillow, "load", None)
        form = sent(alice, upload(data))
        assert form.is_valid(), form.errors
        (reference,) = form.to_request().references
        assert reference.sha256 == hashlib.sha256(data).hexdigest()
        assert (reference.facts.width, reference.facts.height) == SIZE

    def test_no_file_is_read_if_the_person_cannot_pay(self):
        poor = make_user(quota=1)
        file = upload(b"")
        file.file, file.size = Unread(), 1_000_000
        assert "You have 1 left" in errors_of(sent(poor, file))["__all__"]

    def test_a_repeated_press_is_accepted_although_it_used_up_the_credits(self):
        person = make_user(quota=2)
        key, file = str(uuid.uuid4()), image_file()
        runs = []
        for _press in range(2):
            form = sent(person, upload(file), num_images="1", idempotency_key=key)
            assert form.is_valid(), form.errors
            runs.append(submission.submit(person, form.to_request()))
        assert runs[0] == runs[1]

    def test_an_unusable_reference_is_refused_with_the_reason(self, alice):
        refused = make_reference(alice, status="refused", problem="The image is damaged.")
        given = [str(refused.uuid)]
        assert "The image is damaged." in errors_of(sent(alice, references=given))["references"]
        fitting = ComposeForm.fitting({"references": given}, user=alice)
        assert (fitting.draft.images, "The image is damaged." in fitting.notes[0]) == ([], True)

    @pytest.mark.parametrize("kind", BAD_FILES)
    def test_a_bad_file_is_refused_by_name(self, alice, kind):
        message = errors_of(sent(alice, upload(BAD_FILES[kind], name="trap.png")))["references"]
        assert "trap.png" in message

    def test_a_file_that_is_too_large_is_not_read(self, alice):
        file = upload(b"")
        file.file, file.size = Unread(), 50_000_000
        assert "47.7" in errors_of(sent(alice, file))["references"]

    @pytest.mark.parametrize(
        "identifier", ["x", "\0", "11111111-2222-3333-4444-555555555555", "[object Object]"]
    )
    def test_an_unknown_identifier_is_refused(self, alice, identifier):
        assert "no longer exists" in errors_of(sent(alice, references=[identifier]))["references"]

    def test_other_teams_images_are_refused_like_unknown_ones(self, alice, charlie):
        image = make_finished_run(charlie).images.get()
        reference = make_reference(charlie)
        missing = errors_of(sent(alice, references=[str(uuid.uuid4())]))
        for uuid_of_stranger in (image.uuid, reference.uuid):
            assert errors_of(sent(alice, references=[str(uuid_of_stranger)])) == missing

    def test_more_than_the_engine_takes_are_refused(self, alice):
        most = ComposeForm(user=alice).draft.able.max_references
        references = [str(make_reference(alice).uuid)] * (most + 1)
        assert str(most) in errors_of(sent(alice, references=references))["references"]

    def test_links_need_a_public_address(self, alice, apixo_key, settings):
        settings.SERVED_OVER_HTTPS = False
        reference = make_reference(alice)
        form = sent(alice, engine=APIXO, references=[str(reference.uuid)])
        assert "references" not in form.fields
        assert "PUBLIC_URL" in form.draft.why_no_references
        assert "PUBLIC_URL" in errors_of(form)["__all__"]

    def test_links_work_with_a_public_address(self, alice, apixo_key, settings):
        settings.SERVED_OVER_HTTPS = True
        form = sent(alice, engine=APIXO, references=[str(make_reference(alice).uuid)])
        assert form.is_valid(), form.errors


class TestFitting:
    def test_values_that_fit_another_engine_are_kept(self, alice, apixo_key):
        given = {"engine": APIXO, "prompt": "a fox", "aspect_ratio": "16:9", "num_images": 2}
        form = ComposeForm.fitting(given, user=alice)
        assert not form.is_bound
        assert form.draft.engine.name == APIXO
        kept = {name: form.get_initial_for_field(form.fields[name], name) for name in given}
        assert kept == given
        assert form.notes == []

    def test_each_value_that_does_not_fit_is_noted(self, alice, apixo_key):
        given = {"engine": APIXO, "seed": 7, "aspect_ratio": "7:5", "num_images": 99}
        form = ComposeForm.fitting(given, user=alice)
        assert form.draft.num_images == 4
        assert [note.partition(":")[0] for note in form.notes] == ["Images", "Format", "Seed"]
        assert form.notes[-1].endswith("so it is left out.")

    def test_of_too_many_references_the_first_ones_stay(self, alice):
        most = ComposeForm(user=alice).draft.able.max_references
        references = [str(make_reference(alice).uuid) for _ in range(most + 1)]
        form = ComposeForm.fitting({"references": references}, user=alice)
        assert [str(each.uuid) for each in form.draft.images] == references[:most]
        assert form.draft.given.all("aside") == references[most:]

    def test_empty_and_default_values_are_not_noted(self, alice, apixo_key):
        given = values(engine=APIXO, output_format="", rights="own", enhance_prompt="")
        assert ComposeForm.fitting(given, user=alice).notes == []

    def test_an_empty_prompt_is_not_noted(self, alice):
        form = ComposeForm.fitting({"prompt": ""}, user=alice)
        assert form.notes == []

    def test_files_in_the_browser_count_as_references(self, alice):
        form = ComposeForm.fitting(values(references=[FILE_LEFT_OUT] * 2), user=alice)
        assert (form.draft.uploads, form.draft.images, form.notes) == (2, [], [])

    def test_the_price_follows_count_and_resolution(self, alice):
        def price(**given):
            return ComposeForm.fitting(values(**given), user=alice).draft.price

        of_one = price(num_images="1")
        assert price(num_images="4") == 4 * of_one
        assert price(num_images="1", resolution="4K") != of_one

    def test_without_an_engine_there_is_no_price(self, alice, settings):
        settings.DEMO = False
        form = ComposeForm(user=alice)
        assert (form.draft.engine, form.draft.price) == (None, None)
        assert not ComposeForm(values(), user=alice).is_valid()


class TestOriginalForm:
    def test_requires_a_reason(self):
        assert OriginalForm({"reason": "print shop asks for it"}).is_valid()
        assert "need the original for" in str(OriginalForm({"reason": " "}).errors)
        assert not OriginalForm({"reason": "a\0b"}).is_valid()
