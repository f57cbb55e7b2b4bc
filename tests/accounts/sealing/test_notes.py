"""Signed notes: written, read strictly, and verified."""

import datetime as dt
from base64 import b64encode

import pytest

from accounts.sealing import notes
from accounts.sealing.notes import Head, NoteError, PublicKey, Signer

ORIGIN = "studio.example/log/11111111-2222-3333-4444-555555555555"
SIGNER, OTHER = Signer(ORIGIN, bytes(32)), Signer(ORIGIN, b"\x01" * 32)
HEAD = Head(ORIGIN, 1234, bytes(range(32)), dt.datetime(2026, 11, 21, 4, 5, 6, 7, dt.UTC))
TEXT = (
    f"{ORIGIN}\n1234\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n2026-11-21T04:05:06.000007Z\n"
)
NOTE = notes.write(HEAD, [SIGNER])
SIGNED = NOTE.partition("\n\n")[2]


def test_a_known_key_verifies_a_known_signature():
    """The test vector of Go's golang.org/x/mod/sumdb/note."""
    key = notes.read_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
        "RZb6KE6RyyBwJnAM="
    )
    signature = notes._read_signature(line)
    assert signature.key_id == key.id
    assert key.verifies(signature.signature, text)
    assert not key.verifies(signature.signature, text.upper())


def test_a_note_is_written_as_specified_and_read_back():
    assert NOTE.startswith(TEXT + f"\n— {ORIGIN} ")
    head, [signature] = notes.parse(NOTE)
    assert head == HEAD
    assert (signature.name, signature.key_id) == (ORIGIN, SIGNER.public.id)
    assert notes.verify(NOTE, [SIGNER.public]) == HEAD


def test_a_time_is_written_in_utc():
    lisbon = HEAD.at.astimezone(dt.timezone(dt.timedelta(hours=1)))
    assert Head(ORIGIN, 1234, HEAD.root, lisbon).text == TEXT


@pytest.mark.parametrize("keys", [[SIGNER], [OTHER], [SIGNER, OTHER]])
def test_one_known_signature_is_enough(keys):
    note = notes.write(HEAD, [SIGNER, OTHER])
    assert notes.verify(note, [key.public for key in keys]) == HEAD


def test_a_wrong_signature_of_a_known_key_is_not_made_good_by_another():
    forged = Signer(ORIGIN, b"\x02" * 32).sign(TEXT)
    line = f"— {ORIGIN} {b64encode(OTHER.public.id + forged).decode()}\n"
    assert notes.verify(NOTE + line, [SIGNER.public]) == HEAD
    with pytest.raises(NoteError, match="is wrong"):
        notes.verify(NOTE + line, [SIGNER.public, OTHER.public])


@pytest.mark.parametrize(
    ("old", "new"), [("1234", "1235"), ("AAEC", "AQEC"), ("04:05", "04:06"), ("studio", "studia")]
)
def test_no_line_can_be_changed(old, new):
    with pytest.raises(NoteError):
        notes.verify(NOTE.replace(old, new, 1), [SIGNER.public])


def test_the_key_of_another_log_does_not_count():
    stranger = Signer("stranger.example/log", bytes(32))
    with pytest.raises(NoteError, match="No known key"):
        notes.verify(notes.write(HEAD, [stranger]), [SIGNER.public, stranger.public])


MALFORMED = {
    "nothing": "",
    "no signature": TEXT + "\n",
    "no empty line": TEXT + SIGNED,
    "text after it": NOTE + "more",
    "an empty line after it": NOTE + "\n",
    "a leading zero": NOTE.replace("1234", "01234", 1),
    "a sign": NOTE.replace("1234", "+1234", 1),
    "other digits": NOTE.replace("1234", "١٢٣٤", 1),
    "a huge size": NOTE.replace("1234", "9" * 13, 1),
    "a huger size": NOTE.replace("1234", "9" * 999, 1),
    "a short root": NOTE.replace("AAEC", "", 1),
    "base64 that is not canonical": NOTE.replace("Hh8=", "Hh9=", 1),
    "a space in the base64": NOTE.replace("AAEC", "AA EC", 1),
    "no decimals": NOTE.replace(".000007Z", "Z", 1),
    "an offset": NOTE.replace("Z\n", "+00:00\n", 1),
    "no such day": NOTE.replace("11-21", "02-31", 1),
    "a fifth line": NOTE.replace("Z\n", "Z\nmore\n", 1),
    "no origin": NOTE.replace(ORIGIN, "", 1),
    "a plus in the origin": NOTE.replace(ORIGIN, "a+b", 1),
    "a space in the origin": NOTE.replace(ORIGIN, "a b", 1),
    "a hyphen for the dash": NOTE.replace("—", "-"),
    "a carriage return": NOTE.replace("\n", "\r\n"),
    "too many signatures": TEXT + "\n" + "— a AAAAAA==\n" * 17,
    "too long": TEXT + "\n" + f"— a {'A' * 4096}\n",
    "a lone surrogate": NOTE.replace("studio", "\ud800", 1),
}


@pytest.mark.parametrize("note", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_note_is_refused(note):
    with pytest.raises(NoteError):
        notes.verify(note, [SIGNER.public])


@pytest.mark.parametrize(
    "head",
    [
        Head("", 1, bytes(32), HEAD.at),
        Head("a\nb", 1, bytes(32), HEAD.at),
        Head(ORIGIN, -1, bytes(32), HEAD.at),
        Head(ORIGIN, 1, bytes(31), HEAD.at),
    ],
)
def test_what_could_not_be_read_back_is_not_written(head):
    with pytest.raises(NoteError):
        notes.write(head, [SIGNER])


def test_a_public_key_is_written_and_read_back():
    key = SIGNER.public
    assert key.vkey.startswith(f"{ORIGIN}+{key.id.hex()}+A")
    assert notes.read_key(key.vkey) == key


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        SIGNER.public.vkey + "\n",
        SIGNER.public.vkey.replace("studio", "studia"),
        SIGNER.public.vkey[:-4],
        f"{ORIGIN}+{SIGNER.public.id.hex()}+{b64encode(b'2' + SIGNER.public.raw).decode()}",
        PublicKey("a b", SIGNER.public.raw).vkey,
        "a" * 5000,
    ],
)
def test_a_damaged_public_key_is_refused(vkey):
    with pytest.raises(NoteError):
        notes.read_key(vkey)


def test_a_seed_is_never_shown():
    assert "\\x01" not in repr(OTHER)
