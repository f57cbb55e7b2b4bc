"""Says what a file carries of its origin, and whether its labels are complete and valid."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from generations import label_reading
from generations.labelling.inspecting.layers import Layers
from generations.labelling.inspecting.reports import as_json
from generations.labelling.inspecting.verdict import faults

# The largest image that the studio takes from a provider has as much.
MAX_BYTES = 64_000_000
INCOMPLETE, UNREADABLE = 1, 2
# Which version of the schema in docs/labels.md `--json` writes.
SCHEMA = 1


class Command(BaseCommand):
    help = (
        "Says what a JPEG, PNG or WebP file carries of its origin. Exits with 0 if the labels are "
        "complete and valid, with 1 if not, and with 2 if the file can't be read as an image. "
        "docs/labels.md describes each layer and the output of --json."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file, of at most 64 MB")
        parser.add_argument("--json", action="store_true", help="write everything as JSON")

    def handle(self, **options: Any) -> None:
        layers = label_reading.look(self._bytes(options["file"]))
        found = faults(layers, marked=layers.mark.state != "not_looked")
        if options["json"]:
            report = {"schema": SCHEMA, "complete": not found, "faults": found, **as_json(layers)}
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self._tell(layers, found)
        if not layers.format:
            sys.exit(UNREADABLE)
        if found:
            sys.exit(INCOMPLETE)

    def _bytes(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            self._refuse(f"{path} can't be read: {error.strerror or type(error).__name__}")
        if len(data) > MAX_BYTES:
            self._refuse(f"{path} is larger than {MAX_BYTES:,} bytes")
        return data

    def _refuse(self, why: str) -> NoReturn:
        self.stderr.write(f"{why}.")
        sys.exit(UNREADABLE)

    def _tell(self, layers: Layers, found: tuple[str, ...]) -> None:
        for line in _lines(layers):
            self.stdout.write(line)
        if not layers.format:
            self.stdout.write("This is not a JPEG, PNG or WebP image.")
        elif found:
            self.stdout.write(f"Labels are missing or wrong: {', '.join(found)}.")
        else:
            self.stdout.write("The labels are complete and valid.")


def _lines(layers: Layers) -> list[str]:
    """The layers, a line for each that a program would look for."""
    credentials, packet = layers.credentials, layers.xmp
    signer = f", {credentials.issuer or 'nobody named'}" if credentials else ""
    stamped = credentials.stamped_at if credentials else None
    return [
        f"SHA-256      {layers.sha256}",
        f"size         {layers.format} {layers.width}×{layers.height}, {layers.bytes:,} bytes",
        f"C2PA         {credentials.state if credentials else 'none'}{signer}",
        f"time stamp   {stamped.isoformat() if stamped else 'none'}",
        f"source type  {', '.join(packet.source_types if packet else ()) or 'none'}",
        f"AIGC         {_marks(layers)}",
        f"mark         {layers.mark.state}",
    ]


def _marks(layers: Layers) -> str:
    told = (
        f"{mark.fields.get('Label') or '?'} in {mark.carrier}"
        + (f" ({', '.join(mark.problems)})" if mark.problems else "")
        for mark in layers.aigc
    )
    return ", ".join(told) or "none"
