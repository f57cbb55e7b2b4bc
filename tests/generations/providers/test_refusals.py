"""Refusals of content are recognised by their code or text, and nothing else is taken for one."""

import json
from contextlib import contextmanager

import pytest

from generations.providers import http, registry
from generations.providers.errors import Code, ProviderError, Refused, TaskFailed
from generations.providers.refusals import code_told, refuses_content
from generations.providers.transport import Arriving
from generations.providers.types import Payload, TaskRef

# Documented or seen at one of the seven providers, or so plain that any of them may use it.
REFUSALS = [
    ("content_policy_violation", ""),
    ("CONTENT_VIOLATION", ""),
    ("SensitiveContentDetected", ""),
    ("InputOutputSensitiveContentDetected", "x"),
    ("NSFWDetected", ""),
    ("NSFW", ""),
    ("moderation_blocked", ""),
    ("content_filter", ""),
    ("safety_violation", ""),
    ("prohibited_content", ""),
    ("policy_violation", "Forbidden"),
    ("invalid_request_error", "Your request was rejected as a result of our safety system."),
    ("", "Provider returned an error: content policy violation"),
    ("", "The input or output was flagged as sensitive. Please try again with different inputs."),
    ("", "NSFW content detected. Try running it again, or try a different prompt."),
    ("", "Input or output failed safety checks"),
    ("", "The prompt violates our usage guidelines."),
    ("", "This violates the terms of service; change the prompt"),
    ("", "Your prompt was blocked by moderation."),
    ("", "Image generation was refused by the safety filter"),
    ("", "The content could not be processed: material was flagged by a content checker."),
    ("", "The request contains sensitive words"),
    ("", "The parameter prompt is invalid: it contains sensitive words"),
    ("", "Prohibited content"),
    ("", "The prompt may contain copyrighted characters"),
    ("", "Rejected: likeness of a public figure"),
    ("", "The content is blocked"),
    ("", "Nudity is not allowed"),
    ("", "您的提示词包含敏感信息"),
    ("FAILED", "content_policy: refused"),
]
ORDINARY = [
    ("", ""),
    ("", "no available capacity"),
    ("", "Something went wrong, try again later"),
    ("", "Provider returned an error: the content policy service is down"),
    ("", "The moderation service is unavailable"),
    ("", "Content moderation timed out. Please try again."),
    ("", "The safety checker failed to load"),
    ("", "The safety check could not be completed"),
    ("ContentSecurityDetectionError", "The checker returned an internal error"),
    ("moderation_service_error", "Moderation failed"),
    ("content_filter_timeout", "blocked"),
    ("", "Your account was suspended: it violates our terms of service"),
    ("", "Your API key is blocked by our content policy team"),
    ("", "Key cannot access this model"),
    ("", "Access to this model is prohibited"),
    ("", "Restricted by policy"),
    ("", "Request blocked by the firewall, reference 18.2f"),
    ("", "The rate limit policy was violated"),
    ("", "Prohibited parameter: seed"),
    ("", "safety_tolerance must be a value from 1 to 6, and contains 9"),
    ("", "enable_safety_checker is not allowed: a boolean is needed in this field"),
    ("", "Field names are case-sensitive"),
    ("", "Illegal input: width must be a number"),
    ("", "Copyright 2026 Acme"),
    ("", 'Could not draw "a poster against violence, our content policy"'),
    ("", "Could not draw 'the content policy of a bank'"),
    ("", "Could not draw “nsfw, flagged as sensitive”"),
    ("rate_limit_exceeded", "flagged as sensitive"),
    ("insufficient_credits", "content policy"),
    ("invalid_parameter", "content policy"),
    ("UPSTREAM_CAPACITY_EXHAUSTED", "content policy"),
    ("internal_error", "content policy"),
    ("invalid_api_key", "content policy"),
    ("timeout", "Blocked by moderation"),
]


@pytest.mark.parametrize(("raw_code", "message"), REFUSALS)
def test_a_refusal_is_found_in_its_code_or_its_text(raw_code, message):
    assert refuses_content(raw_code, message)


@pytest.mark.parametrize(("raw_code", "message"), ORDINARY)
def test_an_ordinary_failure_is_not_a_refusal(raw_code, message):
    assert not refuses_content(raw_code, message)


CLEAR = sorted(set(Code) - {Code.INVALID_REQUEST, Code.PROVIDER_ERROR})


@pytest.mark.parametrize("code", CLEAR)
def test_a_code_that_names_its_cause_is_kept_whatever_the_text_says(code):
    assert code_told(code, "", "content policy violation") == code


@pytest.mark.parametrize("code", [None, Code.INVALID_REQUEST, Code.PROVIDER_ERROR])
def test_if_the_code_leaves_the_cause_open_the_text_decides(code):
    assert code_told(code, "", "content policy violation") == Code.CONTENT_POLICY
    assert code_told(code, "", "no capacity") == code


def test_a_long_text_is_read_at_its_beginning_only():
    assert not refuses_content("", "x" * 1_000_000 + " content policy violation")


# At each provider in its own format: an answer to a submit, and a failed task.


def submit_refused(provider, words):
    if provider == "apixo":
        return 403, {"code": 403, "message": words, "data": None}
    if provider == "apiframe":
        return 400, {"error": words}
    if provider == "fal":
        error = {"loc": ["body", "prompt"], "msg": words, "type": "value_error", "input": "x"}
        return 422, {"detail": [error]}
    if provider == "replicate":
        return 422, {"title": "Refused", "status": 422, "detail": words}
    return 400, {"error": {"code": "refused", "message": words, "type": "error"}}


def task_failed(provider, words):
    data = {"task_id": "t-1", "status": "failed", "error_message": words}
    return {
        "apiframe": {"id": "t-1", "status": "FAILED", "error": words},
        "apipod": {"code": 200, "message": "success", "data": data},
        "apixo": {
            "code": 200,
            "data": {"taskId": "t-1", "state": "failed", "failCode": "New", "failMsg": words},
        },
        "fal": {"status": "COMPLETED", "error": words, "error_type": "runner_says_no"},
        "replicate": {"id": "t-1", "status": "failed", "error": words},
    }[provider]


def error_of(monkeypatch, provider, status, body, call):
    @contextmanager
    def exchange(*_arguments, **_more):
        yield Arriving(status, {}, iter([json.dumps(body).encode()]))

    monkeypatch.setattr(http, "exchange", exchange)
    with pytest.raises(ProviderError) as raised:
        call(registry.adapter_class(provider)("https://api.example", "the-key"))
    return raised.value


WORDS = [
    ("Your request was rejected by our safety system", Code.CONTENT_POLICY),
    ("content policy violation", Code.CONTENT_POLICY),
    ("The content moderation service timed out", None),
    ("Something went wrong", None),
]


@pytest.mark.parametrize(("words", "code"), WORDS)
@pytest.mark.parametrize(
    "provider", ["apiframe", "apipod", "apixo", "fal", "modelark", "replicate", "seedance"]
)
def test_a_submit_that_is_refused_in_text(monkeypatch, provider, words, code):
    status, body = submit_refused(provider, words)
    error = error_of(
        monkeypatch,
        provider,
        status,
        body,
        lambda adapter: adapter.submit(Payload("/", b""), timeout=1),
    )
    assert isinstance(error, Refused)
    assert (error.code == Code.CONTENT_POLICY) is (code is not None)


@pytest.mark.parametrize(("words", "code"), WORDS)
@pytest.mark.parametrize("provider", ["apiframe", "apipod", "apixo", "fal", "replicate"])
def test_a_task_that_failed_in_text(monkeypatch, provider, words, code):
    task = TaskRef("t-1", registry.adapter_class(provider).engines[0].model)
    body = task_failed(provider, words)
    error = error_of(monkeypatch, provider, 200, body, lambda adapter: adapter.poll(task))
    assert isinstance(error, TaskFailed)
    assert error.code == (code or Code.PROVIDER_ERROR)
    assert words not in error.raw_code or error.raw_code == words == "content policy violation"


def test_the_code_of_apipod_that_no_page_names(monkeypatch):
    data = {"task_id": "t-1", "status": "failed", "error_code": "content_policy_violation"}
    body = {"code": 200, "message": "success", "data": data}
    error = error_of(
        monkeypatch, "apipod", 200, body, lambda adapter: adapter.poll(TaskRef("t-1", "m"))
    )
    assert (error.code, error.raw_code) == (Code.CONTENT_POLICY, "content_policy_violation")


def test_a_gateways_page_refuses_no_content(monkeypatch):
    """A text outside the provider's own format is not read, whatever it says."""
    error = error_of(
        monkeypatch,
        "seedance",
        400,
        {"message": "content policy violation"},
        lambda adapter: adapter.submit(Payload("/", b""), timeout=1),
    )
    assert error.code == Code.INVALID_REQUEST
