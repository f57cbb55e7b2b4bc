"""Asking for pictures in tests, the way the form and the shell do."""

import uuid

from generations import submission
from generations.submission import RunRequest

DEMO = "demo/seedream-4-5"
APIXO = "apixo/seedream-4-5"


def request(engine=DEMO, num_images=4, prompt="ridges at dawn", key=None, **more):
    references, campaign = more.pop("references", ()), more.pop("campaign", "")
    return RunRequest(
        engine=engine,
        prompt=prompt,
        num_images=num_images,
        idempotency_key=key or uuid.uuid4(),
        options=submission.with_defaults(engine, more),
        references=references,
        campaign=campaign,
    )


def ask(user, *args, **more):
    return submission.submit(user, request(*args, **more))
