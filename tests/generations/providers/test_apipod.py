"""APIPod by its pages: the contract of all adapters, then what is special to APIPod."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from generations.providers.answers import plain_code
from generations.providers.apipod import PAGE_ADVICE, SEEDREAM_4_5, ApipodProvider
from generations.providers.capabilities import PollSchedule
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
    TaskCancelled,
    TaskFailed,
    Unavailable,
    UnsupportedOption,
)
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    ImageError,
    InProgress,
    Payload,
    ReferenceInput,
    RemoteImage,
    Result,
    TaskRef,
    WebhookCall,
)
from generations.providers.validation import validate
from tests.emulator import Trouble, troubles
from tests.emulator.apipod import PRICE, START_QUOTA
from tests.generations.providers.contract import (
    PROMPT,
    SECONDS,
    FailCase,
    HttpCase,
    TaskContract,
    reference,
)

ABLE = SEEDREAM_4_5.capabilities
CAPACITY = "UPSTREAM_CAPACITY_EXHAUSTED"
DAY = 24 * 3600


def envelope(code, message, error_code=None):
    """The standard envelope of "Error codes"."""
    data = {"type": "server_error"} | ({"error_code": error_code} if error_code else {})
    return {"code": code, "message": message, "data": data}


def openai(code, message="No"):
    """The envelope that is compatible with OpenAI's."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}


def at(link):
    return ReferenceInput(sha256="0" * 64, width=64, height=64, link=link)


class TestApipod(TaskContract):
    adapter_class = ApipodProvider
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(400, Refused, Code.INVALID_REQUEST, envelope(400, "No", "invalid_request")),
        HttpCase(400, Refused, Code.INVALID_REQUEST, openai("invalid_idempotency_key")),
        HttpCase(400, Refused, Code.INVALID_REQUEST, "not an envelope"),
        HttpCase(400, Refused, Code.INVALID_REQUEST, {"error": None, "data": "none"}),
        HttpCase(400, Refused, Code.INVALID_REQUEST, []),
        HttpCase(401, Refused, Code.AUTH),
        HttpCase(401, Refused, Code.AUTH, envelope(401, "No", "invalid_api_key")),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE, "not an envelope"),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE, openai("insufficient_quota")),
        # The first page uses 403 for a low balance as well as for permissions.
        HttpCase(403, Refused, Code.INSUFFICIENT_BALANCE, openai("insufficient_quota")),
        HttpCase(403, Refused, Code.INSUFFICIENT_BALANCE, openai(None, "Insufficient balance")),
        HttpCase(403, Refused, Code.INSUFFICIENT_BALANCE, openai("insufficient_balance")),
        HttpCase(403, Refused, Code.INSUFFICIENT_BALANCE, envelope(403, "Balance is too low")),
        HttpCase(403, Refused, Code.FORBIDDEN),
        HttpCase(403, Refused, Code.FORBIDDEN, openai(None, "Insufficient permissions")),
        # A policy about the account is not a policy about content.
        HttpCase(403, Refused, Code.FORBIDDEN, envelope(403, "Restricted by policy")),
        HttpCase(404, Refused, Code.NOT_FOUND),
        HttpCase(404, Refused, Code.NOT_FOUND, openai("model_not_found")),
        HttpCase(409, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        HttpCase(409, OutcomeUnknown, Code.OUTCOME_UNKNOWN, "not an envelope"),
        HttpCase(409, Refused, Code.INVALID_REQUEST, openai("idempotency_conflict")),
        HttpCase(
            409, Refused, Code.INVALID_REQUEST, envelope(409, "Other body", "idempotency_conflict")
        ),
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR, "not an envelope"),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        # 0 and 200 mean success; any other code in a 200 answer is an error.
        HttpCase(200, Refused, Code.AUTH, envelope(401, "No", "invalid_api_key")),
        HttpCase(200, Refused, Code.INSUFFICIENT_BALANCE, envelope(402, "Insufficient quota")),
        HttpCase(200, Refused, Code.INSUFFICIENT_BALANCE, envelope(403, "Insufficient balance")),
        HttpCase(200, OutcomeUnknown, Code.OUTCOME_UNKNOWN, envelope(409, "Still at work")),
        HttpCase(
            200, Refused, Code.INVALID_REQUEST, envelope(409, "Other", "idempotency_conflict")
        ),
        HttpCase(200, Unavailable, Code.RATE_LIMITED, envelope(429, "Rate limit exceeded")),
        HttpCase(200, ProviderFailed, Code.PROVIDER_ERROR, envelope(500, "Internal error")),
        HttpCase(200, OutcomeUnknown, Code.OUTCOME_UNKNOWN, envelope(1001, "Something new")),
        HttpCase(200, ProviderFailed, Code.PROVIDER_ERROR, openai("without_a_code")),
    )
    fail_cases = (
        FailCase(CAPACITY, Code.PROVIDER_ERROR),
        FailCase("internal_error", Code.PROVIDER_ERROR),
        FailCase("invalid_request", Code.INVALID_REQUEST),
        FailCase("insufficient_quota", Code.INSUFFICIENT_BALANCE),
        FailCase("rate_limit_exceeded", Code.RATE_LIMITED),
        FailCase("model_not_available", Code.NOT_FOUND),
    )

    def sent(self, adapter, emulator, **changes):
        self.submit(adapter, self.ask(SEEDREAM_4_5, **changes))
        return emulator.submits("apipod")[-1].body

    def told(self, adapter, emulator, **fields):
        """What a poll returns for a task that has ended, with these fields in the answer."""
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apipod", "status", Trouble(extra=fields))
        return self.poll(adapter, request, accepted)

    def keyed(self, adapter, key="one-key", **changes):
        payload = adapter.build_submit(self.ask(SEEDREAM_4_5, **changes))
        return adapter.submit(payload, timeout=SECONDS, idempotency_key=key)

    # What is sent

    def test_text_to_image_sends_ratio_and_quality(self, adapter, emulator):
        body = self.sent(adapter, emulator, resolution="4K", aspect_ratio="16:9")
        assert body == {
            "model": "seedream-v4.5",
            "prompt": PROMPT,
            "aspect_ratio": "16:9",
            "quality": "4K",
        }
        assert emulator.submits("apipod")[-1].path == "/apipod/v1/images/generations"

    def test_references_go_to_the_edit_model(self, adapter, emulator):
        references = (reference(1), reference(2))
        body = self.sent(adapter, emulator, references=references)
        assert body["model"] == "seedream-v4.5-edit"
        assert body["image_urls"] == [each.link for each in references]

    def test_a_callback_is_asked_for_by_its_address_only(self, adapter, emulator):
        url = "https://studio.example/hooks/apipod/token/"
        assert self.sent(adapter, emulator, webhook_url=url)["callback_url"] == url
        assert "callback_url" not in self.sent(adapter, emulator)

    def test_the_key_is_a_bearer(self, adapter, emulator):
        assert adapter.credentials() == {"Authorization": f"Bearer {emulator.key('apipod')}"}

    def test_the_openai_style_route_is_never_used(self, adapter, emulator):
        self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert not [call for call in emulator.log if "openai" in call.path]

    @pytest.mark.parametrize(
        "changes", [{"sequential": True}, {"seed": 1}, {"output_format": "png"}]
    )
    def test_what_the_route_has_no_field_for_is_refused(self, changes):
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, self.ask(SEEDREAM_4_5, **({"num_images": 1} | changes)))

    def test_each_image_of_a_run_is_a_request_of_its_own(self):
        assert ABLE.per_request(sequential=False) == 1

    # What comes back

    @pytest.mark.parametrize("code", [0, 200])
    def test_both_codes_of_success_are_taken(self, adapter, emulator, code):
        emulator.script("apipod", "submit", Trouble(extra={"code": code}))
        emulator.script("apipod", "status", Trouble(extra={"code": code}))
        assert self.bring(adapter, self.ask(SEEDREAM_4_5)).images

    @pytest.mark.parametrize("task_id", ["", None, 7, ["a"]])
    def test_a_success_without_a_task_leaves_the_outcome_unknown(self, adapter, emulator, task_id):
        emulator.script("apipod", "submit", Trouble(extra={"task_id": task_id}))
        with pytest.raises(OutcomeUnknown):
            self.submit(adapter, self.ask(SEEDREAM_4_5))

    def test_cost_and_request_id_are_kept_as_they_came(self, adapter, emulator):
        cost = {"X-Request-Cost": "$0.04 (est.)", "X-Request-ID": "req_1"}
        emulator.script("apipod", "submit", Trouble(headers=cost))
        accepted = self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert accepted.raw == {"request_cost": "$0.04 (est.)"}
        assert accepted.request_id == "req_1"

    def test_a_cost_without_a_unit_is_not_taken_for_dollars(self, adapter, emulator):
        emulator.script("apipod", "status", Trouble(headers={"X-Request-Cost": "12"}))
        result = self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert result.cost_usd is None
        assert result.raw["request_cost"] == "12"

    def test_facts_for_the_record_have_no_links(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        result = self.poll(adapter, request, accepted)
        assert result.raw == {
            "completed_at": int(emulator.tasks[accepted.task_id].ended),
            "progress": 100,
        }

    def test_links_live_24_hours_from_completion(self, adapter, emulator):
        moment = datetime(2026, 8, 10, 9, 1, 30, tzinfo=UTC)
        for completed_at in (moment.timestamp(), moment.timestamp() * 1000):
            result = self.told(adapter, emulator, completed_at=int(completed_at))
            assert [image.expires_at for image in result.images] == [moment + timedelta(hours=24)]

    @pytest.mark.parametrize("completed_at", [None, "soon", 10**30, -1, 0, True, 1.5])
    def test_an_invalid_completion_time_loses_no_image(self, adapter, emulator, completed_at):
        [image] = self.told(adapter, emulator, completed_at=completed_at).images
        assert image.expires_at is None

    @pytest.mark.parametrize("result", [[], None, [""], [None]])
    def test_completed_without_an_image_is_not_yet_deliverable(self, adapter, emulator, result):
        assert self.told(adapter, emulator, result=result) == InProgress()

    def test_an_empty_result_is_filled_later(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apipod", "status", Trouble(extra={"result": []}))
        assert isinstance(self.poll(adapter, request, accepted), InProgress)
        assert isinstance(self.poll(adapter, request, accepted), Result)

    @pytest.mark.parametrize("result", ["https://cdn.example/1.png", {"url": "x"}, 7])
    def test_a_result_that_is_not_a_list_is_polled_again(self, adapter, emulator, result):
        with pytest.raises(Unavailable) as raised:
            self.told(adapter, emulator, result=result)
        assert raised.value.code == Code.BAD_RESPONSE

    def test_an_invalid_link_fails_only_its_own_image(self, adapter, emulator):
        links = ["https://cdn.example/1.png", None]
        first, second = self.told(adapter, emulator, result=links).images
        assert isinstance(first, RemoteImage)
        assert isinstance(second, ImageError)

    @pytest.mark.parametrize(
        "fields", [{"task_id": "someone_elses"}, {"status": "finalizing"}, {"status": None}]
    )
    def test_an_answer_that_no_page_describes_says_nothing(self, adapter, emulator, fields):
        with pytest.raises(Unavailable):
            self.told(adapter, emulator, **fields)

    def test_a_task_is_pending_before_it_is_processed(self, adapter, emulator):
        emulator.seconds = 3600
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        for status in ("pending", "processing"):
            emulator.script("apipod", "status", Trouble(extra={"status": status}))
            assert self.poll(adapter, request, accepted) == InProgress()

    # How a task ends without an image

    def test_a_cancelled_task_is_cancelled(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.tasks[accepted.task_id].cancelled = True
        with pytest.raises(TaskCancelled) as raised:
            self.poll(adapter, request, accepted)
        assert raised.value.code == Code.CANCELLED

    @pytest.mark.parametrize("word", ["sensitive content", "moderation", "content policy", "NSFW"])
    def test_lack_of_capacity_is_never_moderation(self, adapter, emulator, word):
        emulator.script("apipod", "submit", troubles.failed(CAPACITY, f"No room for {word}"))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.code == Code.PROVIDER_ERROR

    @pytest.mark.parametrize("status", ["failed", "error"])
    @pytest.mark.parametrize("field", ["error_message", "error"])
    def test_a_failure_without_a_code_keeps_its_message(self, adapter, emulator, status, field):
        with pytest.raises(TaskFailed) as raised:
            self.told(adapter, emulator, status=status, **{field: "Please retry later."})
        assert raised.value.message == "Please retry later."
        assert (raised.value.code, raised.value.raw_code) == (Code.PROVIDER_ERROR, "failed")

    def test_a_failure_may_have_its_code_in_the_envelope(self, adapter, emulator):
        with pytest.raises(TaskFailed) as raised:
            self.told(adapter, emulator, status="failed", code=500, message="Upstream")
        assert (raised.value.raw_code, raised.value.message) == ("500", "Upstream")

    def test_the_status_takes_precedence_over_the_code(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        links = ["https://cdn.example/1.png"]
        data = {"task_id": accepted.task_id, "status": "completed", "result": links}
        emulator.script("apipod", "status", Trouble(status=200, body={"code": 500, "data": data}))
        assert len(self.poll(adapter, request, accepted).images) == 1

    @pytest.mark.parametrize(
        ("body", "error", "code"),
        [
            (envelope(429, "Rate limit", "rate_limit_exceeded"), Unavailable, Code.RATE_LIMITED),
            ({"code": 429, "message": "Rate limit"}, Unavailable, Code.RATE_LIMITED),
            (envelope(500, "Internal", "internal_error"), Unavailable, Code.PROVIDER_ERROR),
            (envelope(404, "No task"), Refused, Code.NOT_FOUND),
        ],
    )
    def test_an_error_in_a_200_to_a_poll_ends_no_task(self, adapter, emulator, body, error, code):
        emulator.script("apipod", "status", Trouble(status=200, body=body))
        with pytest.raises(error) as raised:
            adapter.poll(TaskRef(task_id="task_1", model="seedream-v4.5"))
        assert raised.value.code == code

    def test_another_key_does_not_see_the_task(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        other = ApipodProvider(emulator.base_url("apipod"), emulator.key("apipod", slot=2))
        with pytest.raises(Refused) as raised:
            self.poll(other, request, accepted)
        assert raised.value.code == Code.NOT_FOUND

    def test_a_task_id_with_special_characters_stays_one_part_of_the_path(self, adapter, emulator):
        with pytest.raises(Refused):
            adapter.poll(TaskRef(task_id="a&b=c/../d?e", model="seedream-v4.5"))
        [call] = emulator.polls("apipod")
        assert call.path == "/apipod/v1/images/status/a%26b%3Dc%2F..%2Fd%3Fe"

    def test_what_no_database_stores_is_replaced(self, adapter, emulator):
        emulator.script("apipod", "submit", troubles.failed("UP\0STREAM", "\ud800" * 1000))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert "\0" not in raised.value.raw_code
        raised.value.message.encode()
        assert len(raised.value.message) <= 500

    # Sent again under the same key

    def test_a_lost_answer_is_found_again_by_its_key(self, adapter, emulator):
        emulator.script("apipod", "submit", troubles.lost_answer())
        with pytest.raises(OutcomeUnknown):
            self.keyed(adapter)
        again = self.keyed(adapter)
        assert list(emulator.tasks) == [again.task_id]
        assert again.raw["idempotent_replay"] == "true"

    def test_a_replay_differs_from_a_first_answer(self, adapter, emulator):
        assert "idempotent_replay" not in self.keyed(adapter).raw

    def test_other_keys_make_other_tasks(self, adapter, emulator):
        assert self.keyed(adapter).task_id != self.keyed(adapter, key="other-key").task_id

    def test_the_key_of_one_account_means_nothing_to_another(self, adapter, emulator):
        other = ApipodProvider(emulator.base_url("apipod"), emulator.key("apipod", slot=2))
        assert self.keyed(adapter).task_id != self.keyed(other).task_id

    def test_another_body_under_the_same_key_is_refused(self, adapter, emulator):
        self.keyed(adapter)
        with pytest.raises(Refused) as raised:
            self.keyed(adapter, resolution="4K")
        assert raised.value.raw_code == "idempotency_conflict"
        assert raised.value.code == Code.INVALID_REQUEST
        assert len(emulator.tasks) == 1

    def test_the_same_order_in_other_bytes_is_the_same(self, adapter, emulator):
        payload = adapter.build_submit(self.ask(SEEDREAM_4_5))
        spaced = Payload(payload.path, json.dumps(json.loads(payload.body), indent=1).encode())
        first = adapter.submit(payload, timeout=SECONDS, idempotency_key="one-key")
        second = adapter.submit(spaced, timeout=SECONDS, idempotency_key="one-key")
        assert first.task_id == second.task_id

    def test_a_request_in_progress_is_sent_again_after_the_time_named(self, adapter, emulator):
        emulator.script("apipod", "submit", troubles.status(409))
        with pytest.raises(OutcomeUnknown) as raised:
            self.keyed(adapter)
        assert raised.value.raw_code == "idempotency_in_progress"
        assert raised.value.retry_after == 1
        assert self.keyed(adapter).task_id

    def test_without_protection_nothing_is_taken(self, adapter, emulator):
        body = openai("idempotency_unavailable")
        emulator.script("apipod", "submit", troubles.status(503, body=body, Retry_After="4"))
        with pytest.raises(Unavailable) as raised:
            self.keyed(adapter)
        assert (raised.value.raw_code, raised.value.retry_after) == ("idempotency_unavailable", 4)
        assert not emulator.tasks

    def test_a_key_is_forgotten_after_seven_days(self, adapter, emulator):
        first = self.keyed(adapter)
        emulator.tasks[first.task_id].created -= 6.9 * DAY
        assert self.keyed(adapter).task_id == first.task_id
        emulator.tasks[first.task_id].created -= 0.2 * DAY
        assert self.keyed(adapter).task_id != first.task_id

    def test_a_key_that_is_too_long_is_refused(self, adapter, emulator):
        assert self.keyed(adapter, key="k" * 255).task_id
        with pytest.raises(Refused) as raised:
            self.keyed(adapter, key="k" * 256)
        assert raised.value.raw_code == "invalid_idempotency_key"

    def test_simultaneous_requests_with_one_key_make_one_task(self, adapter, emulator):
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.keyed(adapter))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.task_id for answer in answers} == set(emulator.tasks)
        assert len(answers) == 4

    # Callbacks

    def test_a_callback_is_flat_and_unsigned(self, adapter, emulator):
        task_id, call = self.webhook(adapter, emulator, SEEDREAM_4_5)
        body = json.loads(call.body)
        assert body["request_id"]
        assert body["status"] == "completed"
        assert call.headers["user-agent"] == "APIPod-Callback/1.0"
        assert adapter.read_webhook(call, now=0).task_id == task_id

    def test_a_callback_of_a_failure_names_its_task(self, adapter, emulator):
        emulator.script("apipod", "submit", troubles.failed(CAPACITY, "Please retry later."))
        task_id, call = self.webhook(adapter, emulator, SEEDREAM_4_5)
        assert json.loads(call.body)["error_code"] == CAPACITY
        assert adapter.read_webhook(call, now=0).task_id == task_id

    def test_other_news_of_a_task_is_another_event(self, adapter):
        bodies = [b'{"task_id": "t", "status": "completed"}', b'{"task_id": "t", "status": "x"}']
        news = [adapter.read_webhook(WebhookCall(body, {}), now=time.time()) for body in bodies]
        assert news[0].event_id != news[1].event_id

    def test_an_unanswered_callback_is_made_five_times(self, adapter, emulator, monkeypatch):
        monkeypatch.setattr(emulator, "later", lambda _seconds, do: do())
        request = self.ask(SEEDREAM_4_5, webhook_url=f"{emulator.root}/nobody")
        self.submit(adapter, request)
        assert len(emulator.webhooks) == 5
        events = {
            adapter.read_webhook(WebhookCall(sent.content, {}), now=0).event_id
            for sent in emulator.webhooks
        }
        assert len(events) == 1

    # The key and the account

    def test_a_probe_reads_the_account_status(self, adapter, emulator):
        assert "made-up key was refused" in adapter.probe()
        assert {call.path for call in emulator.log} == {"/apipod/v1/account/status"}

    @pytest.mark.parametrize(
        ("trouble", "error", "code"),
        [
            (troubles.status(403), Refused, Code.FORBIDDEN),
            (troubles.status(429), Unavailable, Code.RATE_LIMITED),
            (troubles.status(500), Unavailable, Code.PROVIDER_ERROR),
            (Trouble(status=200, body=envelope(401, "No")), Refused, Code.AUTH),
            (Trouble(status=200, body=envelope(500, "No")), Unavailable, Code.PROVIDER_ERROR),
            (troubles.html(), Unavailable, Code.BAD_RESPONSE),
            (troubles.malformed("[]"), Unavailable, Code.BAD_RESPONSE),
            (troubles.lost_answer(), Unavailable, Code.CONNECTION),
        ],
    )
    def test_a_probe_that_proves_nothing_says_so(self, adapter, emulator, trouble, error, code):
        emulator.script("apipod", "account", trouble)
        with pytest.raises(error) as raised:
            adapter.probe()
        assert raised.value.code == code

    def test_a_balance_is_documented_nowhere(self, adapter, emulator):
        assert adapter.balance() is None
        assert not emulator.log

    def test_an_empty_account_is_refused_before_a_task_is_made(self, adapter, emulator):
        self.submit(adapter, self.ask(SEEDREAM_4_5))
        [task] = emulator.tasks.values()
        for n in range(1, int(START_QUOTA / PRICE)):
            emulator.tasks[f"task_{n}"] = task
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.code == Code.INSUFFICIENT_BALANCE
        assert raised.value.raw_code == "insufficient_quota"

    # References

    def test_references_are_fetched_by_the_provider(self, adapter, emulator):
        [made] = self.bring(adapter, self.ask(SEEDREAM_4_5)).images
        emulator.fetch_references = True
        request = self.ask(SEEDREAM_4_5, references=(at(made.url),))
        accepted = self.submit(adapter, request)
        emulator.wait()
        assert self.poll(adapter, request, accepted).images
        assert [content[:2] for content in emulator.references] == [b"\xff\xd8"]

    def test_a_reference_out_of_reach_fails_the_task(self, adapter, emulator):
        emulator.fetch_references = True
        request = self.ask(SEEDREAM_4_5, references=(at(f"{emulator.root}/nothing.jpg"),))
        accepted = self.submit(adapter, request)
        emulator.wait()
        with pytest.raises(TaskFailed) as raised:
            self.poll(adapter, request, accepted)
        assert raised.value.code == Code.INVALID_REQUEST


class TestTheChapter:
    """The emulator is as strict as the pages, and stricter if they leave something open."""

    @pytest.fixture
    def send(self, emulator):
        adapter = ApipodProvider(emulator.base_url("apipod"), emulator.key("apipod"))

        def send(**changes):
            order = {"model": "seedream-v4.5", "prompt": "a fox"} | changes
            body = json.dumps({name: value for name, value in order.items() if value is not None})
            return adapter.submit(Payload("/v1/images/generations", body.encode()), timeout=SECONDS)

        return send

    def test_quality_and_ratio_have_defaults(self, send, emulator):
        assert emulator.tasks[send().task_id].size == (2048, 2048)

    @pytest.mark.parametrize(
        "changes",
        [
            {"prompt": None},
            {"prompt": ""},
            {"prompt": "x" * 4001},
            {"quality": "1K"},
            {"aspect_ratio": "5:4"},
            {"n": 2},
            {"size": "2048x2048"},
            {"seed": 1},
            {"negative_prompt": "text"},
            {"callback_url": "http://example.com/"},
            {"callback_url": 7},
            {"image_urls": ["https://example.com/1.png"]},
            {"model": "seedream-v4.5-edit"},
            {"model": "seedream-v4.5-edit", "image_urls": []},
            {"model": "seedream-v4.5-edit", "image_urls": ["https://example.com/1.png"] * 15},
            {"model": "seedream-v4.5-edit", "image_urls": "https://example.com/1.png"},
            {"model": "seedream-v4.5-edit", "image_urls": ["data:image/png;base64,AA=="]},
        ],
    )
    def test_refuses_what_the_pages_do_not_allow(self, send, emulator, changes):
        with pytest.raises(Refused) as raised:
            send(**changes)
        assert raised.value.code == Code.INVALID_REQUEST
        assert not emulator.tasks

    @pytest.mark.parametrize("model", ["seedream-4.5", None])
    def test_refuses_models_that_it_does_not_have(self, send, model):
        with pytest.raises(ProviderError) as raised:
            send(model=model)
        assert raised.value.raw_code == "model_not_available"


def test_the_engine_is_what_the_pages_say():
    assert (SEEDREAM_4_5.name, SEEDREAM_4_5.model) == ("apipod/seedream-4-5", "seedream-v4.5")
    assert (ABLE.prompt_limit, ABLE.max_references) == (4000, 14)
    assert (ABLE.images_per_request, ABLE.max_images, ABLE.sequential) == (1, 10, False)
    assert ABLE.sizes == SEEDREAM_4_5_SIZES
    assert not any((ABLE.exact_sizes, ABLE.can_cancel, ABLE.answers_at_once, ABLE.custom_size))
    assert all((ABLE.takes_idempotency_key, ABLE.webhook))
    assert ABLE.seed is ABLE.guidance_scale is None
    assert ABLE.polls == {"2K": PollSchedule(3, 3), "4K": PollSchedule(3, 3)}
    assert {price.tier: (price.credits, price.cost_usd) for price in SEEDREAM_4_5.prices} == {
        "2K": (4, Decimal("0.04")),
        "4K": (4, Decimal("0.04")),
    }


def test_page_advice_is_found_by_the_codes_it_is_for():
    documented = {"402", "403", "invalid_api_key", "insufficient_quota", CAPACITY}
    documented |= {"model_not_available", "model_not_found"}
    assert PAGE_ADVICE.keys() == {plain_code(code) for code in documented}
