"""One run from its press to its stored images, all by the studio's own code, without a network."""

import json
from decimal import Decimal

from generations.jobs.execution import delivering, submitting
from generations.models import Delivery, Run
from generations.providers.answers import Answer
from generations.providers.capabilities import ReferenceDelivery
from generations.providers.types import InlineImage, Result
from tests.generations.asking import ask, prepare_uploads, upload
from tests.generations.factories import image_file
from tests.generations.stub import STUB, let_submit, set_up_stub

ANSWER = {"id": "answer-1", "seed": 41, "text": "what the provider told"}


def set_up_engine(monkeypatch, settings):
    """Let `whole_run` be made: an engine that answers at once, and takes references and keys."""
    set_up_stub(
        monkeypatch,
        settings,
        max_references=4,
        reference_delivery=ReferenceDelivery.INLINE,
        takes_idempotency_key=True,
        negative_prompt=True,
        answers_at_once=True,
    )
    headers = {"content-type": "application/json", "x-request-id": "request-1"}
    let_submit(
        monkeypatch,
        Result(
            images=(InlineImage(image_file((700, 700))),),
            model="stub-1-0928",
            seed=41,
            cost_usd=Decimal("0.031"),
            request_id="request-1",
            answer=Answer(200, headers, json.dumps(ANSWER).encode()),
        ),
    )


def whole_run(user, *, images=1, worker="worker", **more) -> Run:
    """A run of `user` whose images are stored. Without `references`, it is given one upload."""
    values = {"prompt": "a very red fox", "negative_prompt": "snow", "campaign": "Spring"} | more
    if "references" not in values:
        values["references"] = [upload(image_file((300, 200)))]
    run = ask(user, STUB, images, **values)
    prepare_uploads(worker)
    while submitting.submit_next(worker):
        pass
    for pk in Delivery.objects.filter(generation__run=run).values_list("pk", flat=True):
        delivering.label_and_store(pk, worker)
    run.refresh_from_db()
    return run
