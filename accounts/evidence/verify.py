"""Checks an export of a Seedream Studio log. Needs Python 3.9 or newer, and nothing else.

1. SHA-256 of a zero byte and the record as canonical JSON (keys sorted, no spaces) is its leaf. The
   record names SHA-256 of the salt and JSON of its payload, of its ledger entries and its pictures.
2. The leaves make a Merkle tree (RFC 6962). Its root is in each checkpoint: a C2SP signed note.
"""

import argparse
import base64
import hashlib
import heapq
import json
import re
from pathlib import Path
from typing import Any

MAX_LINE, MAX_NOTE, MAX_SIZE, SHOWN, NEVER = 64 << 20, 4096, 1 << 60, 20, "after all times"
TOLD = "records", "sealed", "left_out", "proven", "integrity", "complete", "accepted"


def check(condition: Any, text: str) -> Any:
    if not condition:
        raise ValueError(text)
    return condition


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def parse(line: bytes) -> Any:
    """Read a line of canonical JSON, which has no fractions and no repeated names; else None."""
    try:  # What is not allowed is read as another value, so it is not the same when written again.
        value = json.loads(line.decode(), parse_float=str, parse_constant=str)
        return value if canonical(value) == line.rstrip(b"\n") else None
    except (ValueError, RecursionError):
        return None


def grow(peaks: list[tuple[int, bytes]], found: bytes, level: int = 0) -> None:
    """Add the root of 2^level leaves to a tree, of which only the largest subtrees are kept."""
    while peaks and peaks[-1][0] == level:
        found, level = sha256(b"\x01", peaks.pop()[1], found), level + 1
    peaks.append((level, found))


def pass_over(peaks: list[tuple[int, bytes]], start: int, end: int, roots: list[str]) -> int:
    """Add the roots of the largest subtrees from `start` to `end`. Return where they do end."""
    for found in roots:
        level = min((start & -start or end).bit_length(), (end - start).bit_length()) - 1
        grow(peaks, bytes.fromhex(found), level)
        start += 1 << level
    return start


def root_of(peaks: list[tuple[int, bytes]]) -> bytes:
    *left, root = [found for _level, found in peaks] or [sha256()]
    for found in reversed(left):
        root = sha256(b"\x01", found, root)
    return root


# Ed25519: RFC 8032, section 5.1. A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, SQRT_OF_MINUS_1 = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)


def point(code: bytes) -> tuple[int, ...]:
    y, odd = int.from_bytes(code, "little") & (2**255 - 1), code[31] >> 7
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    x = x * SQRT_OF_MINUS_1 % P if (v * x * x - u) % P else x
    check(y < P and (v * x * x - u) % P == 0 and (x or not odd), "a point is not on the curve")
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P


def add(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def is_signature(signature: bytes, text: bytes, key: bytes) -> bool:
    """Whether [s]B = R + [k]A holds for the signature R ‖ s and the public key A."""
    try:
        r, s, a = point(signature[:32]), int.from_bytes(signature[32:], "little"), point(key)
    except (ValueError, IndexError):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    zero, minus_a = point(b"\x01" + bytes(31)), (P - a[0], a[1], 1, P - a[3])
    total, terms = zero, (zero, base, minus_a, add(base, minus_a))
    for bit in range(252, -1, -1):  # total becomes [s]B - [k]A
        total = add(add(total, total), terms[(s >> bit & 1) + 2 * (k >> bit & 1)])
    for _ in range(3):  # A key of small order would accept signatures that nobody made.
        a = add(a, a)
    return s < L and a[0] != 0 and all((total[n] - r[n] * total[2]) % P == 0 for n in (0, 1))


def read_key(line: str) -> tuple[tuple[str, bytes], bytes]:
    """Read a public key `<name>+<id>+<base64>`. Return the name with the id, and the key."""
    name, number, code = [*line.strip().split("+", 2), "", ""][:3]
    known = sha256(name.encode(), b"\n", key := base64.b64decode(code))[:4]
    check(len(key) == 33 and key[0] == 1 and known.hex() == number, "a public key is malformed")
    return (name, known), key[1:]


def ranges(found: Any) -> Any:
    """Check what damage a record accepts: first and last place, time of a checkpoint or ""."""
    form = r'\[(,?\[[0-9]{1,18},[0-9]{1,18},"([0-9T:.-]{26}Z)?"\])*\]'
    good = re.fullmatch(form, canonical(found).decode()) and all(a <= b for a, b, _at in found)
    return check(good, "the damage that it accepts is malformed") and found


class Note:  # a checkpoint: at the time `at`, the log `origin` had `size` records and this root
    def __init__(self, text: str, outside: bool = False) -> None:
        form = "((.+)\n([0-9]{1,18})\n(.{43}=)\n([0-9T:.-]{26}Z)\n)\n((?:— .+\n)+)"
        found = check(re.fullmatch(form, text), "a checkpoint is malformed").groups()
        self.text, self.origin, size, root, self.at, self.below = found
        self.size, self.root, self.outside = int(size), base64.b64decode(root), outside

    def is_signed(self, keys: dict[tuple[str, bytes], bytes]) -> bool:
        codes = re.findall(f"— {re.escape(self.origin)} ([A-Za-z0-9+/]{{91}}=)\n", self.below)
        found = [(keys.get((self.origin, c[:4]), b""), c[4:]) for c in map(base64.b64decode, codes)]
        return any(is_signature(code, self.text.encode(), key) for key, code in found)


class Log:
    def __init__(self, first: int = 0, last: int = -1, sealed: int = 0) -> None:
        """Takes the records in order of place, in constant memory, and keeps what it finds."""
        self.first, self.next, self.last, self.sealed = first, first, last, sealed
        self.integrity: Any = {"ok": True, "first_bad": None, "between": None, "told": []}
        self.complete: Any = {"ok": True, "missing": []}
        self.records, self.left_out, self.good, self.doubt, self.every = 0, 0, 0, 0, False
        self.peaks, self.proven, self.accepted, self.sure = (list[Any]() for _ in range(4))
        self.keys, self.pictures, self.emptied = dict[Any, bytes](), set[str](), dict[str, int]()
        self.notes, self.entries, self.newest, self.note = list[Any]([iter(())] * 2 + [None] * 2)

    def accepts(self, first: int, end: int, at: str = "") -> bool:
        """Whether a record accepts damage that a checkpoint of the time `at` shows, or a record."""
        near = (t for a, b, t in self.accepted if a <= (end if at else first) and end <= b)
        return any(at <= t and bool(at) == bool(t) for t in near)

    def fault(self, text: str, place: Any = None, at: str = "") -> None:
        if place is None or not self.accepts(place, place, at):
            places = {place, self.integrity["first_bad"]} - {None}
            self.integrity.update(ok=False, first_bad=min(places, default=None))
            self.integrity["told"] += [text] if len(self.integrity["told"]) < SHOWN else []

    def lose(self, first: int, last: int, at: str = "") -> None:
        if first <= last and not self.accepts(first, last, at):
            missing = [*self.complete["missing"], [first, last]]
            self.complete.update(ok=False, missing=missing[:SHOWN])

    def take(self, line: Any) -> None:
        """Check the next record: a dictionary of place, leaf, record, payload, erased, left_out."""
        place = line.pop("place", None) if type(line) is dict else None
        if type(place) is not int or not 0 <= place <= self.last:
            place, line = self.next, {}
        if place < self.next:
            return self.fault(f"Record {place} stands twice, or in the wrong order.", place)
        start, *roots = line.pop("left_out", [place])
        self.lose(self.next, start - 1)
        self.left_out += pass_over(self.peaks, start, place, roots) - start
        self.next, self.records = place + 1, self.records + 1
        try:
            grow(self.peaks, bytes.fromhex(line["leaf"]))
            self._check(place, **line) if line["record"] else self.lose(place, place)
        except Exception as error:
            what = error if type(error) is ValueError else "it is malformed"
            self.fault(f"Record {place}: {what}.", place)
        return self._compare_roots()

    def _check(self, place: int, leaf: str, record: Any, payload: Any, erased: Any = False) -> None:
        version, event, facts, personal = map(record.get, ("v", "event", "facts", "personal"))
        check(version in (1, 2), "its version is not known here")
        text = canonical(record)
        check(sha256(b"\x00", text).hex() == leaf, "its text is not the one of its leaf")
        self.sure += ranges(facts.get("ranges", [])) if event == "log:damage_accepted" else ()
        if payload not in (None, "withheld"):
            salted = base64.b64decode(payload["salt"]) + canonical(payload["data"])
            check(sha256(salted).hex() == personal, "its payload was changed")
        elif personal is not None:
            check(erased is True or payload, "its payload is missing")
            self.left_out, self.emptied[record["id"]] = self.left_out + bool(payload), place
        for emptied in facts["records"] if event == "personal:erased" else ():
            self.emptied.pop(emptied, None)
        self.pictures -= set(re.findall('"([0-9a-f]{64})"', text.decode()) if self.pictures else ())
        for name in (facts.get("entries") or ()) if version > 1 else ():
            entry = next(self.entries, {"hash": "", "entry": None})
            found = sha256(canonical(entry["entry"])).hex()
            check(found == name == entry["hash"], "its ledger entries, or earlier ones, differ")

    def _compare_roots(self) -> None:
        while self.note and self.note.size <= self.next:
            note, self.note = self.note, next(self.notes, None)
            self.newest = self.newest if note.outside else note
            start = min(max(self.first, self.good), note.size - 1)
            if (self.every or note.outside) and not note.is_signed(self.keys):
                self.fault(f"No known key signed the checkpoint of {note.size}.", start, note.at)
            if not note.outside and self.note and self.note.text == note.text:
                self.fault(f"The checkpoint of {note.size} stands twice.", note.size - 1, note.at)
            is_due = note.size == self.next and self.complete["ok"]
            if is_due and note.root == root_of(self.peaks):
                if self.doubt:
                    self.fault(f"The checkpoint of {self.doubt} records is of another log.")
                self.good, self.doubt = note.size, 0
            elif is_due and not self.accepts(start, note.size - 1, note.at):
                self.doubt = self.doubt or note.size

    def finish(self, after: list[str]) -> None:  # the hashes that follow the last record
        self.lose(self.next, self.last)
        pass_over(self.peaks, self.last + 1, MAX_SIZE, after)
        self.next = self.sealed
        self._compare_roots()
        if getattr(self.newest, "size", -1) != self.sealed or not self.newest.is_signed(self.keys):
            self.fault("The newest checkpoint is missing, or no known key has signed it.")
        if self.accepted and self.complete["ok"] and self.good != self.sealed:
            self.fault("The newest checkpoint does not confirm the records that accept damage.")
        start, end = max(self.first, self.good), max(self.first, self.good, self.doubt - 1)
        self.proven = [self.first, min(self.good - 1, self.last)] if self.good > self.first else []
        if self.doubt:
            self.integrity["between"] = [start, end]
            bad = None if self.integrity["first_bad"] in range(start, end + 1) else start
            self.fault(f"Records {start} to {end} are not all as they were sealed.", bad, NEVER)
        if beyond := [note for note in [self.note, *self.notes] if note]:
            self.lose(self.sealed, beyond[-1].size - 1, max(note.at for note in beyond))
        for place in self.emptied.values() if self.last + 1 - self.left_out == self.sealed else ():
            self.fault(f"Record {place}: its payload was emptied, and no record erased it.", place)
        if next(self.entries, None) or self.pictures:
            self.fault("Some ledger entries or pictures are named by no record.")


def lines(path: Path) -> Any:
    check(path.is_file(), f"{path.name} is missing, or is no file")
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            yield check(len(line) < MAX_LINE and line, f"{path.name} has a line that is too long")


def notes(path: Path, outside: bool = False) -> Any:
    text = ""
    for line in lines(path):
        text = check(len(text) < MAX_NOTE and text + line.decode(), "a checkpoint is malformed")
        if line == b"---\n":
            yield Note(text[:-4], outside)
            text = ""


def read(log: Log, folder: Path, options: argparse.Namespace) -> None:
    log.keys = dict(read_key(key.decode()) for key in lines(options.key or folder / "keys.txt"))
    [proof], log.every = map(parse, lines(folder / "proof.json")), options.all
    log.first, log.last, log.sealed = (proof[name] for name in ("first", "last", "size"))
    check(0 <= log.first <= log.last < log.sealed < MAX_SIZE, "proof.json is malformed")
    outside = sorted(notes(options.outside, True) if options.outside else (), key=lambda n: n.size)
    log.notes = heapq.merge(outside, notes(folder / "checkpoints.txt"), key=lambda note: note.size)
    log.next, log.note = pass_over(log.peaks, 0, log.first, proof["before"]), next(log.notes, None)
    log.entries = map(parse, lines(folder / "entries.jsonl"))
    log.pictures = {sha256(p.read_bytes()).hex() for p in folder.glob("pictures/*") if p.is_file()}
    for text in lines(folder / "records.jsonl"):
        log.take(parse(text))
    log.finish(proof["after"])


def main(arguments: Any = None) -> int:
    parser = argparse.ArgumentParser(description="Checks the export of a log in this folder.")
    parser.add_argument("--key", type=Path, help="file of the public keys that you trust")
    parser.add_argument("--outside", type=Path, help="file of checkpoints kept outside the studio")
    parser.add_argument("--all", action="store_true", help="check all signatures, not the newest")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options, log = parser.parse_args(arguments), Log()
    try:
        read(log, Path(), options)
        if log.sure:  # Records that are in the log accept damage. Read again, and pass over it.
            log, log.accepted = Log(), log.sure
            read(log, Path(), options)
    except Exception as error:
        log.complete["ok"] = False
        log.fault(f"Stopped: {error if type(error) is ValueError else 'a file is malformed'}.")
    sound, whole = log.integrity["ok"], log.complete["ok"]
    if options.json:
        print(json.dumps({name: vars(log)[name] for name in TOLD}))
    else:
        print(f"Records: {log.records} read, {log.left_out} left out, {log.sealed} sealed.")
        print("Integrity:", "sound." if sound else "NOT SOUND.", *log.integrity["told"], sep="\n  ")
        print("Completeness:", "complete." if whole else "NOT COMPLETE:", *log.complete["missing"])
        print("Proven by checkpoints:", log.proven or "none", "Accepted damage:", log.accepted)
        print("Keys:", options.key or "those of the export. Compare them with another source!")
    return 0 if sound and whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
