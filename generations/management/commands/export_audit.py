import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts import sealing
from accounts.events import Event
from accounts.evidence import export
from accounts.evidence.export import Exported, NothingToExport, Picture
from accounts.evidence.lines import Line
from accounts.shell import RecordedCommand
from generations import storage
from generations.imaging import extension
from generations.labelling import FULL
from generations.models import Rendition


class Command(RecordedCommand):
    help = (
        "Exports the sealed log, or the records of a range, as a ZIP with the program that "
        "verifies it. Prints what was exported as JSON. The export itself is recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.zip")
        parser.add_argument("--from", type=int, dest="first", help="the first place")
        parser.add_argument("--to", type=int, dest="last", help="the last place")
        parser.add_argument("--pictures", action="store_true", help="with the labelled pictures")

    def handle(
        self, *, output: Path, first: int | None, last: int | None, pictures: bool, **options: Any
    ) -> None:
        try:
            sealing.seal(most_batches=None)
        except sealing.Stopped as stopped:
            self.stderr.write(f"The newest records are not sealed: {stopped.reason}")
        try:
            done = self._write(output, first, last, pictures)
        except NothingToExport as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        self.stdout.write(json.dumps({"file": str(output), **vars(done)}))

    def _write(self, output: Path, first: int | None, last: int | None, pictures: bool) -> Exported:
        places = export.sealed_range(first, last)
        given = self._pictures if pictures else None
        *_steps, done = export.write(output, places, actor=None, pictures=given)
        return done

    def _pictures(self, line: Line) -> Iterator[Picture]:
        """The labelled picture that a line tells of, if it is the record of a stored image."""
        record = line.get("record") or {}
        if record.get("event") != Event.IMAGE_STORED:
            return
        image, known = record["subject"]["id"], list(record["facts"].get("renditions", {}).values())
        for row in Rendition.objects.filter(image__uuid=image, recipe=FULL.name, sha256__in=known):
            try:
                content = storage.content(storage.renditions(), row.name, sha256=row.sha256)
            except (FileNotFoundError, storage.FileDamaged, storage.StorageAway):
                self.stderr.write(f"The picture of image {image} is lacking.")
                continue
            yield f"{image}.{extension(row.format)}", content
