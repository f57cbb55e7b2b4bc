"""Whatever a provider answers, an adapter gives one of the few outcomes that the studio handles.

Answers are made up from a fixed seed: all kinds of statuses, no bodies, gateways' pages, halves,
errors in the provider's own format, and correct answers with one part wrong. No socket is used.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generations.providers import http, registry
from generations.providers.answers import ID_LIMIT, MOST_WAIT_SECONDS, TEXT_LIMIT
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
    Unavailable,
)
from generations.providers.transport import Arriving
from generations.providers.types import Accepted, InProgress, Payload, RemoteImage, Result, TaskRef

PROVIDERS = ("apiframe", "apipod", "apixo", "fal", "modelark", "replicate", "seedance")
BASE_URL = "https://api.example"
LINK = "https://files.example/1.png"
ANSWERS = 400
NOW = 1_767_965_620

# A complete error in the format of the provider's page, with this code and text.
OWN_SHAPES: dict[str, Callable[[int, str, str], Any]] = {
    "apiframe": lambda _status, _code, text: {"error": text},
    "apipod": lambda _status, code, text: {
        "error": {"message": text, "type": "server_error", "code": code}
    },
    "apixo": lambda status, _code, text: {"code": max(status, 500), "message": text, "data": None},
    "fal": lambda _status, code, text: {"detail": text, "error_type": code},
    "modelark": lambda _status, code, text: {
        "error": {"code": code, "message": text, "param": "", "type": ""}
    },
    "replicate": lambda status, code, text: {"title": code, "detail": text, "status": status},
    "seedance": lambda _status, code, text: {"error": {"code": code, "message": text}},
}
ACCEPTED: dict[str, Any] = {
    "apiframe": {"jobId": "t-1", "status": "QUEUED"},
    "apipod": {"code": 200, "message": "success", "data": {"task_id": "t-1"}},
    "apixo": {"code": 200, "message": "success", "data": {"taskId": "t-1"}},
    "fal": {"request_id": "t-1", "status_url": f"{BASE_URL}/s", "queue_position": 3},
    "replicate": {"id": "t-1", "status": "starting", "urls": {"get": f"{BASE_URL}/p/t-1"}},
    "modelark": {
        "model": "seedream-4-5-251128",
        "created": NOW,
        "data": [{"url": LINK, "size": "2048x2048"}, {"error": {"code": "X", "message": "y"}}],
        "usage": {"generated_images": 1, "output_tokens": 16384, "total_tokens": 16384},
    },
    "seedance": {
        "id": "gen_1",
        "created": NOW,
        "images": [{"url": LINK, "seed": 7}],
        "credits_used": 8,
        "credits_remaining": 1042,
    },
}
ENDED: dict[str, Any] = {
    "apiframe": {
        "id": "t-1",
        "status": "COMPLETED",
        "result": {"images": [LINK]},
        "completedAt": "2026-09-08T16:32:56Z",
    },
    "apipod": {
        "code": 200,
        "data": {"task_id": "t-1", "status": "completed", "result": [LINK], "completed_at": NOW},
    },
    "apixo": {
        "code": 200,
        "data": {
            "taskId": "t-1",
            "state": "success",
            "resultJson": json.dumps({"resultUrls": [LINK]}),
            "completeTime": NOW * 1000,
        },
    },
    # Status and result in one, because the adapter reads both.
    "fal": {"status": "COMPLETED", "request_id": "t-1", "images": [{"url": LINK}], "seed": 7},
    "replicate": {
        "id": "t-1",
        "status": "succeeded",
        "output": [LINK],
        "completed_at": "2026-09-08T16:32:56Z",
        "metrics": {"predict_time": 1.5},
    },
}
ODD_VALUES = (
    *(None, True, "", "x", "x" * 5000, "\0\ud800", -1, 0, 7.5, 10**30, -(10**30), 10**4000),
    *([], {}, [[]], [{}], {"": ""}, "OK", "failed", "FAILED", 500, "1e999", "NaN", "9999-12-31"),
)
WAITS = ("", "7", "7200", "9" * 400, "-1", "NaN", "1e9", "soon", "Fri, 31 Dec 9999 23:59:59 -2359")
WORDS = ("internal trouble", "a prompt, echoed", "content policy violation", "\0\ud800 odd")


class Made:
    """One made-up answer: what `exchange` yields, and which kind of body it has."""

    def __init__(self, chance: random.Random, provider: str, good: Any) -> None:
        self.status = chance.choice(
            [chance.randrange(100, 600), 200, 201, 202, 301, 400, 403, 408, 429, 500, 502, 503, 524]
        )
        kinds = ("own", "page", "bare", "cut", "empty", "deep", "odd", "odd", "odd")
        self.kind = chance.choice(kinds)
        self.headers = {"retry-after": chance.choice(WAITS), "x-request-id": chance.choice(WORDS)}
        self.body = getattr(self, f"_{self.kind}")(chance, provider, good)

    def _own(self, chance: random.Random, provider: str, _good: Any) -> bytes:
        code = "x" + "".join(chance.choices("abcdefg_", k=8))
        return _json(OWN_SHAPES[provider](self.status, code, chance.choice(WORDS)))

    def _page(self, chance: random.Random, *_more: Any) -> bytes:
        return chance.choice([b"<html><h1>502 Bad Gateway</h1>", b"upstream connect error"])

    def _bare(self, chance: random.Random, *_more: Any) -> bytes:
        return _json({"message": chance.choice(WORDS)})

    def _cut(self, chance: random.Random, provider: str, good: Any) -> bytes:
        whole = _json(chance.choice([good, OWN_SHAPES[provider](self.status, "xa", "text")]))
        return whole[: chance.randrange(1, len(whole))]

    def _empty(self, *_more: Any) -> bytes:
        return b""

    def _deep(self, chance: random.Random, *_more: Any) -> bytes:
        depth = chance.choice([100, 450, 900, 50_000])
        return chance.choice([b"[" * depth, b"[" * depth + b"]" * depth])

    def _odd(self, chance: random.Random, _provider: str, good: Any) -> bytes:
        return _json(_with_one_part_wrong(chance, good))


def _json(value: Any) -> bytes:
    # Replace a text by the number that Python reads as infinity.
    return json.dumps(value).replace('"1e999"', "1e999").encode()


def _with_one_part_wrong(chance: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(sorted(value))
        return {**value, name: _with_one_part_wrong(chance, value[name])}
    if isinstance(value, list) and value and chance.random() < 0.7:
        return [_with_one_part_wrong(chance, value[0]), *value[1:]]
    return chance.choice(ODD_VALUES)


def expected(provider: str, made: Made) -> type[ProviderError] | None:
    """What the table in `http.py` says of this answer to a submit; None if its body may be good."""
    status = made.status
    if 300 <= status < 400:
        return Refused
    if status in (408, 504) or 520 <= status < 530:
        return OutcomeUnknown
    if made.kind in ("odd", "cut", "deep") or status < 200:
        return None
    by_status = {429: Unavailable, 503: Unavailable}
    if provider in ("apipod", "apiframe"):
        # It may mean that a first request with the same key is still running.
        by_status[409] = OutcomeUnknown
    if status not in by_status and not 400 <= status < 500:
        return ProviderFailed if made.kind == "own" else OutcomeUnknown
    return by_status.get(status, Refused)


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


@pytest.fixture
def answered(provider, monkeypatch):
    """Call a method of the adapter for each made-up answer; yield pairs of answer and outcome."""
    adapter = registry.adapter_class(provider)(BASE_URL, "the-key")
    chance = random.Random(f"answers of {provider}")

    def every(good: Any, call: Callable[[Any], Any]) -> Iterator[tuple[Made, Any]]:
        for _ in range(ANSWERS):
            made = Made(chance, provider, good)
            monkeypatch.setattr(http, "exchange", _answering(made))
            try:
                yield made, call(adapter)
            except ProviderError as error:
                yield made, error

    return every


def _answering(made: Made) -> Callable[..., Any]:
    @contextmanager
    def exchange(*_arguments: Any, **_more: Any) -> Iterator[Arriving]:
        yield Arriving(made.status, made.headers, iter([made.body]))

    return exchange


def check_error(error: ProviderError) -> None:
    assert isinstance(error.code, Code)
    assert error.retry_after is None or 0 <= error.retry_after <= MOST_WAIT_SECONDS
    for text in (error.message, error.raw_code, error.request_id):
        assert len(text) <= TEXT_LIMIT
        assert "\0" not in text
        text.encode()


def check_good(answer: Accepted | InProgress | Result) -> None:
    if isinstance(answer, Accepted):
        assert 0 < len(answer.task_id) <= ID_LIMIT
    if not isinstance(answer, Result):
        return
    latest = datetime.now(UTC) + timedelta(days=17)
    for image in answer.images:
        ends = image.expires_at if isinstance(image, RemoteImage) else None
        assert ends is None or ends <= latest
    assert answer.seed is None or abs(answer.seed) < 2**63
    assert answer.cost_usd is None or 0 <= answer.cost_usd < 10**7
    # No database stores NaN or infinity.
    json.dumps(answer.raw, allow_nan=False, default=str)


def test_a_submit_ends_as_the_table_says(answered, provider):
    for made, came in answered(
        ACCEPTED[provider], lambda adapter: adapter.submit(Payload("/", b"{}"), timeout=1)
    ):
        wanted = expected(provider, made)
        if wanted is not None:
            assert type(came) is wanted, (made.status, made.kind, made.body)
        if 300 <= made.status < 400:
            assert came.code == Code.MISDIRECTED
        (check_error if isinstance(came, ProviderError) else check_good)(came)


def test_a_read_never_leaves_an_outcome_unknown(answered, provider):
    engine = registry.adapter_class(provider).engines[0]
    if engine.capabilities.answers_at_once:
        return
    task = TaskRef("t-1", engine.model)
    for made, came in answered(ENDED[provider], lambda adapter: adapter.poll(task)):
        assert not isinstance(came, OutcomeUnknown | ProviderFailed)
        if 300 <= made.status < 400:
            assert (type(came), came.code) == (Unavailable, Code.MISDIRECTED)
        (check_error if isinstance(came, ProviderError) else check_good)(came)


@pytest.mark.parametrize("verb", ["cancel", "balance", "probe"])
def test_every_other_call_raises_only_provider_errors(answered, provider, verb):
    engine = registry.adapter_class(provider).engines[0]
    task = (TaskRef("t-1", engine.model),) if verb == "cancel" else ()
    for _made, came in answered(
        ENDED.get(provider, {}), lambda adapter: getattr(adapter, verb)(*task)
    ):
        if isinstance(came, ProviderError):
            check_error(came)
            assert not isinstance(came, OutcomeUnknown | ProviderFailed)
