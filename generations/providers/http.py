"""A provider spoken to over HTTP, and what its answers mean.

The one table of what follows a submit:

    connect, name, TLS handshake, pool           NotSent
    429, 503                                     Unavailable, with Retry-After
    500, 502 where the provider's page says
      that nothing was accepted                  Unavailable
    other 4xx                                    Refused
    anything else: other 5xx, redirects, broken
      connections, time-outs, unreadable 2xx     OutcomeUnknown

An adapter may overrule a row for one answer by naming the exception in its `Fault`, with the page
that says so. Reading is safe to repeat, so where a submit would be `OutcomeUnknown` a read is
`Unavailable`. A poll ends a task only by `TaskFailed`, which adapters raise; all else that it
raises, a 404 included, says nothing about the pictures and is asked again later.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import ClassVar

from django.utils.functional import Promise

from generations.providers.addresses import checked_base_url, host_ports, origin
from generations.providers.answers import (
    Answer,
    Fault,
    Parsed,
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
    Refused,
    Unavailable,
)
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


class HttpProvider(ImageProvider):
    """A provider spoken to over HTTP; an adapter fills the holes and leaves the talking here."""

    # 500 and 502 that the provider's page says came before anything was accepted.
    nothing_accepted: ClassVar[Collection[int]] = ()
    # Where engines whose capabilities say `takes_idempotency_key` take it; empty: nowhere.
    idempotency_header: ClassVar[str] = ""
    request_id_header: ClassVar[str] = "x-request-id"
    # The largest answer in bytes; engines that send pictures within the answer need more.
    answer_bytes: ClassVar[int] = ANSWER_BYTES
    # What the provider's page advises, by its own code in the form of `plain_code`.
    page_advice: ClassVar[Mapping[str, str | Promise]] = {}

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        private_hosts: Collection[str] = (),
        user_agent: str = USER_AGENT,
    ) -> None:
        """Raises `Misconfigured` for an address or a key that can't be right."""
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
        """Read a 2xx answer to a submit; what it trips over makes the outcome unknown."""

    def poll_path(self, task: TaskRef) -> str:
        """Where to ask for `task`: a path, or a link on the host of `base_url`."""
        raise NotImplementedError("An engine that answers at once has nothing to poll.")

    def parse_poll(self, answer: Answer, task: TaskRef) -> InProgress | Result:
        """Read a 2xx answer to a poll. Raises `TaskFailed` for a task without a picture."""
        raise NotImplementedError("An engine that answers at once has nothing to poll.")

    def read_fault(self, answer: Answer) -> Fault:
        """What an error answer says in the provider's own words."""
        return Fault()

    def watcher(self, on_image: OnImage) -> Callable[[bytes], None] | None:
        """What is to see a streamed answer as it arrives, and tell `on_image`; None: nothing."""
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
        if not answer.ok:
            raise self.failure(answer)
        return understood(self.parse_submit, answer, OutcomeUnknown())

    def poll(self, task: TaskRef) -> InProgress | Result:
        return self.read(self.poll_path(task), lambda answer: self.parse_poll(answer, task))

    def ask(self, path: str, *, method: str = "GET", content: bytes | None = None) -> Answer:
        """One exchange that is safe to repeat: its answer, whatever the status.

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

        Raises `NotSent`, `Unavailable` or `Refused`, and whatever `parse` raises on purpose.
        """
        answer = self.ask(path, method=method)
        if not answer.ok:
            raise self.failure(answer, unsure=Unavailable)
        return understood(parse, answer, Unavailable(code=Code.BAD_RESPONSE))

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
        """Send one request with the key and take the whole answer. Raises as `exchange`."""
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
        """The error that `answer` amounts to, by the table above.

        `status` is for providers that put it into the body of a 200. `unsure` is what is raised
        where nobody can tell.
        """
        status = status or answer.status
        fault = fault_in(answer, self.read_fault)
        kind = fault.error or self._kind(status) or unsure
        if kind is OutcomeUnknown:
            kind = unsure
        header = retry_after(answer.headers.get("retry-after", ""))
        return kind(
            short(fault.message.replace(self._api_key, "[key]")),
            code=None if kind is OutcomeUnknown else fault.code or CODES.get(status),
            raw_code=short(fault.raw_code) or str(status),
            request_id=answer.request_id,
            retry_after=fault.retry_after if header is None else header,
            balance=fault.balance,
        )

    def _kind(self, status: int) -> type[ProviderError] | None:
        if status in (429, 503) or (status in (500, 502) and status in self.nothing_accepted):
            return Unavailable
        return Refused if 400 <= status < 500 else None

    def _url(self, path: str) -> str:
        """The full address of `path`; the key goes nowhere but to the host of `base_url`."""
        if "://" not in path:
            return self.base_url + path
        if origin(path) != origin(self.base_url):
            raise ProviderError(code=Code.BAD_RESPONSE, raw_code="link to another host")
        return path


def _checked_key(api_key: str) -> str:
    if not re.fullmatch(r"[!-~]+", api_key):
        raise Misconfigured("The API key is empty or has characters that no key has.")
    return api_key
