"""Sets at ModelArk: a stream of images, whole, partial and broken off."""

import json

import pytest

from generations.providers.answers import Answer
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderFailed,
    Refused,
    Unavailable,
)
from generations.providers.modelark.adapter import ModelArkProvider
from generations.providers.modelark.engines import SEEDREAM_4_5, SEEDREAM_5_0_LITE
from generations.providers.types import ImageError, RemoteImage
from tests.emulator import Trouble, troubles
from tests.generations.providers.test_modelark import TestModelArk as ModelArk

SECONDS = 60.0
REFUSED = {"code": "OutputImageSensitiveContentDetected", "message": "no"}
COMPLETED = {
    "type": "image_generation.completed",
    "model": "seedream-4-5-251128",
    "usage": {"generated_images": 2, "output_tokens": 32768, "total_tokens": 32768},
}
# The sample of "Image generation API": lines of JSON without a field name.
PRINTED = """event: image_generation.partial_succeeded
data: {
  "type": "image_generation.partial_succeeded",
  "model": "seedream-5-0-260128",
  "created": 1757396757,
  "image_index": 0,
  "url": "https://cdn.example/0",
  "size": "2496x1664"
}

event: image_generation.partial_failed
data: {
  "type": "image_generation.partial_failed",
  "image_index": 1,
  "error": {"code": "OutputImageSensitiveContentDetected", "message": "no"}
}

event: image_generation.completed
data: {
  "type": "image_generation.completed",
  "usage": {"generated_images": 1}
}

data: [DONE]"""


@pytest.fixture
def adapter(emulator):
    return ModelArkProvider(emulator.base_url("modelark"), emulator.key("modelark"))


def made(index, **facts):
    return {
        "type": "image_generation.partial_succeeded",
        "model": "seedream-4-5-251128",
        "image_index": index,
        "url": f"https://cdn.example/{index}",
        "size": "2048x2048",
    } | facts


def lost(index, error=REFUSED):
    return {"type": "image_generation.partial_failed", "image_index": index, "error": error}


def stream(*events, done=True):
    lines = [f"event: {each.get('type', 'error')}\ndata: {json.dumps(each)}\n\n" for each in events]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""])


def submit(adapter, told=None, engine=SEEDREAM_4_5, num_images=3):
    request = ModelArk().ask(engine, sequential=True, num_images=num_images)
    on_image = (lambda index, image: told.append((index, image))) if told is not None else None
    payload = adapter.build_submit(request)
    return adapter.submit(payload, timeout=SECONDS, on_image=on_image)


def streamed(adapter, emulator, text, told=None):
    trouble = Trouble(status=200, raw=text, content_type="text/event-stream", accept=True)
    emulator.script("modelark", "submit", trouble)
    return submit(adapter, told)


def watched(adapter, text, step):
    """What `on_image` gets from a stream that arrives in pieces of `step` bytes."""
    told = []
    watch = adapter.watcher(lambda index, image: told.append((index, image)))
    content = text.encode()
    for start in range(0, len(content), step):
        watch(content[start : start + step])
    return told


def links(images):
    return [image.url for image in images if isinstance(image, RemoteImage)]


# Everything goes well


@pytest.mark.parametrize("engine", [SEEDREAM_4_5, SEEDREAM_5_0_LITE], ids=lambda each: each.name)
def test_every_image_is_reported_when_it_arrives_and_again_at_the_end(adapter, emulator, engine):
    told = []
    result = submit(adapter, told, engine)
    assert told == list(enumerate(result.images))
    assert len(links(result.images)) == 3


def test_the_figures_come_with_the_end_of_the_stream(adapter, emulator):
    result = submit(adapter)
    assert result.raw["usage"]["generated_images"] == 3
    assert result.model == "seedream-4-5-251128"
    assert result.request_id.startswith("0217")


def test_a_set_may_be_smaller_than_asked_for(adapter, emulator):
    result = streamed(adapter, emulator, stream(made(0), made(1), COMPLETED))
    assert links(result.images) == ["https://cdn.example/0", "https://cdn.example/1"]
    assert len(result.images) == 2


def test_a_set_answered_in_one_piece_is_read_too(adapter, emulator):
    body = {"data": [{"url": "https://cdn.example/0"}, {"error": REFUSED}]}
    emulator.script("modelark", "submit", Trouble(status=200, body=body, accept=True))
    told = []
    result = submit(adapter, told)
    assert links(result.images) == ["https://cdn.example/0"]
    assert told == []


@pytest.mark.parametrize("step", [1, 3, 64, 100_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_the_pages_sample_is_understood_however_it_is_cut(adapter, step, end):
    text = PRINTED.replace("\n", end)
    told = watched(adapter, text, step)
    result = adapter.parse_submit(Answer(200, {}, text.encode()))
    assert told == list(enumerate(result.images))
    assert links(result.images) == ["https://cdn.example/0"]
    assert result.images[1].code == Code.CONTENT_POLICY
    assert result.raw == {"usage": {"generated_images": 1}, "size": "2496x1664"}


def test_an_image_is_reported_before_the_next_one_arrives(adapter):
    told = []
    watch = adapter.watcher(lambda index, _image: told.append(index))
    watch(stream(made(0), done=False).encode())
    assert told == [0]


def test_on_image_may_break_off_the_submit(adapter, emulator):
    class Stop(Exception):
        pass

    def stop(_index, _image):
        raise Stop

    payload = adapter.build_submit(ModelArk().ask(SEEDREAM_4_5, sequential=True))
    with pytest.raises(Stop):
        adapter.submit(payload, timeout=SECONDS, on_image=stop)


# Only some images are made


def test_a_refused_image_does_not_stop_the_others(adapter, emulator):
    told = []
    text = stream(made(0), lost(1), made(2), COMPLETED)
    result = streamed(adapter, emulator, text, told)
    assert [type(image) for image in result.images] == [RemoteImage, ImageError, RemoteImage]
    assert told == list(enumerate(result.images))


def test_images_that_the_emulator_refuses(adapter, emulator):
    emulator.script("modelark", "submit", troubles.partial(1))
    result = submit(adapter)
    assert [getattr(image, "code", "") for image in result.images] == ["", *["content_policy"] * 2]


def test_images_stand_at_their_index_whatever_their_order(adapter, emulator):
    result = streamed(adapter, emulator, stream(made(2), made(0), COMPLETED))
    first, gap, last = result.images
    assert (first.url, last.url) == ("https://cdn.example/0", "https://cdn.example/2")
    assert (gap.code, gap.raw_code) == (Code.BAD_RESPONSE, "missing in the stream")


@pytest.mark.parametrize("index", [None, "1", -1, 15, 10**9, True, 0])
def test_an_image_without_a_valid_index_is_not_lost(adapter, emulator, index):
    told = []
    odd = made(index, url="https://cdn.example/odd")
    result = streamed(adapter, emulator, stream(made(0), odd, COMPLETED), told)
    assert links(result.images) == ["https://cdn.example/0", "https://cdn.example/odd"]
    assert told == list(enumerate(result.images))


def test_an_image_reported_twice_counts_once(adapter, emulator):
    told = []
    result = streamed(adapter, emulator, stream(made(0), made(0), COMPLETED), told)
    assert len(result.images) == len(told) == 1


@pytest.mark.parametrize("url", [None, "", 7])
def test_an_image_without_a_link_is_an_error_in_its_place(adapter, emulator, url):
    result = streamed(adapter, emulator, stream(made(0), made(1, url=url), COMPLETED))
    assert result.images[1] == ImageError(code=Code.BAD_RESPONSE, raw_code="no link")


@pytest.mark.parametrize("odd", ["null", "[]", "7", "{", "[" * 100_000, '{"type": "new.event"}'])
def test_unknown_events_are_ignored(adapter, emulator, odd):
    text = f"data: {odd}\n\n" + stream(made(0), COMPLETED)
    assert len(streamed(adapter, emulator, text).images) == 1


# The stream breaks off


def test_what_came_before_the_stream_broke_off_is_kept(adapter, emulator):
    emulator.script("modelark", "submit", troubles.cut_midway())
    told = []
    result = submit(adapter, told)
    first, rest = result.images
    assert told == [(0, first)]
    assert isinstance(first, RemoteImage)
    assert (rest.code, rest.raw_code) == (Code.OUTCOME_UNKNOWN, "stream broke off")
    assert result.cost_usd is None


def test_a_stream_that_stops_without_its_end_has_broken_off_too(adapter, emulator):
    result = streamed(adapter, emulator, stream(made(0), done=False))
    assert [getattr(image, "code", "") for image in result.images] == ["", "outcome_unknown"]


def test_nothing_is_missing_after_the_end_event(adapter):
    text = stream(made(0), made(1), COMPLETED, done=False)
    result = adapter.parse_submit(Answer(200, {}, text.encode(), complete=False))
    assert len(links(result.images)) == len(result.images) == 2


@pytest.mark.parametrize("text", ["", "event: image", stream(lost(0), done=False), "<html>"])
def test_a_stream_that_broke_off_without_an_image_leaves_the_outcome_unknown(
    adapter, emulator, text
):
    with pytest.raises(OutcomeUnknown):
        streamed(adapter, emulator, text)


def test_a_stream_with_only_its_end_leaves_the_outcome_unknown(adapter, emulator):
    with pytest.raises(OutcomeUnknown):
        streamed(adapter, emulator, stream(COMPLETED))


@pytest.mark.parametrize(
    ("raw_code", "code"),
    [
        ("InternalServiceError", Code.PROVIDER_ERROR),
        ("AccountOverdueError", Code.INSUFFICIENT_BALANCE),
        ("SomethingNew", Code.PROVIDER_ERROR),
    ],
)
def test_an_error_of_the_stream_stands_for_the_rest(adapter, emulator, raw_code, code):
    told = []
    broken = {"error": {"code": raw_code, "message": "echo"}}
    result = streamed(adapter, emulator, stream(made(0), broken, done=False), told)
    first, rest = result.images
    assert told == [(0, first)]
    assert (rest.code, rest.raw_code) == (code, raw_code)


@pytest.mark.parametrize(
    ("raw_code", "kind", "code"),
    [
        ("BadRequest", Refused, Code.INVALID_REQUEST),
        ("InputTextSensitiveContentDetected", Refused, Code.CONTENT_POLICY),
        ("ServerOverloaded", Unavailable, Code.PROVIDER_ERROR),
        ("InternalServiceError", ProviderFailed, Code.PROVIDER_ERROR),
        ("SomethingNew", ProviderFailed, Code.PROVIDER_ERROR),
    ],
)
def test_an_error_of_the_stream_without_images_is_what_its_code_means(
    adapter, emulator, raw_code, kind, code
):
    broken = {"error": {"code": raw_code, "message": "no"}}
    with pytest.raises(kind) as raised:
        streamed(adapter, emulator, stream(broken))
    assert (raised.value.code, raised.value.raw_code) == (code, raw_code)


# No image is made


def test_a_set_with_only_refusals_is_refused(adapter, emulator):
    emulator.script("modelark", "submit", troubles.failed("OutputImageRiskDetection", "echo"))
    told = []
    with pytest.raises(Refused) as raised:
        submit(adapter, told)
    assert raised.value.code == Code.CONTENT_POLICY
    assert [image.raw_code for _index, image in told] == ["OutputImageRiskDetection"] * 3


def test_an_internal_error_ends_a_set_and_nothing_is_billed(adapter, emulator):
    emulator.script("modelark", "submit", troubles.failed("InternalServiceError"))
    told = []
    with pytest.raises(Unavailable) as raised:
        submit(adapter, told)
    assert raised.value.raw_code == "InternalServiceError"
    assert len(told) == 1


def test_a_refused_request_is_answered_in_one_piece(adapter, emulator):
    told = []
    emulator.script("modelark", "submit", troubles.status(400))
    with pytest.raises(Refused) as raised:
        submit(adapter, told)
    assert raised.value.raw_code == "InvalidParameter"
    assert told == []
