"""What fal's queue answers: states, results and both formats of its errors. Pure: no sockets.

Facts: fal's pages "Queue" (status, result, cancel), "Model Errors" and "Request Error Types"
(fal.ai/docs, read in autumn 2026). The error pages say that not all models follow them yet.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generations.providers.answers import (
    Answer,
    Fault,
    has_texts,
    linked_image,
    object_in,
    short,
)
from generations.providers.errors import Code, ProviderError, TaskCancelled, TaskFailed
from generations.providers.refusals import code_told
from generations.providers.types import InProgress, Result, TaskRef

# First `type` of "Model Errors", as far as this model can return it, then `error_type` of "Request
# Error Types". The images in model errors are the references.
ERROR_TYPES = {
    "content_policy_violation": Code.CONTENT_POLICY,
    "image_too_small": Code.REFERENCE_REJECTED,
    "image_too_large": Code.REFERENCE_REJECTED,
    "image_load_error": Code.REFERENCE_REJECTED,
    "file_download_error": Code.REFERENCE_REJECTED,
    "file_too_large": Code.REFERENCE_REJECTED,
    "unsupported_image_format": Code.REFERENCE_REJECTED,
    "no_media_generated": Code.INVALID_REQUEST,
    "feature_not_supported": Code.INVALID_REQUEST,
    "greater_than": Code.INVALID_REQUEST,
    "greater_than_equal": Code.INVALID_REQUEST,
    "less_than": Code.INVALID_REQUEST,
    "less_than_equal": Code.INVALID_REQUEST,
    "multiple_of": Code.INVALID_REQUEST,
    "sequence_too_short": Code.INVALID_REQUEST,
    "sequence_too_long": Code.INVALID_REQUEST,
    "one_of": Code.INVALID_REQUEST,
    "generation_timeout": Code.TIMEOUT,
    "internal_server_error": Code.PROVIDER_ERROR,
    "downstream_service_error": Code.PROVIDER_ERROR,
    "downstream_service_unavailable": Code.PROVIDER_ERROR,
    "request_timeout": Code.TIMEOUT,
    "startup_timeout": Code.TIMEOUT,
    "runner_scheduling_failure": Code.PROVIDER_ERROR,
    "runner_connection_timeout": Code.PROVIDER_ERROR,
    "runner_disconnected": Code.PROVIDER_ERROR,
    "runner_connection_refused": Code.PROVIDER_ERROR,
    "runner_connection_error": Code.PROVIDER_ERROR,
    "runner_incomplete_response": Code.PROVIDER_ERROR,
    "runner_server_error": Code.PROVIDER_ERROR,
    "internal_error": Code.PROVIDER_ERROR,
    "bad_request": Code.INVALID_REQUEST,
    "concurrent_requests_limit": Code.RATE_LIMITED,
    "client_cancelled": Code.CANCELLED,
    "client_disconnected": Code.CANCELLED,
}
# The reasons for which a cancel is refused ("Cancel a request").
ALREADY_COMPLETED = "ALREADY_COMPLETED"
NOT_FOUND = "NOT_FOUND"
# When a result is read, these statuses concern the key, the address or the rate of calls.
ABOUT_THE_CALL = frozenset({401, 403, 404, 405, 408, 429})

# Not documented; reports in fal's public repository (fal-ai/fal, summer 2026) all quote "User is
# locked. Reason: Exhausted balance." Other reasons ("Admin lock") are about access.
EXHAUSTED = re.compile(r"\blocked\b.*\bexhausted balance\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Ended:
    """A task that has ended: whether its status names an error, and how many seconds it worked."""

    failed: bool
    seconds: object


def state(answer: Answer, task: TaskRef) -> InProgress | Ended:
    """The state of `task`. Raises `TaskFailed` if the status names an error of fal's own.

    An error of the model is in the result, because COMPLETED covers both.
    """
    reply = answer.json()
    if reply.get("request_id", task.task_id) != task.task_id:
        raise ValueError("The answer is about another request.")
    match reply["status"]:
        case "IN_QUEUE":
            return InProgress(place=number(reply.get("queue_position")))
        case "IN_PROGRESS":
            return InProgress()
        case "COMPLETED":
            return _ended(reply, answer)
    raise ValueError("The status is not a documented one.")


def _ended(reply: Mapping[str, Any], answer: Answer) -> Ended:
    if raw_code := short(reply.get("error_type") or ""):
        message = short(reply.get("error") or "")
        code = code_told(ERROR_TYPES.get(raw_code), raw_code, message)
        raise _task_failed(raw_code, message, code, answer)
    metrics = reply.get("metrics") or {}
    return Ended(failed=bool(reply.get("error")), seconds=metrics.get("inference_time"))


def result(answer: Answer, ended: Ended) -> Result:
    """The images of a task that has `ended` without an error."""
    reply = answer.json()
    items = reply["images"]
    if not isinstance(items, list) or not items:
        raise ValueError("A task that succeeded has no images.")
    return Result(
        images=tuple(linked_image(_link_in(item)) for item in items),
        request_id=answer.request_id,
        # Only text-to-image returns it.
        seed=number(reply.get("seed")),
        raw={"inference_time": ended.seconds, "images": [_facts(item) for item in items]},
    )


def _link_in(item: object) -> object:
    return item.get("url") if isinstance(item, dict) else None


def _facts(item: object) -> dict[str, Any]:
    names = ("content_type", "file_size", "width", "height")
    return {name: item[name] for name in names if name in item} if isinstance(item, dict) else {}


def failure_of_task(error: ProviderError, answer: Answer, ended: Ended) -> ProviderError:
    """What an `error` to the read of a result means: the task's end, or trouble with this read.

    "If the model returned an error, this operation returns the same error." In doubt only this read
    failed: `internal_error` or a 5xx without a type may come from fal and not from the model.
    """
    about_the_call = answer.status < 400 or answer.status in ABOUT_THE_CALL
    named = error.raw_code not in (str(answer.status), "internal_error")
    if about_the_call or not (ended.failed or named or answer.status in (422, 499)):
        return error
    code = Code.CANCELLED if answer.status == 499 else error.code
    return _task_failed(error.raw_code, error.message, code, answer)


def _task_failed(raw_code: str, message: str, code: Code | None, answer: Answer) -> TaskFailed:
    kind = TaskCancelled if code == Code.CANCELLED else TaskFailed
    return kind(message, code=code, raw_code=raw_code, request_id=answer.request_id)


def is_removed(answer: Answer) -> bool:
    """Whether the request was removed from the queue, and not only notified."""
    return bool(answer.json()["status"] == "OK")


def fault(answer: Answer) -> Fault:
    """Read both formats: `detail` as a list of the model's errors, or as text with `error_type`.

    Only the type and the place of a model's error are kept, because `msg` and `input` may repeat
    the prompt. So may a text without a type. An error with a type is fal's own in both formats
    ("Model Errors", "Request Error Types").
    """
    reply = object_in(answer)
    detail = reply.get("detail")
    if isinstance(detail, list):
        raw_code, text, told = _first_error(detail)
    else:
        raw_code, text = _cancel_refused(reply) or str(reply.get("error_type") or ""), str(detail)
        told = text
    raw_code = raw_code or answer.headers.get("x-fal-error-type", "")
    own = bool(raw_code) and (isinstance(detail, list) or has_texts(reply, "detail"))
    code = ERROR_TYPES.get(raw_code)
    if own:
        code = code_told(code, raw_code, told)
    if answer.status == 403 and EXHAUSTED.search(text):
        code = Code.INSUFFICIENT_BALANCE
    kept = text if detail and (raw_code or answer.status == 403) else ""
    message = f"{kept} {_retry_hint(answer)}".strip()
    return Fault(code=code, raw_code=raw_code, message=message, own=own)


def _first_error(detail: list[Any]) -> tuple[str, str, str]:
    """Type, place and text of the first model error that names its type; empty if there is none.

    What the text repeats of the input is cut out. It is searched for a refusal and not kept.
    """
    for error in detail:
        if isinstance(error, dict) and isinstance(error.get("type"), str):
            where, told = error.get("loc"), str(error.get("msg") or "")
            if echo := str(error.get("input") or ""):
                told = told.replace(echo, "")
            return error["type"], ".".join(map(str, where)) if isinstance(where, list) else "", told
    return "", "", ""


def _cancel_refused(reply: Mapping[str, Any]) -> str:
    reason = reply.get("status")
    return str(reason) if reason in (ALREADY_COMPLETED, NOT_FOUND) else ""


def _retry_hint(answer: Answer) -> str:
    """An older version of "Model Errors" has another name for this header."""
    hint = answer.headers.get("x-fal-retryable") or answer.headers.get("x-fal-needs-retry")
    return f"(retryable: {hint})" if hint in ("true", "false") else ""


def number(value: object) -> int | None:
    """`value` if it is a whole number from 0 that a database column can hold."""
    return value if type(value) is int and 0 <= value < 2**63 else None
