"""A provider that is called over HTTP, and what its answers mean.

This table says what follows a submit. The first row that matches counts:

    no connection, name or TLS handshake         NotSent
    3xx: the base URL is wrong, and nothing
      was accepted                               Refused, MISDIRECTED
    408, 504, 520 to 529: a time-out on the
      way, whoever reports it                    OutcomeUnknown
    429, 503                                     Unavailable, with Retry-After
    500, 502 if its documentation says
      that nothing was accepted                  Unavailable
    other 4xx                                    Refused
    other 5xx, or a 2xx without a result, if
      it is a complete error in the provider's
      own format (`Fault.own`)                   ProviderFailed
    anything else: HTML, a bare message, an
      answer that is lost, cut or unreadable     OutcomeUnknown

From the fourth row on, an adapter may choose another exception for one answer by naming it in its
`Fault`, with the page that justifies it. Reads are safe to repeat, so where a submit would be
`OutcomeUnknown`, `ProviderFailed` or misdirected, a read is `Unavailable`. A poll ends a task only
by `TaskFailed`, which adapters raise. Any other error of a poll, a 404 included, says nothing about
the images, and the poll is repeated later.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

from django.utils.functional import Promise

from generations.providers.addresses import checked_base_url, host_ports, is_same_origin
from generations.providers.answers import (
    Answer,
    Fault,
    Parsed,
    bounded_wait,
    fault_in,
    retry_after,
    short,
    taken,
    understood,
)
from generations.providers.base import ImageProvider, OnImage
from generations.providers.errors import (
    Code,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
    Unavailable,
)
from generations.providers.refusals import code_told
from generations.providers.transport import (
    USER_AGENT,
    Client,
    exchange,
    reading_client,
    submit_client,
)
from generations.providers.types import Accepted, InProgress, Payload, Result, TaskRef

ANSWER_BYTES = 2_000_000
POLL_SECONDS = 30.0

CODES = {
    400: Code.INVALID_REQUEST,
    401: Code.AUTH,
    402: Code.INSUFFICIENT_BALANCE,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    408: Code.TIMEOUT,
    429: Code.RATE_LIMITED,
    504: Code.TIMEOUT,
}
# Time-outs: at the provider's own gateway, or at one on the way (52x is Cloudflare's).
OUT_OF_TIME = frozenset({408, 504, *range(520, 530)})
# Statuses that concern the key, the balance or the address, never the content.
NOT_ABOUT_CONTENT = frozenset({401, 402, 404})


class HttpProvider(ImageProvider):
    """Base class of adapters that use HTTP: it talks, and the adapter translates."""

    # Of 500 and 502, those that the provider's page says came before anything was accepted.
    nothing_accepted: ClassVar[Collection[int]] = ()
    # The header for the idempotency key, for engines with `takes_idempotency_key`; empty: none.
    idempotency_header: ClassVar[str] = ""
    request_id_header: ClassVar[str] = "x-request-id"
    # The largest answer in bytes; engines that send images within the answer need more.
    answer_bytes: ClassVar[int] = ANSWER_BYTES
    # The advice of the provider's page for a code, by the code in the form of `plain_code`.
    page_advice: ClassVar[Mapping[str, str | Promise]] = {}

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        private_hosts: Collection[str] = (),
        user_agent: str = USER_AGENT,
    ) -> None:
        """Raises `Misconfigured` for an address or a key that cannot be right."""
        self.private_hosts = host_ports(private_hosts)
        self.base_url = checked_base_url(base_url, private_hosts=self.private_hosts)
        self._api_key = _checked_key(api_key)
        self._user_agent = user_agent

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def credentials(self) -> dict[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {self._api_key}"}

    @abstractmethod
    def parse_submit(self, answer: Answer) -> Accepted | Result:
        """Read a 2xx answer to a submit. If this raises, the outcome is unknown."""

    def poll_path(self, task: TaskRef) -> str:
        """The address of `task`: a path, or a link on the host of `base_url`."""
        raise NotImplementedError("An engine that answers at once has nothing to poll.")

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        """Read a 2xx answer to a poll. Raises `TaskFailed` for a task without an image."""
        raise NotImplementedError("An engine that answers at once has nothing to poll.")

    def read_fault(self, answer: Answer) -> Fault:
        """What an error answer says, in the provider's own terms."""
        return Fault()

    def watcher(self, on_image: OnImage) -> Callable[[bytes], None] | None:
        """Return what takes the pieces of a streamed answer and calls `on_image`, or None."""
        return None

    def submit(
        self,
        payload: Payload,
        *,
        timeout: float,
        idempotency_key: str = "",
        on_image: OnImage | None = None,
    ) -> Accepted | Result:
        headers = {"Content-Type": "application/json"} | dict(payload.headers)
        if idempotency_key and self.idempotency_header:
            headers[self.idempotency_header] = idempotency_key
        answer = self.call(
            submit_client(),
            "POST",
            payload.path,
            headers=headers,
            content=payload.body,
            timeout=timeout,
            watch=self.watcher(on_image) if on_image else None,
        )
        return self.kept_with(answer, self._read_submit)

    def _read_submit(self, answer: Answer) -> Accepted | Result:
        if not answer.ok:
            raise self.failure(answer)
        unreadable = OutcomeUnknown()
        try:
            return understood(self.parse_submit, answer, unreadable)
        except OutcomeUnknown as error:
            if error is unreadable and fault_in(answer, self.read_fault).own:
                raise self.failure(answer) from None
            raise

    def poll(self, task: TaskRef) -> InProgress | Result:
        return self.read(self.poll_path(task), lambda answer: self.parse_poll(answer, task))

    def ask(self, path: str, *, method: str = "GET", content: bytes | None = None) -> Answer:
        """One exchange that is safe to repeat. Returns the answer, whatever its status.

        Raises `NotSent` or `Unavailable`.
        """
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            return self.call(
                reading_client(),
                method,
                path,
                headers=headers,
                content=content,
                timeout=POLL_SECONDS,
            )
        except OutcomeUnknown as error:
            raise Unavailable(code=Code.CONNECTION, raw_code=error.raw_code) from error

    def read(self, path: str, parse: Callable[[Answer], Parsed], *, method: str = "GET") -> Parsed:
        """Ask for `path`, which is safe to repeat, and read the answer with `parse`.

        Raises `NotSent`, `Unavailable` or `Refused`, and what `parse` raises deliberately.
        """
        return self.kept_with(self.ask(path, method=method), partial(self._read, parse=parse))

    def _read(self, answer: Answer, *, parse: Callable[[Answer], Parsed]) -> Parsed:
        if not answer.ok:
            raise self.failure(answer, unsure=Unavailable)
        return understood(parse, answer, Unavailable(code=Code.BAD_RESPONSE))

    def kept_with(self, answer: Answer, read: Callable[[Answer], Parsed]) -> Parsed:
        """What `read` returns or raises for `answer`, with the answer, which goes on record."""
        try:
            found = read(answer)
        except ProviderError as error:
            error.answer = self._without_key(answer)
            raise
        # Only these two end or begin a task; other values of a read are not kept.
        if isinstance(found, Accepted | Result):
            return replace(found, answer=self._without_key(answer))
        return found

    def _without_key(self, answer: Answer) -> Answer:
        return replace(answer, body=answer.body.replace(self._api_key.encode(), b"[key]"))

    def endpoint(self, path: str) -> str:
        return path if "://" in path else self.base_url + path

    def call(
        self,
        client: Client,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float,
        watch: Callable[[bytes], None] | None = None,
    ) -> Answer:
        """Send one request with the key and read the answer. Raises what `exchange` raises."""
        headers = self.credentials() | {"User-Agent": self._user_agent} | dict(headers or {})
        url = self._url(path)
        with exchange(
            client, method, url, headers=headers, content=content, timeout=timeout
        ) as arriving:
            body, complete = taken(arriving.chunks, self.answer_bytes, watch)
        request_id = short(arriving.headers.get(self.request_id_header, ""))
        return Answer(arriving.status, arriving.headers, body, complete, request_id)

    def failure(
        self,
        answer: Answer,
        *,
        status: int | None = None,
        unsure: type[ProviderError] = OutcomeUnknown,
    ) -> ProviderError:
        """The error that `answer` means, by the table above.

        `status` is for providers that put it into the body of a 200. `unsure` is `Unavailable` for
        answers to a read.
        """
        submitting = unsure is OutcomeUnknown
        if 300 <= answer.status < 400:
            kind = Refused if submitting else unsure
            return kind(code=Code.MISDIRECTED, raw_code=str(answer.status))
        status = status or answer.status
        fault = fault_in(answer, self.read_fault)
        kind = self._kind(status, fault)
        if kind in (OutcomeUnknown, ProviderFailed) and not submitting:
            kind = unsure
        header = retry_after(answer.headers.get("retry-after", ""))
        return kind(
            short(fault.message.replace(self._api_key, "[key]")),
            code=_code(kind, status, fault),
            raw_code=short(fault.raw_code or status),
            request_id=answer.request_id,
            retry_after=bounded_wait(fault.retry_after) if header is None else header,
            balance=fault.balance,
        )

    def _kind(self, status: int, fault: Fault) -> type[ProviderError]:
        if status in OUT_OF_TIME:
            return OutcomeUnknown
        if fault.error:
            return fault.error
        if status in (429, 503) or (status in (500, 502) and status in self.nothing_accepted):
            return Unavailable
        if 400 <= status < 500:
            return Refused
        return ProviderFailed if fault.own else OutcomeUnknown

    def _url(self, path: str) -> str:
        """The full address of `path`; the key is sent only to the host of `base_url`."""
        if "://" not in path:
            return self.base_url + path
        if not is_same_origin(path, self.base_url):
            raise ProviderError(code=Code.BAD_RESPONSE, raw_code="link to another host")
        return path


def _code(kind: type[ProviderError], status: int, fault: Fault) -> Code | None:
    if kind is OutcomeUnknown:
        return None
    about_the_request = issubclass(kind, Refused | ProviderFailed)
    if fault.own and about_the_request and status not in NOT_ABOUT_CONTENT:
        return code_told(fault.code, fault.raw_code, fault.message) or CODES.get(status)
    return fault.code or CODES.get(status)


def _checked_key(api_key: str) -> str:
    if not re.fullmatch(r"[!-~]+", api_key):
        raise Misconfigured("The API key is empty or has characters that no key has.")
    return api_key
