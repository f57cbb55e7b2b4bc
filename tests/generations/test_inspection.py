"""What a file carries: the card of an image, the page for any file, and the command."""

import json
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import label_reading, storage
from generations.forms import inspection as form
from generations.imaging import one_at_a_time
from generations.labelling.metadata.splice import insert_xmp, read_xmp
from generations.models import Image
from generations.views import labels
from tests.factories import make_team, make_user
from tests.generations.factories import image_file, make_finished_run
from tests.generations.imaging.images import make_file, make_png
from tests.generations.labelling.carriers import Read
from tests.generations.labelling.packets import make_mark, make_packet
from tests.generations.labelling.signers import PROVIDER, upstream

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def image(alice) -> Image:
    return make_finished_run(alice, files=True).images.get()


@pytest.fixture
def client(alice, sign_in):
    return sign_in(alice)


def full_file(image) -> bytes:
    return storage.read(storage.renditions(), image.renditions.get(recipe="full").name)


def card_of(client, image, **headers) -> str:
    return client.get(reverse("image-labels", args=[image.uuid]), headers=headers).content.decode()


def look_into(client, data: bytes, status: int = 200) -> str:
    upload = SimpleUploadedFile("picture.png", data, "image/png")
    answer = client.post(reverse("inspect"), {"file": upload})
    assert answer.status_code == status
    return answer.content.decode()


def read_mark(monkeypatch, number):
    """Let the reader of the mark find this number in any pixels; None: no mark."""
    found = None if number is None else Read(number)
    monkeypatch.setattr(label_reading, "_mark", lambda: lambda pixels: found)


def replace_file(image, data: bytes) -> None:
    name = image.renditions.get(recipe="full").name
    storage.erase(storage.renditions(), name)
    storage.save_rendition(name, data)


class TestCard:
    def test_the_page_of_the_image_asks_for_it_after_it_has_opened(self, client, image):
        page = client.get(reverse("image", args=[image.uuid])).content.decode()

        assert f'hx-get="{reverse("image-labels", args=[image.uuid])}"' in page

    def test_each_layer_and_its_state(self, client, image):
        card = card_of(client, image, **PARTIAL)

        assert "AI-generated, labels in place" in card
        assert "It says: made by AI." in card
        assert "Producer: Seedream-Studio" in card
        assert "Not signed" in card
        assert "<html" not in card

    def test_what_the_provider_had_written(self, client, image):
        assert "Not marked" in card_of(client, image)

        Image.objects.update(arrived_with={})
        assert "Not known" in card_of(client, image)

        kept = {"looked": "1", "c2pa": "valid", "issuer": PROVIDER, "aigc": "1"}
        Image.objects.update(arrived_with=kept)
        assert f"by {PROVIDER}, intact. An AIGC label." in card_of(client, image)

    def test_a_signed_file(self, client, image, monkeypatch):
        monkeypatch.setattr(label_reading.certificates, "roots", lambda: upstream().root)
        signed = upstream().sign(full_file(image))
        replace_file(image, signed)

        assert f"Signed by {PROVIDER}. Nothing has changed since." in card_of(client, image)

    def test_a_file_that_was_swapped(self, client, image):
        replace_file(image, image_file())

        card = card_of(client, image)
        assert "This is not the file that the studio stored" in card
        assert "The studio did not draw one into this file." in card
        assert "Missing" in card

    def test_a_file_that_storage_has_lost(self, client, image):
        storage.erase(storage.renditions(), image.renditions.get(recipe="full").name)

        assert "The storage has lost this file" in card_of(client, image)

    def test_pixels_are_read_on_the_page_of_its_own_only(self, client, image, monkeypatch):
        read_mark(monkeypatch, image.delivery_id)

        assert "Found" in card_of(client, image)
        assert "Found" not in card_of(client, image, **PARTIAL)

    def test_a_mark_that_should_be_there(self, client, image, monkeypatch):
        image.renditions.update(mark_key=1)
        assert "Put in, not looked for now" in card_of(client, image, **PARTIAL)

        read_mark(monkeypatch, None)
        assert "Not found" in card_of(client, image)

    def test_letters_that_are_too_small(self, client, image):
        image.renditions.update(capitals=7)

        assert "Too small to read" in card_of(client, image)


class TestWhoseFile:
    def test_our_file(self, client, image):
        page = look_into(client, full_file(image))

        assert "One of ours, unchanged" in page
        assert reverse("image", args=[image.uuid]) in page

    @pytest.mark.parametrize("recipe", ["screen", "preview"])
    def test_our_smaller_files(self, client, image, recipe):
        row = image.renditions.get(recipe=recipe)

        assert "One of ours, unchanged" in look_into(
            client, storage.read(storage.renditions(), row.name)
        )

    def test_an_original(self, client, image):
        data = storage.read(storage.originals(), image.original_name)

        assert "One of ours, without a label" in look_into(client, data)

    def test_our_labels_on_another_picture(self, client, image):
        forged = insert_xmp(make_file("PNG"), read_xmp(full_file(image)))

        page = look_into(client, forged)

        assert "It says that it is one of ours" in page
        assert "compare the pictures" in page

    def test_our_labels_over_a_signature_of_somebody(self, client, image):
        forged = upstream().sign(insert_xmp(make_file("PNG"), read_xmp(full_file(image))))

        assert "It says that it is one of ours" in look_into(client, forged)

    def test_our_mark_in_a_picture_without_labels(self, client, image, monkeypatch):
        read_mark(monkeypatch, image.delivery_id)

        assert "One of ours, changed since" in look_into(client, make_file("JPEG"))

    def test_a_mark_that_leads_nowhere(self, client, image, monkeypatch):
        read_mark(monkeypatch, 2**40 - 1)

        assert "Not an image of your team" in look_into(client, make_file("JPEG"))

    def test_a_strangers_file(self, client, image):
        page = look_into(client, upstream().sign(make_file("JPEG")))

        assert "Not an image of your team" in page
        assert "Intact, signer not confirmed" in page
        assert PROVIDER in page

    def test_another_teams_file_is_not_named(self, image, sign_in):
        other = sign_in(make_user(team=make_team(name="Borealis")))

        page = look_into(other, full_file(image))

        assert "Not an image of your team" in page
        assert reverse("image", args=[image.uuid]) not in page

    def test_who_reads_the_whole_log_knows_every_teams_image(self, image, sign_in):
        other = make_user(team=make_team(name="Borealis"), is_superuser=True)

        page = look_into(sign_in(other), full_file(image))

        assert reverse("log-image", args=[image.uuid]) in page

    def test_an_erased_image(self, client, image):
        data = full_file(image)
        Image.objects.update(erased_at=timezone.now(), hidden_at=timezone.now())

        assert "An image that was erased" in look_into(client, data)

    def test_a_hidden_image(self, client, image):
        data = full_file(image)
        Image.objects.update(hidden_at=timezone.now())

        assert "Not an image of your team" in look_into(client, data)

    def test_it_is_on_record_by_its_hash(self, client, image, alice):
        look_into(client, full_file(image))

        record = Record.objects.get(event=Event.FILE_INSPECTED)
        assert record.actor == alice
        assert record.facts["sha256"] == image.renditions.get(recipe="full").sha256
        assert (record.facts["found"], record.facts["image"]) == ("file", str(image.uuid))


class TestAnyFile:
    def test_nothing_is_kept(self, client, settings, tmp_path):
        settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
        before = sorted(each for each in storage.originals().listdir("")[0])

        look_into(client, make_file("JPEG"))

        assert list(tmp_path.iterdir()) == []
        assert sorted(each for each in storage.originals().listdir("")[0]) == before

    def test_fields_that_may_hold_a_prompt_are_named_not_shown(self, client):
        packet = make_packet(
            "<Iptc4xmpExt:AIPromptInformation>a red fox</Iptc4xmpExt:AIPromptInformation>"
        )

        page = look_into(client, insert_xmp(make_file("PNG"), packet))

        assert "AIPromptInformation" in page
        assert "a red fox" not in page

    def test_texts_of_the_file_are_escaped(self, client):
        mark = make_mark(ContentProducer="<script>").replace("<", "&lt;")
        page = look_into(
            client,
            insert_xmp(make_file("PNG"), make_packet(f"<TC260:AIGC>{mark}</TC260:AIGC>")),
        )

        assert "<script>" not in page.replace("<script ", "")
        assert "&lt;script&gt;" in page

    @pytest.mark.parametrize(
        "data",
        [b"no image", make_file("PNG")[:200], make_png(20_000, 20_000), make_png(64, 64)],
        ids=["text", "cut", "huge", "damaged"],
    )
    def test_a_bad_file_gets_an_answer(self, client, data, monkeypatch):
        read_mark(monkeypatch, 7)

        assert "Not an image of your team" in look_into(client, data)

    def test_a_file_that_is_no_image(self, client):
        assert "It is no JPEG, PNG or WebP image." in look_into(client, b"no image")

    def test_no_file(self, client):
        assert client.post(reverse("inspect")).status_code == 422

    def test_an_empty_file(self, client):
        assert "empty" in look_into(client, b"", status=422)

    def test_a_file_that_is_too_large_is_refused_beside_its_field(self, client, monkeypatch):
        monkeypatch.setattr(form, "MAX_BYTES", 100)
        monkeypatch.setattr(labels, "MAX_BYTES", 100)

        assert "Choose one of at most" in look_into(client, make_file("PNG"), status=422)
        assert not Record.objects.filter(event=Event.FILE_INSPECTED).exists()

    def test_a_process_that_is_busy_says_so(self, client, monkeypatch):
        monkeypatch.setattr(labels, "WAIT_SECONDS", 0)
        held, done = threading.Event(), threading.Event()

        def hold():
            with one_at_a_time:
                held.set()
                done.wait()

        other = threading.Thread(target=hold)
        other.start()
        held.wait()
        try:
            assert "The studio is busy" in look_into(client, make_file("PNG"), status=422)
        finally:
            done.set()
            other.join()


class TestCommand:
    @pytest.fixture
    def inspect(self, tmp_path, capsys):
        def inspect(data: bytes, *options: str) -> tuple[int, str]:
            """The exit code of the command for a file of these bytes, and what it prints."""
            (tmp_path / "file").write_bytes(data)
            code = 0
            try:
                call_command("inspect_label", str(tmp_path / "file"), *options)
            except SystemExit as ended:
                code = ended.code
            return code, capsys.readouterr().out

        return inspect

    def test_complete_and_valid(self, inspect, image):
        code, told = inspect(upstream().sign(full_file(image)))

        assert code == 0
        assert "The labels are complete and valid." in told

    def test_labels_that_are_missing(self, inspect, image):
        assert inspect(make_file("JPEG"))[0] == 1
        assert "credentials_missing" in inspect(full_file(image))[1]

    def test_a_signature_that_is_broken(self, inspect, image):
        signed = bytearray(upstream().sign(full_file(image)))
        signed[-40] ^= 1  # in the pixels

        code, told = inspect(bytes(signed))

        assert (code, "credentials_invalid" in told) == (1, True)

    def test_no_image(self, inspect):
        assert inspect(b"no image")[0] == 2

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(SystemExit, match="2"):
            call_command("inspect_label", str(tmp_path / "nothing"))

    def test_a_file_that_never_ends(self, tmp_path, monkeypatch):
        command = "generations.management.commands.inspect_label.MAX_BYTES"
        monkeypatch.setattr(command, 1000)
        with pytest.raises(SystemExit, match="2"):
            call_command("inspect_label", "/dev/zero")

    def test_json(self, inspect, image):
        found = json.loads(inspect(full_file(image), "--json")[1])

        assert (found["schema"], found["complete"]) == (1, False)
        assert found["faults"] == ["credentials_missing"]
        assert found["aigc"][0]["fields"]["PropagateID"] == str(image.uuid)
