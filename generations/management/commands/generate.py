"""Makes images from the shell, in the same way as the page does."""

import dataclasses
import json
import sys
import time
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.management.base import CommandError

from accounts.models import User
from accounts.shell import RecordedCommand
from generations import submission
from generations.jobs.worker import work_here
from generations.models import Run
from generations.queues import QUEUES
from generations.readiness import signs
from generations.reading import reports
from generations.reading.amounts import of_wanted
from generations.states import RunStatus
from generations.submission import (
    RIGHTS,
    AlreadyMade,
    NewReference,
    RunRequest,
)

SUCCEEDED, REFUSED, INCOMPLETE = 0, 2, 3
CHECK_SECONDS = 0.2
# How long to go on when no worker is at work, for example while they start.
NO_WORKER_SECONDS = 60.0
# These have the same names on the command line and in a run.
OPTIONS = {
    "resolution": str,
    "aspect_ratio": str,
    "width": int,
    "height": int,
    "negative_prompt": str,
    "seed": int,
    "guidance_scale": float,
    "output_format": str,
}
FLAGS = ("sequential", "enhance_prompt", "use_pre_llm")


class Command(RecordedCommand):
    help = (
        "Makes images, as the button does. Exit code 0: every image arrived; "
        "3: fewer; 2: refused, nothing charged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, metavar="EMAIL", help="who asks, and pays")
        parser.add_argument("--engine", required=True, help="as `manage.py engines` lists them")
        parser.add_argument("--prompt", required=True)
        parser.add_argument("--num-images", type=int, default=1)
        for name, kind in OPTIONS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
        for name in FLAGS:
            parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", default=None)
        parser.add_argument("--reference", action="append", default=[], type=Path, metavar="FILE")
        parser.add_argument(
            "--rights",
            default="",
            choices=RIGHTS,
            help="to the references: needed with --reference",
        )
        parser.add_argument("--licence", default="", help="which one, with --rights licensed")
        parser.add_argument("--campaign", default="")
        parser.add_argument(
            "--again", action="store_true", help="make images that the team already has"
        )
        parser.add_argument("--json", action="store_true", help="print one object for the run")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--wait", action="store_true", help="wait for the workers")
        where.add_argument("--here", action="store_true", help="do the work in this process")

    def handle(self, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(
                f"No active person has the address {options['user']}.", returncode=REFUSED
            )
        asked = {name: options[name] for name in ("prompt", "engine")}
        avoid = options["negative_prompt"] or ""
        try:
            with submission.refusals_recorded(user, **asked, negative_prompt=avoid):
                run = submission.submit(user, _request(options))
        except submission.REFUSALS as error:
            self._refuse(error, as_json=options["json"])
        if options["here"]:
            work_here(lambda: not _is_pending(run))
        if options["wait"]:
            _wait_for_workers(run)
        run.refresh_from_db()
        self._report(run, as_json=options["json"])
        waited = options["here"] or options["wait"]
        if waited and run.status != RunStatus.SUCCEEDED:
            sys.exit(INCOMPLETE)

    def _refuse(self, error: Any, *, as_json: bool) -> None:
        message = str(error.message)
        field = getattr(error, "field", None)
        if isinstance(error, AlreadyMade):
            message += f" They are in run {error.run.uuid}. Use --again to make them again."
        if field == "engine":
            message += " `manage.py engines` lists them."
        if as_json:
            refusal = {"code": "refused", "field": field, "message": message}
            self.stdout.write(json.dumps({"error": refusal}))
        raise CommandError(message, returncode=REFUSED)

    def _report(self, run: Run, *, as_json: bool) -> None:
        report = reports.of_run(run)
        if as_json:
            self.stdout.write(json.dumps(report))
            return
        self.stdout.write(
            f"Run {run.uuid}: {run.status}, {of_wanted(run.delivered, run.wanted)} images, "
            f"{report['credits']['charged']} credits charged."
        )
        for image in report["images"]:
            self.stdout.write(f"  {image['path']}")


def _wait_for_workers(run: Run) -> None:
    """Wait until the run ends. Raises CommandError if no worker is at work for a minute."""
    last_seen = time.monotonic()
    while _is_pending(run):
        if signs.queues_at_work(signs.workers()).issuperset(QUEUES):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > NO_WORKER_SECONDS:
            raise CommandError(
                "No worker has been at work for a minute. The run is kept and continues as soon as "
                "the studio's workers run: start them, or use --here next time.",
                returncode=INCOMPLETE,
            )
        time.sleep(CHECK_SECONDS)


def _is_pending(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).exists()


def _request(options: dict[str, Any]) -> RunRequest:
    given = {name: options[name] for name in (*OPTIONS, *FLAGS) if options[name] is not None}
    declared = {name: options[name] for name in ("rights", "licence")}
    request = RunRequest(
        engine=options["engine"],
        prompt=options["prompt"],
        num_images=options["num_images"],
        idempotency_key=uuid.uuid4(),
        options=submission.with_defaults(options["engine"], given),
        references=[_reference(path, **declared) for path in options["reference"]],
        campaign=options["campaign"],
    )
    if options["again"]:
        return dataclasses.replace(request, make_again=submission.work_digest(request))
    return request


def _reference(path: Path, *, rights: str, licence: str) -> NewReference:
    try:
        file = ContentFile(path.read_bytes(), name=path.name)
        return submission.check_upload(file, rights=rights, licence=licence)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}.", returncode=REFUSED
        ) from error
