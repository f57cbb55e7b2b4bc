"""Exports made without the studio's code, by the definitions of RFC 6962, C2SP and the log."""

import base64
import datetime as dt
import hashlib
import io
import json
import os
import random
import uuid
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.evidence import verify

ORIGIN = "studio.example/log/5f0c6c1e-0000-4000-8000-000000000001"
BEGIN = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def canonical(value) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def root(leaves) -> bytes:
    """The Merkle tree hash, by the recursive definition in RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def around(leaves, first, last, start=0):
    """The roots of the largest subtrees before `first`, and of those after `last`."""
    end = start + len(leaves)
    if end <= first:
        return [root(leaves)], []
    if start > last:
        return [], [root(leaves)]
    if first <= start and end <= last + 1:
        return [], []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    left = around(leaves[:k], first, last, start)
    right = around(leaves[k:], first, last, start + k)
    return left[0] + right[0], left[1] + right[1]


@dataclass
class Signer:
    name: str = ORIGIN
    seed: bytes = b"\x07" * 32

    def __post_init__(self):
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        key = b"\x01" + self.private.public_key().public_bytes_raw()
        self.id = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        self.vkey = f"{self.name}+{self.id.hex()}+{base64.b64encode(key).decode()}"

    def note(self, size, root, at, origin=None) -> str:
        lines = (origin or self.name, str(size), base64.b64encode(root).decode(), moment(at))
        text = "".join(f"{line}\n" for line in lines)
        code = base64.b64encode(self.id + self.private.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {code}\n"


def moment(seconds) -> str:
    return (BEGIN + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Export:
    """What an export holds. Change it, then `write` it to a folder."""

    records: list = field(default_factory=list)  # lines of records.jsonl
    entries: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    proof: dict = field(default_factory=dict)
    keys: list = field(default_factory=list)
    pictures: dict = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        def lines(values):
            return b"".join(canonical(value) + b"\n" for value in values)

        folder.mkdir(parents=True, exist_ok=True)
        (folder / "records.jsonl").write_bytes(lines(self.records))
        (folder / "entries.jsonl").write_bytes(lines(self.entries))
        (folder / "checkpoints.txt").write_text("".join(f"{note}---\n" for note in self.notes))
        (folder / "proof.json").write_bytes(lines([self.proof]))
        (folder / "keys.txt").write_text("".join(f"{key}\n" for key in self.keys))
        if self.pictures:
            (folder / "pictures").mkdir(exist_ok=True)
        for name, content in self.pictures.items():
            (folder / "pictures" / name).write_bytes(content)
        return folder


class Studio:
    """A log of `size` records with a checkpoint after every `step`, and exports of it."""

    def __init__(self, size, *, step=8, seed=1, versions=(1, 2)):
        self.random = random.Random(seed)
        self.signer = Signer()
        self.lines, self.entries, self.pictures = [], [], {}
        self.step = step
        for place in range(size):
            self._add(place, self.random.choice(versions) if place > 2 else versions[0])

    def _add(self, place, version):
        record = {
            "v": version,
            "id": self._uuid(),
            "at": moment(place),
            "event": "run:submitted",
            "actor": self._uuid() if place % 3 else None,
            "subject": {"kind": "run", "id": self._uuid()},
            "facts": {"images": place, "été “x”": [True, None, "红"]},
            "personal": None,
        }
        line = {"place": place, "payload": None}
        if place % 2:
            data = {"prompt": f"fox {place} 🦊", "n": [1, {"deep": "é"}]}
            salt = self.random.randbytes(32)
            record["personal"] = hashlib.sha256(salt + canonical(data)).hexdigest()
            line["payload"] = {"salt": base64.b64encode(salt).decode(), "data": data}
        if version == 2:
            record["teams"] = {"actor": self._uuid(), "subject": None}
            if place % 4 == 0:
                record["facts"]["entries"] = [self._entry(place) for _ in range(2)]
        if place % 5 == 0:
            picture = self.random.randbytes(20)
            record["facts"]["sha256"] = hashlib.sha256(picture).hexdigest()
            self.pictures[place] = picture
        line["record"] = record
        self.lines.append(line)
        self.seal(place)

    def _entry(self, place):
        entry = {"amount": place + 1, "at": moment(place), "kind": "reserve", "by": self._uuid()}
        name = hashlib.sha256(canonical(entry)).hexdigest()
        self.entries.append((place, {"hash": name, "entry": entry}))
        return name

    def seal(self, place):
        """Write the leaf of a record anew."""
        line = self.lines[place]
        line["leaf"] = hashlib.sha256(b"\x00" + canonical(line["record"])).hexdigest()

    def erase(self, *places):
        """Erase payloads, and record it at the end."""
        named = [self.lines[place]["record"]["id"] for place in places]
        for place in places:
            self.lines[place].update(payload=None, erased=True)
        self._add(len(self.lines), 2)
        record = self.lines[-1]["record"]
        record["event"], record["facts"]["records"] = "personal:erased", named
        self.seal(-1)

    @property
    def leaves(self):
        return [bytes.fromhex(line["leaf"]) for line in self.lines]

    def notes(self, size=None):
        size = len(self.lines) if size is None else size
        sizes = [*range(self.step, size, self.step), size]
        return [self.signer.note(n, root(self.leaves[:n]), n) for n in sizes]

    def export(self, first=0, last=None, size=None) -> Export:
        size = len(self.lines) if size is None else size
        last = size - 1 if last is None else last
        before, after = around(self.leaves[:size], first, last)
        proof = {"first": first, "last": last, "size": size}
        proof["before"], proof["after"] = [[h.hex() for h in side] for side in (before, after)]
        return Export(
            records=json.loads(json.dumps(self.lines[first : last + 1])),
            entries=[line for place, line in self.entries if first <= place <= last],
            notes=self.notes(size),
            proof=proof,
            keys=[self.signer.vkey],
            pictures={f"{n}.bin": data for n, data in self.pictures.items() if first <= n <= last},
        )

    def _uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128)))


def run(folder, *arguments):
    """Run the verifier in a folder. Return its exit code and its JSON."""
    with chdir(folder), redirect_stdout(io.StringIO()) as output:
        code = verify.main(["--json", *map(os.fspath, arguments)])
    return code, json.loads(output.getvalue())
