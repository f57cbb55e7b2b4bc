import random
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from generations.imaging.containers import chunks
from generations.labelling.manifests.credentials import (
    INVALID,
    MAX_STORE_BYTES,
    REMOTE,
    TRUSTED,
    UNREADABLE,
    VALID,
    read_credentials,
    store_bytes,
)
from tests.generations.imaging.images import FORMATS, make_file
from tests.generations.labelling.signers import CREATED, GENERATED, PROVIDER, Upstream, upstream

# Labels of JUMBF boxes: ISO 19566-5, B, and C2PA 2.2, 11.1.
STORE_TYPE = bytes.fromhex("63327061 0011 0010 8000 00aa00389b71")
MANIFEST_TYPE = bytes.fromhex("63326d61 0011 0010 8000 00aa00389b71")
CLAIM_TYPE = bytes.fromhex("6332636c 0011 0010 8000 00aa00389b71")


@pytest.fixture(scope="module", params=FORMATS)
def signed(request):
    return upstream().sign(make_file(request.param))


class TestSigned:
    def test_by_whom_a_root_vouches_for(self, signed):
        found = read_credentials(signed, roots=upstream().root)

        assert (found.state, found.problems, found.is_intact) == (TRUSTED, (), True)
        assert (found.issuer, found.generator, found.generator_version) == (
            PROVIDER,
            "Upstream",
            "1.2",
        )
        assert found.source_type == GENERATED
        (action,) = found.actions
        assert (action.name, action.agent) == ("c2pa.created", "Upstream Model 7")
        assert action.when == CREATED["when"]
        assert found.serial.isdecimal()
        assert (found.stamped_at, found.depth) == (None, 1)

    @pytest.mark.parametrize("roots", ["", Upstream("Somebody Else").root])
    def test_by_anybody(self, signed, roots):
        found = read_credentials(signed, roots=roots)

        assert (found.state, found.is_intact) == (VALID, True)
        assert found.problems == ("signingCredential.untrusted",)

    def test_and_changed_since(self, signed):
        changed = bytearray(signed)
        # A byte of the pixels: they are the longest part.
        longest = max(
            (each for each in chunks(signed) if each.kind not in (b"caBX", b"C2PA", b"\xeb")),
            key=lambda each: each.end - each.start,
        )
        changed[longest.end - 12] ^= 1

        found = read_credentials(bytes(changed), roots=upstream().root)

        assert (found.state, found.is_intact) == (INVALID, False)
        assert "assertion.dataHash.mismatch" in found.problems

    def test_by_a_certificate_that_has_expired(self):
        """Nothing signs with one, so the file was made with one that was valid for 3 seconds."""
        data = Path(__file__).with_name("expired.jpg").read_bytes()

        found = read_credentials(data, roots="")

        assert found.state == INVALID
        assert "signingCredential.expired" in found.problems

    def test_over_a_file_that_was_signed(self):
        data = first = upstream().sign(make_file("JPEG"))
        for _ in range(2):
            data = upstream().sign(make_file("JPEG"), parent=data)

        found = read_credentials(data, roots=upstream().root)

        assert (found.state, found.depth) == (TRUSTED, 3)
        assert [each.name for each in found.actions] == ["c2pa.opened", "c2pa.edited"]
        (parent,) = found.ingredients
        assert (parent.relationship, parent.title, parent.has_manifest) == (
            "parentOf",
            "before",
            True,
        )
        assert store_bytes(data) > store_bytes(first) > 0

    def test_with_a_word_on_mining(self):
        allowed = {
            "label": "cawg.training-mining",
            "data": {"entries": {"cawg.x": {"use": "allowed"}}},
        }
        data = upstream().sign(make_file("JPEG"), assertions=[allowed])

        assert read_credentials(data, roots="").mining == {"cawg.x": "allowed"}

    def test_with_long_texts(self):
        long = CREATED | {"softwareAgent": {"name": "x" * 5000}}
        data = upstream().sign(make_file("JPEG"), actions=[long])

        assert len(read_credentials(data, roots="").actions[0].agent) == 300


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_file_without_credentials(image_format):
    data = make_file(image_format)

    assert read_credentials(data, roots="") is None
    assert store_bytes(data) == 0


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff", b"<svg/>"])
def test_what_is_no_picture(data):
    assert read_credentials(data, roots="") is None


class TestHostile:
    @pytest.mark.parametrize("embed", [True, False])
    def test_an_address_is_never_asked(self, embed):
        with listening() as (address, asked):
            data = upstream().sign(make_file("JPEG"), remote=address, embed=embed)

            found = read_credentials(data, roots="")

        assert asked == []
        assert found.state == (VALID if embed else REMOTE)

    def test_a_manifest_of_fifty_megabytes(self):
        store = superbox(STORE_TYPE, box(b"free", bytes(50_000_000)))

        found = read_credentials(with_store(store), roots="")

        assert (found.state, found.problems) == (UNREADABLE, ("too_large",))
        assert len(store) > MAX_STORE_BYTES

    @pytest.mark.parametrize(
        "store",
        [
            b"\0" * 40,
            b"\xff" * 4000,
            struct.pack(">I", 0xFFFFFFF0) + b"jumb" + bytes(20),
            struct.pack(">I4sQ", 1, b"jumb", 2**63) + bytes(20),
        ],
        ids=["zeros", "ones", "a length that lies", "a long length that lies"],
    )
    def test_what_is_no_manifest(self, store):
        assert read_credentials(with_store(store), roots="").state == UNREADABLE

    def test_boxes_twenty_thousand_deep(self):
        store = b""
        for _ in range(20_000):
            store = superbox(MANIFEST_TYPE, store)

        assert read_credentials(with_store(store), roots="").state == UNREADABLE

    @pytest.mark.parametrize(
        "claim",
        [b"\x81" * 200_000 + b"\0", b"\x9b" + b"\x7f" + b"\xff" * 7],
        ids=["deep", "long"],
    )
    def test_a_claim_that_is_too_much(self, claim):
        manifest = superbox(MANIFEST_TYPE, superbox(CLAIM_TYPE, box(b"cbor", claim)))

        store = superbox(STORE_TYPE, manifest)

        assert read_credentials(with_store(store), roots="").state == UNREADABLE

    def test_any_damage(self):
        """Whatever is changed, something is said, and nothing is raised."""
        signed = upstream().sign(
            make_file("JPEG"), parent=upstream().sign(make_file("JPEG", colour="red"))
        )
        manifest = next(each for each in chunks(signed) if each.kind == b"\xeb")
        chance = random.Random(11)
        states = set()

        for _ in range(300):
            damaged = bytearray(signed)
            for _ in range(chance.choice([1, 2, 20])):
                at = chance.randrange(manifest.start + 4, manifest.end)
                damaged[at] = chance.randrange(256)
            found = read_credentials(bytes(damaged), roots=upstream().root)
            states.add(found.state)

        assert {UNREADABLE, INVALID} <= states


def box(kind, body):
    return struct.pack(">I", len(body) + 8) + kind + body


def superbox(kind, body, label=b"c2pa"):
    return box(b"jumb", box(b"jumd", kind + b"\x03" + label + b"\0") + body)


def with_store(store):
    """A JPEG with a manifest store, in APP11 segments as C2PA 2.2, A.3.1, says."""
    head, body = store[:8], store[8:]
    data = make_file("JPEG")
    parts = []
    for number, at in enumerate(range(0, len(body), 60_000), start=1):
        part = struct.pack(">2sHI", b"JP", 1, number) + head + body[at : at + 60_000]
        parts.append(b"\xff\xeb" + struct.pack(">H", len(part) + 2) + part)
    return data[:2] + b"".join(parts) + data[2:]


@contextmanager
def listening():
    """An address, and the paths that somebody has asked there."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/manifest", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
