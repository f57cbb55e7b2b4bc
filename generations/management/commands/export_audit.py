import json
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts import sealing
from accounts.evidence import export, selection
from accounts.evidence.export import Exported
from accounts.evidence.selection import ErasedMeanwhile, NothingToExport
from accounts.shell import RecordedCommand
from generations import storage
from generations.exports.pictures import of_line


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
        except ErasedMeanwhile as error:
            text = "Personal text was erased meanwhile, so nothing is exported. Start again."
            raise CommandError(text) from error
        except storage.StorageAway as error:
            text = "The pictures cannot be read now, so nothing is exported. Start again."
            raise CommandError(text) from error
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        self.stdout.write(json.dumps({"file": str(output), **vars(done)}))

    def _write(self, output: Path, first: int | None, last: int | None, pictures: bool) -> Exported:
        places = selection.sealed_range(first, last)
        given = partial(of_line, reader=None, lacking=self._tell_lacking) if pictures else None
        *_steps, done = export.write(output, places, actor=None, pictures=given)
        return done

    def _tell_lacking(self, image: str) -> None:
        self.stderr.write(f"The picture of image {image} is lacking.")
