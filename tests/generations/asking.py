"""Asking for images in tests, the way the form and the shell do."""

import uuid

from django.core.files.base import ContentFile

from generations import submission
from generations.jobs.execution import preparing, submitting
from generations.submission import RunRequest

DEMO = "demo/seedream-4-5"
APIXO = "apixo/seedream-4-5"


def request(engine=DEMO, num_images=4, prompt="ridges at dawn", key=None, **more):
    references, campaign = more.pop("references", ()), more.pop("campaign", "")
    declared = {name: more.pop(name) for name in ("rights", "licence") if name in more}
    return RunRequest(
        engine=engine,
        prompt=prompt,
        num_images=num_images,
        idempotency_key=key or uuid.uuid4(),
        options=submission.with_defaults(engine, more),
        references=references,
        campaign=campaign,
        **declared,
    )


def ask(user, *args, **more):
    return submission.submit(user, request(*args, **more))


def upload(data, **more):
    """A file as the form and the shell take it."""
    return submission.check_upload(ContentFile(data), **{"rights": "own", **more})


def submit_all(worker="worker"):
    """Submit whatever may go now, one after the other; gives the number submitted."""
    submitted = 0
    while submitting.submit_next(worker):
        submitted += 1
    return submitted


def prepare_uploads(worker="worker"):
    """Clean what is due, as the images worker does."""
    for reference in preparing.due():
        preparing.prepare(reference.pk, worker)
