"""The table of `http.py`, the time limit, the size limit, and where a key may go."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from generations.providers.answers import Answer, Fault, parsed_json, plain_code, retry_after
from generations.providers.errors import (
    Code,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
    Unavailable,
)
from generations.providers.http import HttpProvider
from generations.providers.types import Accepted, InProgress, Payload, TaskRef
from tests.emulator import Trouble, troubles
from tests.generations.providers.plain import PAYLOAD, TASK, Plain

SECONDS = 60.0
SHORT = 1.0


class Exact(Plain):
    """Its page says that nothing was accepted after a 500, and documents an idempotency key."""

    nothing_accepted = frozenset({500})
    idempotency_header = "Idempotency-Key"


class ByCode(Plain):
    """Its page sorts errors by code, not by status."""

    def read_fault(self, answer: Answer) -> Fault:
        fault = answer.json()["fault"]
        if fault == "quota":
            return Fault(code=Code.INSUFFICIENT_BALANCE, raw_code=fault, error=Refused)
        return Fault(raw_code=fault, message="why", error=OutcomeUnknown)


class Telling(Plain):
    """Its page documents errors as {"fault": code}, and nothing more."""

    def read_fault(self, answer: Answer) -> Fault:
        return Fault(raw_code=answer.json()["fault"], message="why", own=True)


def error_of(adapter, emulator, trouble, *, timeout=SECONDS):
    emulator.script("apixo", "submit", trouble)
    with pytest.raises(ProviderError) as raised:
        adapter.submit(PAYLOAD, timeout=timeout)
    return raised.value


class TestTheTable:
    @pytest.mark.parametrize(
        ("status", "error", "code"),
        [
            (400, Refused, Code.INVALID_REQUEST),
            (401, Refused, Code.AUTH),
            (402, Refused, Code.INSUFFICIENT_BALANCE),
            (403, Refused, Code.FORBIDDEN),
            (404, Refused, Code.NOT_FOUND),
            (408, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (409, Refused, Code.INVALID_REQUEST),
            (422, Refused, Code.INVALID_REQUEST),
            (429, Unavailable, Code.RATE_LIMITED),
            (500, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (502, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (503, Unavailable, Code.PROVIDER_ERROR),
            (504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (507, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (599, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (523, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
            (301, Refused, Code.MISDIRECTED),
            (302, Refused, Code.MISDIRECTED),
            (307, Refused, Code.MISDIRECTED),
        ],
    )
    def test_a_status_means(self, make, emulator, status, error, code):
        found = error_of(make(), emulator, troubles.status(status))
        assert (type(found), found.code, found.raw_code) == (error, code, str(status))

    def test_500_is_unavailable_only_where_the_adapter_cites_its_page(self, make, emulator):
        exact = make(Exact)
        assert type(error_of(exact, emulator, troubles.status(500))) is Unavailable
        assert type(error_of(exact, emulator, troubles.status(502))) is OutcomeUnknown

    @pytest.mark.parametrize("target", ["https://0177.0.0.1/", "https://[", "", "\xff"])
    def test_a_redirect_is_one_wherever_it_leads(self, make, emulator, target):
        found = error_of(make(), emulator, troubles.redirect(target))
        assert (type(found), found.code) == (Refused, Code.MISDIRECTED)

    def test_an_adapter_may_decide_by_code(self, make, emulator):
        by_code = make(ByCode)
        quota = error_of(by_code, emulator, troubles.status(429, body={"fault": "quota"}))
        assert (type(quota), quota.code) == (Refused, Code.INSUFFICIENT_BALANCE)
        running = error_of(by_code, emulator, troubles.status(409, body={"fault": "running"}))
        assert (type(running), running.raw_code) == (OutcomeUnknown, "running")
        assert running.message == "why"
        assert "why" not in str(running)

    def test_an_error_body_that_cannot_be_read_leaves_the_status(self, make, emulator):
        found = error_of(make(ByCode), emulator, troubles.status(402, body="no fault in here"))
        assert (type(found), found.raw_code) == (Refused, "402")

    def test_an_error_body_that_breaks_off_leaves_the_status(self, make, emulator):
        cut = Trouble(status=402, drop=troubles.Drop.MIDWAY)
        assert type(error_of(make(), emulator, cut)) is Refused

    def test_the_request_id_is_kept(self, make, emulator):
        found = error_of(make(), emulator, troubles.status(400, X_Request_Id="req-7"))
        assert found.request_id == "req-7"

    def test_a_closed_connection_is_unknown(self, make, emulator):
        assert type(error_of(make(), emulator, troubles.dropped_unread())) is OutcomeUnknown


class TestOwnShape:
    """`Telling` documents {"fault": code}: its own errors are failures, all others unknown."""

    @pytest.mark.parametrize("status", [200, 202, 500, 501, 502, 505, 507, 599])
    def test_a_complete_error_is_a_failure(self, make, emulator, status):
        found = error_of(make(Telling), emulator, troubles.status(status, body={"fault": "broken"}))
        assert (type(found), found.code) == (ProviderFailed, Code.PROVIDER_ERROR)
        assert (found.raw_code, found.message) == ("broken", "why")

    @pytest.mark.parametrize(
        "raw", ["<h1>500</h1>", "", '{"message": "Internal error"}', '{"fault": "bro', '["fault"]']
    )
    @pytest.mark.parametrize("status", [200, 500, 502])
    def test_an_incomplete_or_foreign_error_is_unknown(self, make, emulator, status, raw):
        found = error_of(make(Telling), emulator, Trouble(status=status, raw=raw))
        assert (type(found), found.code) == (OutcomeUnknown, Code.OUTCOME_UNKNOWN)

    def test_a_whole_error_that_breaks_off_is_unknown(self, make, emulator):
        cut = Trouble(status=500, body={"fault": "broken"}, drop=troubles.Drop.MIDWAY)
        assert type(error_of(make(Telling), emulator, cut)) is OutcomeUnknown

    @pytest.mark.parametrize("status", [408, 504, 520, 522, 524, 529])
    def test_a_timeout_on_the_way_is_unknown_whoever_reports_it(self, make, emulator, status):
        found = error_of(make(Telling), emulator, troubles.status(status, body={"fault": "broken"}))
        assert type(found) is OutcomeUnknown

    @pytest.mark.parametrize(("status", "kind"), [(429, Unavailable), (503, Unavailable)])
    def test_what_was_not_accepted_stays_not_accepted(self, make, emulator, status, kind):
        found = error_of(make(Telling), emulator, troubles.status(status, body={"fault": "broken"}))
        assert type(found) is kind

    def test_a_read_can_be_repeated_all_the_same(self, make, emulator):
        emulator.script("apixo", "status", troubles.status(500, body={"fault": "broken"}))
        with pytest.raises(Unavailable) as raised:
            make(Telling).poll(TASK)
        assert raised.value.raw_code == "broken"


class TestTime:
    @pytest.mark.parametrize(
        "trouble",
        [troubles.slow(60), troubles.dripping(0.1), Trouble(status=200, raw="x" * 99, drip=0.1)],
        ids=["silence", "head", "body"],
    )
    def test_the_whole_call_is_limited(self, make, emulator, trouble):
        """A byte every tenth of a second keeps every limit except that of the whole call."""
        assert type(error_of(make(), emulator, trouble, timeout=SHORT)) is OutcomeUnknown

    def test_a_peer_that_does_not_read_is_limited_too(self):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            adapter = Plain(f"http://127.0.0.1:{deaf.getsockname()[1]}", "key")
            large = Payload(path="/", body=bytes(64_000_000))
            with pytest.raises(OutcomeUnknown):
                adapter.submit(large, timeout=SHORT)


class TestSize:
    def test_an_answer_up_to_the_limit_is_read(self, make, emulator):
        padded = '{"data": {"taskId": "1"}}'.ljust(Plain.answer_bytes)
        emulator.script("apixo", "submit", Trouble(raw=padded))
        assert make().submit(PAYLOAD, timeout=SECONDS) == Accepted(task_id="1")

    def test_a_larger_one_is_not(self, make, emulator):
        padded = '{"data": {"taskId": "1"}}'.ljust(Plain.answer_bytes + 1)
        assert type(error_of(make(), emulator, Trouble(raw=padded))) is OutcomeUnknown


class TestReading:
    @pytest.mark.parametrize(
        ("trouble", "error", "code"),
        [
            (troubles.status(404), Refused, Code.NOT_FOUND),
            (troubles.status(429), Unavailable, Code.RATE_LIMITED),
            (troubles.status(500), Unavailable, Code.PROVIDER_ERROR),
            (troubles.status(504), Unavailable, Code.TIMEOUT),
            (troubles.redirect("https://elsewhere.example/"), Unavailable, Code.MISDIRECTED),
            (troubles.status(408), Unavailable, Code.TIMEOUT),
            (troubles.dropped_unread(), Unavailable, Code.CONNECTION),
            (troubles.malformed(), Unavailable, Code.BAD_RESPONSE),
        ],
    )
    def test_a_read_never_leaves_the_outcome_unknown(self, make, emulator, trouble, error, code):
        emulator.script("apixo", "status", trouble)
        with pytest.raises(ProviderError) as raised:
            make().poll(TASK)
        assert (type(raised.value), raised.value.code) == (error, code)

    def test_an_engine_that_answers_at_once_is_not_polled(self, make):
        with pytest.raises(NotImplementedError):
            HttpProvider.poll_path(make(), TASK)


class TestTheKey:
    def test_goes_with_every_call_beside_the_user_agent(self, make, emulator):
        emulator.script("apixo", "submit", Trouble(raw='{"data": {"taskId": "1"}}', accept=True))
        make(user_agent="Studio of Aurora").submit(PAYLOAD, timeout=SECONDS)
        [call] = emulator.submits("apixo")
        assert call.account
        assert call.headers["User-Agent"] == "Studio of Aurora"

    def test_goes_to_the_providers_own_links_on_its_host(self, make, emulator):
        link = f"{emulator.root}/apixo/api/v1/statusTask/seedream-4-5"
        emulator.script("apixo", "status", Trouble(status=200, body={"place": 3}))
        task = TaskRef(task_id="1", model="m", urls={"status": link})
        assert make().poll(task) == InProgress(place=3)

    @pytest.mark.parametrize(
        "elsewhere",
        ["http://127.0.0.1:1/status", "https://{host}/status", "http://localhost/status"],
        ids=["port", "scheme", "host"],
    )
    def test_goes_to_no_other_place(self, make, emulator, elsewhere):
        link = elsewhere.format(host=emulator.host)
        with pytest.raises(ProviderError) as raised:
            make().poll(TaskRef(task_id="1", model="m", urls={"status": link}))
        assert raised.value.code == Code.BAD_RESPONSE
        assert emulator.log == []

    def test_of_a_submit_is_repeated_only_where_the_provider_takes_one(self, make, emulator):
        for adapter in (make(), make(Exact)):
            emulator.script("apixo", "submit", Trouble(status=200, body={"data": {"taskId": "1"}}))
            adapter.submit(PAYLOAD, timeout=SECONDS, idempotency_key="once")
        plain, exact = emulator.submits("apixo")
        assert "Idempotency-Key" not in plain.headers
        assert exact.headers["Idempotency-Key"] == "once"

    def test_cookies_are_not_kept(self, make, emulator):
        for _ in range(2):
            answer = Trouble(status=200, body={"place": 1}, headers={"Set-Cookie": "a=b; Path=/"})
            emulator.script("apixo", "status", answer)
            make().poll(TASK)
        assert all("Cookie" not in call.headers for call in emulator.polls("apixo"))


class TestConfiguration:
    @pytest.mark.parametrize(
        "base_url",
        [
            "",
            "api.example/v1",
            "ftp://api.example",
            "https://",
            "https://user:secret@api.example",
            "https://api.example/?key=1",
            "https://api.example:port",
            "https://api..example",
            f"https://{'a' * 64}.example",
            "http://api.example",
            "http://10.0.0.7:8080",
        ],
    )
    def test_an_invalid_address_is_refused(self, base_url):
        with pytest.raises(Misconfigured):
            Plain(base_url, "key")

    @pytest.mark.parametrize(
        "base_url", ["https://api.example/v1/", "http://localhost:8899/v1", "http://[::1]:8899/v1"]
    )
    def test_https_and_this_machine_are_allowed(self, base_url):
        assert Plain(base_url, "key").base_url == base_url.rstrip("/")

    def test_plain_http_is_for_hosts_that_an_admin_named(self):
        named = Plain(
            "http://Gateway.internal:8080", "key", private_hosts=["gateway.INTERNAL:8080"]
        )
        assert named.base_url == "http://Gateway.internal:8080"


class TestRetryAfter:
    @pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("120", 120), (" 7 ", 7)])
    def test_in_seconds(self, header, seconds):
        assert retry_after(header) == seconds

    def test_as_a_date(self):
        in_an_hour = datetime.now(UTC) + timedelta(hours=1)
        seconds = retry_after(format_datetime(in_an_hour, usegmt=True))
        assert 0 < seconds <= 3600

    def test_a_past_date_means_now(self):
        assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0

    @pytest.mark.parametrize(
        "header", ["", "soon", "-5", "1.5", "٣", "Wed, 99 Oct 2015 07:28:00 GMT"]
    )
    def test_anything_else_is_ignored(self, header):
        assert retry_after(header) is None


class TestAnswers:
    def test_a_code_is_the_same_in_any_spelling(self):
        assert {plain_code(code) for code in ("Upload error", "UPLOAD_ERROR", "upload-error")} == {
            "uploaderror"
        }

    @pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", b"\xff\xfe\xfa", "[" * 100_000])
    def test_what_is_not_json_is_a_value_error(self, text):
        with pytest.raises(ValueError):  # noqa: PT011  # the contract is the type alone
            parsed_json(text)

    def test_characters_that_no_database_stores_are_replaced_everywhere(self):
        assert parsed_json('{"a\\u0000": ["\\ud800", 1, null]}') == {"a\ufffd": ["\ufffd", 1, None]}
