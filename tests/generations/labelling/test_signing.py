import dataclasses
import io
import os
import threading

import pytest
from PIL import Image

from generations.labelling import (
    ENGLISH,
    RECIPES,
    Labels,
    Original,
    ReferenceFacts,
    Source,
    label,
    read_xmp,
)
from generations.labelling.manifests.credentials import (
    INVALID,
    MAX_STORE_BYTES,
    TRUSTED,
    read_credentials,
)
from generations.labelling.manifests.signing import NoStamp, sign
from tests.generations.imaging.images import FORMATS, make_file
from tests.generations.labelling.signers import (
    GENERATED,
    PROVIDER,
    make_signer,
    manifests_of,
    upstream,
)
from tests.generations.labelling.test_credentials import superbox, with_store

HASH = "ab" * 32
IMAGE = "0192f0c1-7b94-7b92-92fd-4d16a9a4e9ea"


@pytest.fixture(scope="module")
def signer():
    return make_signer()


def plain_actions(data):
    found = manifests_of(data)
    manifest = found["manifests"][found["active_manifest"]]
    (listed,) = (each for each in manifest["assertions"] if each["label"] == "c2pa.actions.v2")
    return listed["data"]["actions"]


class TestOurFiles:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_every_rendition_verifies_against_our_root(self, signer, facts, image_format):
        original = Original(make_file(image_format, size=(300, 200)))

        plain, made = (
            label(original, facts=facts, recipes=RECIPES, labels=Labels(ENGLISH, signer=each))
            for each in (None, signer)
        )

        for file, before in zip(made, plain, strict=True):
            found = read_credentials(file.data, roots=signer.roots)
            assert (found.state, found.problems, found.issuer) == (TRUSTED, (), "Example Ltd")
            assert (found.image_id, found.depth) == (facts.image_id, 1)
            assert (file.certificate, file.is_stamped) == (signer.certificate.sha256, None)
            assert 0 < len(file.data) - len(before.data) < 6000

    def test_says_how_and_when_and_with_what_it_was_made(self, signer, facts):
        facts = dataclasses.replace(facts, source=Source.COMPOSITE, tool_version="1.2")

        data = signer.sign(make_file("JPEG"), facts, make_file("PNG")).data

        (action,) = plain_actions(data)
        assert action["action"] == "c2pa.created"
        assert action["digitalSourceType"] == Source.COMPOSITE.uri
        assert action["softwareAgent"] == {
            "name": "Seedream 4.5",
            "version": "seedream-4-5-251128",
        }
        assert action["when"] == "2026-08-02T10:30:15+00:00"
        found = read_credentials(data, roots=signer.roots)
        assert (found.generator, found.generator_version) == ("Seedream Studio", "1.2")

    def test_all_that_we_say_counts_as_said_by_us(self, signer, facts):
        facts = dataclasses.replace(facts, mining="constrained")

        found = manifests_of(signer.sign(make_file("JPEG"), facts, b"").data)

        said = found["manifests"][found["active_manifest"]]["assertions"]
        assert {each["label"]: each.get("created") for each in said} == {
            "c2pa.actions.v2": True,
            "cawg.training-mining": True,
            "org.seedream-studio.image": True,
        }

    def test_references_are_named_by_their_hash(self, signer, facts):
        references = (ReferenceFacts(HASH, "JPEG", None), ReferenceFacts("cd" * 32, "PNG", IMAGE))
        facts = dataclasses.replace(facts, references=references)

        data = signer.sign(make_file("WEBP"), facts, b"").data

        found = read_credentials(data, roots=signer.roots)
        assert [(each.relationship, each.sha256) for each in found.ingredients] == [
            ("inputTo", HASH),
            ("inputTo", "cd" * 32),
        ]
        assert not any(each.has_manifest for each in found.ingredients)
        (action,) = plain_actions(data)
        assert len(action["parameters"]["ingredients"]) == 2
        assert b"thumbnail" not in data

    def test_says_that_the_pixels_are_marked(self, signer, facts):
        for is_marked in (True, False):
            data = signer.sign(make_file("JPEG"), facts, b"", is_marked=is_marked).data

            found = read_credentials(data, roots=signer.roots)
            assert found.state == TRUSTED
            names = [each.name for each in found.actions]
            assert names == ["c2pa.created", *["c2pa.watermarked.unbound"] * is_marked]

    @pytest.mark.parametrize("mining", ["allowed", "notAllowed", "constrained", ""])
    def test_mining_as_the_policy_says(self, signer, facts, mining):
        facts = dataclasses.replace(facts, mining=mining)

        found = read_credentials(
            signer.sign(make_file("JPEG"), facts, b"").data, roots=signer.roots
        )

        assert set(found.mining.values()) == ({mining} if mining else set())
        assert len(found.mining) == (4 if mining else 0)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_pixels_and_xmp_stay_as_they_were(self, signer, facts, image_format):
        original = Original(make_file(image_format, size=(200, 100)))

        plain, signed = (
            label(original, facts=facts, recipes=RECIPES[:1], labels=Labels(ENGLISH, signer=each))
            for each in (None, signer)
        )

        assert read_xmp(signed[0].data) == read_xmp(plain[0].data)
        assert pixels(signed[0].data) == pixels(plain[0].data)


class TestChangedAfterwards:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_a_field_of_the_xmp(self, signer, facts, image_format):
        data = labelled(signer, facts, image_format)

        changed = data.replace(b"Example Ltd, made with AI", b"Example Ltd, made by hand")

        assert read_credentials(changed, roots=signer.roots).state == INVALID

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_saved_again(self, signer, facts, image_format):
        data = labelled(signer, facts, image_format)

        again = make_file(image_format, image=Image.open(io.BytesIO(data)))

        assert read_credentials(again, roots=signer.roots) is None


class TestOverUpstream:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_is_opened_and_edited_and_kept(self, signer, facts, image_format):
        original = upstream().sign(make_file("JPEG"))
        references = (ReferenceFacts(HASH, "JPEG", None),)
        facts = dataclasses.replace(facts, references=references)

        data = signer.sign(make_file(image_format), facts, original).data

        found = read_credentials(data, roots=signer.roots)
        assert (found.state, found.depth) == (TRUSTED, 2)
        assert [each.name for each in found.actions] == ["c2pa.opened", "c2pa.edited"]
        assert found.source_type == GENERATED
        related = {each.relationship: each for each in found.ingredients}
        assert related["parentOf"].has_manifest
        assert related["inputTo"].sha256 == HASH
        issuers = {
            each["signature_info"]["issuer"] for each in manifests_of(data)["manifests"].values()
        }
        assert issuers == {"Example Ltd", PROVIDER}

    def test_that_was_changed_is_kept_and_named_so(self, signer, facts):
        original = upstream().sign(make_file("JPEG"))
        changed = original[:-20] + bytes([original[-20] ^ 1]) + original[-19:]

        data = signer.sign(make_file("JPEG"), facts, changed).data

        found = read_credentials(data, roots=signer.roots)
        assert found.state == TRUSTED
        (parent,) = found.ingredients
        assert "assertion.dataHash.mismatch" in parent.problems

    def test_three_generations_deep(self, signer, facts):
        original = upstream().sign(make_file("JPEG"))
        for _ in range(2):
            original = upstream().sign(make_file("JPEG"), parent=original)

        data = signer.sign(make_file("JPEG"), facts, original).data

        assert read_credentials(data, roots=signer.roots).depth == 4

    @pytest.mark.parametrize(
        "store",
        [b"\0" * 40, b"\xff" * 4000, superbox(bytes(16), bytes(MAX_STORE_BYTES + 1))],
        ids=["zeros", "ones", "too large"],
    )
    def test_that_is_no_manifest_costs_only_itself(self, signer, facts, store):
        data = signer.sign(make_file("JPEG"), facts, with_store(store)).data

        found = read_credentials(data, roots=signer.roots)
        assert (found.state, found.depth) == (TRUSTED, 1)
        assert [each.name for each in found.actions] == ["c2pa.created"]

    def test_that_is_elsewhere_is_not_asked_for(self, signer, facts):
        original = upstream().sign(make_file("JPEG"), remote="http://127.0.0.1:9/x", embed=False)

        data = signer.sign(make_file("JPEG"), facts, original).data

        assert read_credentials(data, roots=signer.roots).depth == 1


def test_a_key_that_is_elsewhere_signs_as_well(signer, facts):
    certificate = dataclasses.replace(signer.certificate, private="")

    signed = dataclasses.replace(signer, certificate=certificate).sign(make_file(), facts, b"")

    assert read_credentials(signed.data, roots=signer.roots).state == TRUSTED


class TestRefuses:
    def test_a_key_that_signs_nothing(self, signer, facts):
        def broken(data):
            raise OSError("the service is away")

        certificate = dataclasses.replace(signer.certificate, key=broken, private="")

        with pytest.raises(ValueError, match="the service is away"):
            dataclasses.replace(signer, certificate=certificate).sign(make_file(), facts, b"")

    def test_a_key_of_somebody_else(self, signer, facts):
        certificate = dataclasses.replace(
            signer.certificate, private=make_signer().certificate.private
        )

        with pytest.raises(ValueError, match=r"does not verify: claimSignature\.mismatch"):
            dataclasses.replace(signer, certificate=certificate).sign(make_file(), facts, b"")

    def test_a_root_that_does_not_vouch(self, signer, facts):
        with pytest.raises(ValueError, match=r"signingCredential\.untrusted"):
            dataclasses.replace(signer, roots=make_signer().roots).sign(make_file(), facts, b"")

    def test_what_is_no_picture(self, signer, facts):
        with pytest.raises(ValueError, match="only JPEG, PNG and WebP"):
            signer.sign(b"hello", facts, b"")


class TestStamps:
    def test_without_one_the_file_is_signed_and_flagged(self, signer, facts):
        def silent(request, key):
            raise NoStamp("nobody there")

        signed = dataclasses.replace(signer, stamping=silent).sign(make_file(), facts, b"")

        assert signed.is_stamped is False
        assert read_credentials(signed.data, roots=signer.roots).state == TRUSTED

    def test_what_lacks_one_does_not_pass_for_stamped(self, signer, facts):
        signed = dataclasses.replace(signer, stamping=sign).sign(make_file(), facts, b"")

        assert signed.is_stamped is False


def test_a_forked_process_signs(signer, facts):
    """What c2pa made before the fork is of no use after it."""
    signer.sign(make_file("JPEG"), facts, b"")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signed = signer.sign(make_file("JPEG"), facts, b"")
            os.write(writing, signed.certificate.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert answer.read() == signer.certificate.sha256
    os.waitpid(child, 0)


def test_threads_sign_at_once(signer, facts):
    signed = []

    def work():
        signed.extend(signer.sign(make_file("JPEG"), facts, b"") for _ in range(4))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(signed) == 16


def labelled(signer, facts, image_format):
    original = Original(make_file(image_format, size=(200, 100)))
    labels = Labels(ENGLISH, signer=signer)
    (made,) = label(original, facts=facts, recipes=RECIPES[:1], labels=labels)
    return made.data


def pixels(data):
    return Image.open(io.BytesIO(data)).tobytes()
