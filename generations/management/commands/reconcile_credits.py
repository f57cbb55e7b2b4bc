import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts import shell
from generations import proof
from generations.models import Finding, Proof
from generations.reading import proofs

UNPROVED = 1


class Command(shell.RecordedCommand):
    help = (
        "Proves the credits: every allowance equals the sum of its entries, the entries of each "
        "request fit its end and its images, and each reservation belongs to a request that lives. "
        "Keeps the result for the page “Proof of the credits”. Exit code 1: something differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *, json: bool, **options: Any) -> None:
        done = proof.prove()
        found = Finding.objects.filter(ended_at__isnull=True, seen_in=done).order_by("pk")
        if json:
            self.stdout.write(_as_json(done, found))
        else:
            self._tell(done, found)
        if done.findings:
            raise CommandError(
                f"{done.findings} findings. See “correct_credits”.", returncode=UNPROVED
            )

    def _tell(self, done: Proof, found: Any) -> None:
        for each in found.iterator():
            self.stdout.write(f"{each.uuid} {proofs.in_words(each)}")
        self.stdout.write(
            f"{done.allowances} allowances, {done.generations} requests and {done.entries} entries "
            "were compared."
        )
        if not done.findings:
            self.stdout.write(
                "Every allowance equals the sum of its entries, and every request its end."
            )


def _as_json(done: Proof, found: Any) -> str:
    counts = {name: getattr(done, name) for name in ("allowances", "generations", "entries")}
    times = {"began_at": done.began_at.isoformat(), "ended_at": _moment(done)}
    findings = [
        {
            "uuid": str(each.uuid),
            "what": each.what,
            "cause": each.cause,
            "credits": each.credits,
            "can_be_corrected": each.can_be_corrected,
        }
        for each in found.iterator()
    ]
    return json.dumps({"ok": not done.findings, **times, **counts, "findings": findings})


def _moment(done: Proof) -> str | None:
    return done.ended_at.isoformat() if done.ended_at else None
