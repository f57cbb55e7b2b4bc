"""fal by its pages: the contract of all adapters, then what is special to fal."""

import json
import time
from decimal import Decimal

import pytest

from generations.providers.answers import plain_code
from generations.providers.capabilities import CUSTOM
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
    WebhookForged,
)
from generations.providers.fal.adapter import PAGE_ADVICE, SEEDREAM_4_5, FalProvider
from generations.providers.fal.answers import ERROR_TYPES
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
from tests.emulator.fal import MODEL_ERRORS, REQUEST_ERRORS
from tests.generations.providers.contract import (
    PROMPT,
    FailCase,
    HttpCase,
    TaskContract,
    reference,
)

ABLE = SEEDREAM_4_5.capabilities
MODEL = SEEDREAM_4_5.model
APP = "/fal-ai/bytedance"
HOOK = "https://studio.example/hooks/fal/token:with?odd=signs&more"
NOTED = {"status": "CANCELLATION_REQUESTED"}
REMOVED = {"status": "OK"}
DAY = 24 * 3600
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance."


def from_model(error_type):
    error = {"loc": ["body", "prompt"], "msg": PROMPT, "type": error_type, "input": PROMPT}
    return {"detail": [error]}


def from_fal(error_type):
    return {"detail": "A sentence", "error_type": error_type}


class OfFal:
    """What the classes below share: the adapter, its chapter, a task and a signed call."""

    @pytest.fixture
    def chapter(self, emulator):
        return emulator.chapter("fal")

    @pytest.fixture
    def adapter(self, emulator, chapter):
        return FalProvider(
            emulator.base_url("fal"),
            emulator.key("fal"),
            private_hosts=[emulator.host],
            jwks_url=chapter.jwks_url,
        )


class TestFal(OfFal, TaskContract):
    adapter_class = FalProvider
    signed_webhooks = True
    timed_webhooks = True
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(400, Refused, Code.INVALID_REQUEST, "no object"),
        HttpCase(400, Refused, Code.INVALID_REQUEST, from_fal("bad_request")),
        HttpCase(400, Refused, Code.PROVIDER_ERROR, from_model("downstream_service_error")),
        HttpCase(401, Refused, Code.AUTH),
        HttpCase(403, Refused, Code.FORBIDDEN),
        HttpCase(403, Refused, Code.INSUFFICIENT_BALANCE, {"detail": LOCKED}),
        HttpCase(403, Refused, Code.FORBIDDEN, {"detail": "User is locked. Reason: Admin lock."}),
        HttpCase(403, Refused, Code.FORBIDDEN, {"detail": ["locked", "exhausted balance"]}),
        HttpCase(404, Refused, Code.NOT_FOUND),
        HttpCase(422, Refused, Code.INVALID_REQUEST),
        HttpCase(422, Refused, Code.INVALID_REQUEST, from_model("missing")),
        HttpCase(422, Refused, Code.INVALID_REQUEST, from_model("greater_than_equal")),
        HttpCase(422, Refused, Code.CONTENT_POLICY, from_model("content_policy_violation")),
        HttpCase(422, Refused, Code.REFERENCE_REJECTED, from_model("image_load_error")),
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(502, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
    )
    fail_cases = (
        FailCase("content_policy_violation", Code.CONTENT_POLICY),
        FailCase("image_too_small", Code.REFERENCE_REJECTED),
        FailCase("image_too_large", Code.REFERENCE_REJECTED),
        FailCase("image_load_error", Code.REFERENCE_REJECTED),
        FailCase("file_download_error", Code.REFERENCE_REJECTED),
        FailCase("file_too_large", Code.REFERENCE_REJECTED),
        FailCase("unsupported_image_format", Code.REFERENCE_REJECTED),
        FailCase("no_media_generated", Code.INVALID_REQUEST),
        FailCase("feature_not_supported", Code.INVALID_REQUEST),
        FailCase("greater_than", Code.INVALID_REQUEST),
        FailCase("greater_than_equal", Code.INVALID_REQUEST),
        FailCase("less_than", Code.INVALID_REQUEST),
        FailCase("less_than_equal", Code.INVALID_REQUEST),
        FailCase("multiple_of", Code.INVALID_REQUEST),
        FailCase("sequence_too_short", Code.INVALID_REQUEST),
        FailCase("sequence_too_long", Code.INVALID_REQUEST),
        FailCase("one_of", Code.INVALID_REQUEST),
        FailCase("generation_timeout", Code.TIMEOUT),
        FailCase("internal_server_error", Code.PROVIDER_ERROR),
        FailCase("downstream_service_error", Code.PROVIDER_ERROR),
        FailCase("downstream_service_unavailable", Code.PROVIDER_ERROR),
        FailCase("request_timeout", Code.TIMEOUT),
        FailCase("startup_timeout", Code.TIMEOUT),
        FailCase("runner_scheduling_failure", Code.PROVIDER_ERROR),
        FailCase("runner_connection_timeout", Code.PROVIDER_ERROR),
        FailCase("runner_disconnected", Code.PROVIDER_ERROR),
        FailCase("runner_connection_refused", Code.PROVIDER_ERROR),
        FailCase("runner_connection_error", Code.PROVIDER_ERROR),
        FailCase("runner_incomplete_response", Code.PROVIDER_ERROR),
        FailCase("runner_server_error", Code.PROVIDER_ERROR),
        FailCase("internal_error", Code.PROVIDER_ERROR),
        FailCase("bad_request", Code.INVALID_REQUEST),
        FailCase("client_cancelled", Code.CANCELLED),
        FailCase("client_disconnected", Code.CANCELLED),
    )

    def sent(self, adapter, emulator, **changes):
        self.submit(adapter, self.ask(SEEDREAM_4_5, **changes))
        return emulator.submits("fal")[-1]

    def accepted(self, adapter, **changes):
        request = self.ask(SEEDREAM_4_5, **changes)
        return self.task(request, self.submit(adapter, request))

    # What is sent

    def test_text_to_image_sends_every_field(self, adapter, emulator):
        call = self.sent(adapter, emulator, num_images=3, aspect_ratio="16:9")
        assert call.path == f"/fal/{MODEL}/text-to-image"
        assert call.query == {}
        assert call.body == {
            "prompt": PROMPT,
            "image_size": {"width": 2848, "height": 1600},
            "num_images": 3,
            "max_images": 1,
            "enable_safety_checker": True,
        }

    def test_references_go_to_the_other_endpoint(self, adapter, emulator):
        references = (reference(1), reference(2))
        call = self.sent(adapter, emulator, references=references, seed=7)
        assert call.path == f"/fal/{MODEL}/edit"
        assert call.body["image_urls"] == [each.link for each in references]
        assert call.body["seed"] == 7

    def test_a_set_is_one_request_for_several_images(self, adapter, emulator):
        body = self.sent(adapter, emulator, sequential=True, num_images=6).body
        assert (body["num_images"], body["max_images"]) == (1, 6)

    def test_the_address_of_the_webhook_is_one_parameter(self, adapter, emulator):
        call = self.sent(adapter, emulator, webhook_url=HOOK)
        assert call.query == {"fal_webhook": HOOK}
        assert HOOK not in str(call.body)

    def test_no_header_changes_what_fal_does_by_itself(self, adapter, emulator):
        headers = {name.lower() for name in self.sent(adapter, emulator).headers}
        assert not [name for name in headers if name.startswith("x-fal")]

    def test_references_that_fal_would_drop_are_refused(self):
        references = tuple(reference(n) for n in range(11))
        with pytest.raises(UnsupportedOption) as refused:
            validate(SEEDREAM_4_5, self.ask(SEEDREAM_4_5, references=references))
        assert refused.value.field == "references"

    def test_ten_references_leave_room_for_five_images(self, adapter, emulator):
        references = tuple(reference(n) for n in range(10))
        most = self.ask(SEEDREAM_4_5, references=references, num_images=5)
        validate(SEEDREAM_4_5, most)
        self.submit(adapter, most)
        more = self.ask(SEEDREAM_4_5, references=references, num_images=6)
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, more)
        with pytest.raises(Refused):
            self.submit(adapter, more)

    @pytest.mark.parametrize(
        ("width", "height"), [(1920, 1920), (4096, 4096), (1920, 4096), (2560, 1440), (6240, 2656)]
    )
    def test_custom_sizes_reach_both_ends_of_the_range(self, adapter, emulator, width, height):
        size = {"resolution": CUSTOM, "aspect_ratio": "", "width": width, "height": height}
        validate(SEEDREAM_4_5, self.ask(SEEDREAM_4_5, **size))
        call = self.sent(adapter, emulator, **size)
        assert call.body["image_size"] == {"width": width, "height": height}

    @pytest.mark.parametrize(("width", "height"), [(1919, 1919), (2560, 1439), (4097, 4096)])
    def test_custom_sizes_end_there(self, width, height):
        size = {"resolution": CUSTOM, "aspect_ratio": "", "width": width, "height": height}
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, self.ask(SEEDREAM_4_5, **size))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"negative_prompt": "text"},
            {"image_urls": ["https://studio.example/r/1.jpg"]},
            {"prompt": ""},
            {"num_images": 7},
            {"max_images": 0},
            {"seed": "7"},
            {"image_size": {"width": 1024, "height": 1024}},
            {"image_size": "huge"},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    def test_the_emulator_is_strict(self, adapter, emulator, wrong):
        body = json.dumps({"prompt": PROMPT} | wrong).encode()
        with pytest.raises(Refused):
            adapter.submit(Payload(f"/{MODEL}/text-to-image", body), timeout=60)
        assert not emulator.submits("fal")[0].accepted

    # Links

    def test_the_links_of_the_answer_are_kept_and_used(self, adapter, emulator):
        task = self.accepted(adapter)
        base = f"{emulator.base_url('fal')}{APP}/requests/{task.task_id}"
        assert task.urls == {
            "status_url": f"{base}/status",
            "response_url": base,
            "cancel_url": f"{base}/cancel",
        }
        other = TaskRef("another-id", MODEL, urls=task.urls)
        with pytest.raises(Unavailable):
            adapter.poll(other)
        assert emulator.polls("fal")[0].path.endswith(f"{task.task_id}/status")

    def test_a_task_without_links_is_asked_about_under_owner_and_app(self, adapter, emulator):
        task = TaskRef(self.accepted(adapter).task_id, MODEL)
        assert isinstance(adapter.poll(task), Result)
        assert adapter.cancel(task) is False
        paths = [call.path for call in emulator.log[1:]]
        base = f"/fal{APP}/requests/{task.task_id}"
        assert paths == [f"{base}/status", base, f"{base}/cancel"]

    @pytest.mark.parametrize(
        "link", ["https://elsewhere.example/status", "http://[", "//elsewhere.example/status", ""]
    )
    def test_the_key_is_sent_to_no_other_host(self, adapter, emulator, link):
        task_id = self.accepted(adapter).task_id
        urls = dict.fromkeys(("status_url", "response_url", "cancel_url"), link)
        assert isinstance(adapter.poll(TaskRef(task_id, MODEL, urls=urls)), Result)

    def test_a_task_id_with_special_characters_stays_one_part_of_the_path(self, adapter, emulator):
        with pytest.raises(Refused):
            adapter.poll(TaskRef("a/b?c=d", MODEL))
        [call] = emulator.polls("fal")
        assert call.path.endswith("/requests/a%2Fb%3Fc%3Dd/status")

    @pytest.mark.parametrize("extra", [{"status_url": None}, {"response_url": 7}])
    def test_a_missing_link_loses_no_task(self, adapter, emulator, extra):
        emulator.script("fal", "submit", Trouble(extra=extra))
        assert isinstance(adapter.poll(self.accepted(adapter)), Result)

    # The state of a task

    def test_the_place_in_the_queue_is_reported(self, adapter, emulator):
        emulator.seconds = 3600
        first, second = self.accepted(adapter), self.accepted(adapter)
        assert adapter.poll(first) == InProgress(place=0)
        assert adapter.poll(second) == InProgress(place=1)
        emulator.tasks[first.task_id].created -= 1800
        assert adapter.poll(first) == InProgress()
        assert adapter.poll(second) == InProgress(place=0)

    @pytest.mark.parametrize("place", ["3", -1, None, True, 1.5])
    def test_an_invalid_place_is_ignored(self, adapter, emulator, place):
        emulator.seconds = 3600
        task = self.accepted(adapter)
        emulator.script("fal", "status", Trouble(extra={"queue_position": place}))
        assert adapter.poll(task) == InProgress()

    def test_the_result_has_seed_and_facts_and_no_links_in_them(self, adapter, emulator):
        result = adapter.poll(self.accepted(adapter, seed=7))
        assert result.seed == 7
        assert "http" not in str(result.raw)
        assert result.raw["images"][0]["width"] == 2048
        assert adapter.poll(self.accepted(adapter, references=(reference(1),))).seed is None

    def test_an_answer_about_another_request_is_rejected(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("fal", "status", Trouble(extra={"request_id": "of-someone-else"}))
        with pytest.raises(Unavailable):
            adapter.poll(task)

    @pytest.mark.parametrize("images", [None, [], {}, "none"])
    def test_a_result_without_readable_images_is_asked_for_again(self, adapter, emulator, images):
        task = self.accepted(adapter)
        emulator.script("fal", "result", Trouble(extra={"images": images}))
        with pytest.raises(Unavailable) as raised:
            adapter.poll(task)
        assert raised.value.code == Code.BAD_RESPONSE

    def test_an_image_without_a_link_fails_only_itself(self, adapter, emulator):
        task = self.accepted(adapter)
        images = [{"url": "https://v3.fal.media/files/1.png"}, {"url": None}, None]
        emulator.script("fal", "result", Trouble(extra={"images": images}))
        first, *others = adapter.poll(task).images
        assert isinstance(first, RemoteImage)
        assert [type(each) for each in others] == [ImageError, ImageError]

    # How a task fails

    def test_a_failure_of_the_queue_stands_in_the_status(self, adapter, emulator):
        emulator.script("fal", "submit", troubles.failed("startup_timeout", "Too late"))
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(self.accepted(adapter))
        assert raised.value.message == "Too late"
        assert emulator.calls("fal", "result") == []

    def test_a_failure_of_the_model_stands_in_the_result(self, adapter, emulator):
        emulator.script("fal", "submit", troubles.failed("content_policy_violation", "No"))
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(self.accepted(adapter))
        assert raised.value.message == "body.prompt (retryable: false)"
        assert PROMPT not in repr(raised.value)

    @pytest.mark.parametrize("name", ["X_Fal_Retryable", "X_Fal_Needs_Retry"])
    def test_both_names_of_the_hint_are_read(self, adapter, emulator, name):
        trouble = troubles.status(422, body=from_model("one_of"), **{name: "true"})
        emulator.script("fal", "submit", trouble)
        with pytest.raises(Refused) as raised:
            self.accepted(adapter)
        assert "retryable: true" in raised.value.message

    def test_a_hint_to_retry_never_repeats_a_submit(self, adapter, emulator):
        body = from_model("internal_server_error")
        emulator.script("fal", "submit", troubles.status(500, body=body, X_Fal_Retryable="true"))
        with pytest.raises(ProviderFailed):
            self.accepted(adapter)

    def test_the_header_names_the_error_where_the_body_does_not(self, adapter, emulator):
        trouble = Trouble(status=422, raw="<p>", headers={"X-Fal-Error-Type": "image_too_small"})
        emulator.script("fal", "submit", trouble)
        with pytest.raises(Refused) as raised:
            self.accepted(adapter)
        assert (raised.value.code, raised.value.raw_code) == (
            Code.REFERENCE_REJECTED,
            "image_too_small",
        )

    @pytest.mark.parametrize("detail", [[], [None], [{"msg": PROMPT}], {"type": "x"}, PROMPT, 7])
    def test_an_undocumented_error_keeps_its_status_and_no_text(self, adapter, emulator, detail):
        emulator.script("fal", "submit", Trouble(status=422, body={"detail": detail}))
        with pytest.raises(Refused) as raised:
            self.accepted(adapter)
        assert (raised.value.raw_code, raised.value.message) == ("422", "")

    @pytest.mark.parametrize(
        "trouble",
        [
            *(troubles.status(status) for status in (400, 401, 403, 404, 429, 500)),
            *(Trouble(status=status, raw="<h1>Oops</h1>") for status in (400, 500, 502, 503, 504)),
            Trouble(status=500, body={"status": "error", "detail": "text"}),
            troubles.lost_answer(),
            troubles.cut_midway(),
            troubles.malformed("null"),
            troubles.html(),
            troubles.flood(),
            troubles.redirect("http://10.0.0.1/"),
        ],
        ids=lambda trouble: f"{trouble.status or trouble.drop or trouble.raw or 'flood'}"[:12],
    )
    def test_trouble_with_the_read_of_a_result_ends_no_task(self, adapter, emulator, trouble):
        if trouble.status == 400 and trouble.raw is None:
            trouble = Trouble(status=400, body={"detail": "Request is still in progress"})
        task = self.accepted(adapter)
        emulator.script("fal", "result", trouble)
        with pytest.raises(ProviderError) as raised:
            adapter.poll(task)
        assert not isinstance(raised.value, TaskFailed | OutcomeUnknown)
        assert isinstance(adapter.poll(task), Result)

    @pytest.mark.parametrize(
        ("status", "body", "error", "code"),
        [
            (422, {"detail": "text"}, TaskFailed, Code.INVALID_REQUEST),
            (422, from_model("content_policy_violation"), TaskFailed, Code.CONTENT_POLICY),
            (500, from_model("new_error"), TaskFailed, Code.PROVIDER_ERROR),
            (504, from_model("generation_timeout"), TaskFailed, Code.TIMEOUT),
            (503, from_fal("runner_disconnected"), TaskFailed, Code.PROVIDER_ERROR),
            (499, {"detail": "text"}, TaskCancelled, Code.CANCELLED),
            (499, from_fal("client_cancelled"), TaskCancelled, Code.CANCELLED),
        ],
    )
    def test_the_models_own_error_ends_the_task(self, adapter, emulator, status, body, error, code):
        task = self.accepted(adapter)
        emulator.script("fal", "result", Trouble(status=status, body=body))
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(task)
        assert type(raised.value) is error
        assert raised.value.code == code

    def test_an_error_in_the_status_makes_any_error_of_the_result_final(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("fal", "status", Trouble(extra={"error": "It failed"}))
        emulator.script("fal", "result", Trouble(status=500, raw="<h1>Oops</h1>"))
        with pytest.raises(TaskFailed):
            adapter.poll(task)

    def test_images_count_more_than_an_error_in_the_status(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("fal", "status", Trouble(extra={"error": "It failed"}))
        assert len(adapter.poll(task).images) == 2

    def test_a_reference_out_of_reach_fails_the_task(self, adapter, emulator):
        emulator.fetch_references = True
        gone = ReferenceInput("0" * 64, 64, 64, link=f"{emulator.root}/nothing.jpg")
        task = self.accepted(adapter, references=(gone,))
        emulator.wait()
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(task)
        assert raised.value.code == Code.REFERENCE_REJECTED

    # Cancelling

    def test_a_queued_request_is_cancelled_at_once(self, adapter, emulator):
        emulator.seconds = 3600
        task = self.accepted(adapter)
        assert adapter.cancel(task) is True
        assert emulator.calls("fal", "cancel")[0].method == "PUT"
        with pytest.raises(TaskCancelled) as raised:
            adapter.poll(task)
        assert raised.value.code == Code.CANCELLED

    def test_a_request_in_progress_is_cancelled_when_the_status_says_so(self, adapter, emulator):
        emulator.seconds = 3600
        task = self.accepted(adapter)
        emulator.tasks[task.task_id].created -= 1800
        assert adapter.cancel(task) is True
        assert [call.status for call in emulator.calls("fal", "cancel")] == [202]

    @pytest.mark.parametrize("body", [REMOVED, NOTED, {"status": "SOMETHING_NEW"}])
    def test_a_job_that_continues_after_its_cancel_loses_no_image(self, adapter, emulator, body):
        emulator.seconds = 3600
        task = self.accepted(adapter)
        emulator.script("fal", "cancel", troubles.unheeded(200, body))
        assert adapter.cancel(task) is False
        emulator.finish_tasks()
        assert isinstance(adapter.poll(task), Result)

    @pytest.mark.parametrize(
        ("body", "status", "gone"),
        [
            (REMOVED, 404, True),
            (REMOVED, 401, False),
            (REMOVED, 503, False),
            (NOTED, 404, False),
            (NOTED, 503, False),
        ],
    )
    def test_a_status_that_cannot_be_read_proves_no_end(
        self, adapter, emulator, body, status, gone
    ):
        """A task is gone only if fal has removed it and no longer knows it."""
        task = self.accepted(adapter)
        emulator.script("fal", "cancel", troubles.unheeded(200, body))
        emulator.script("fal", "status", troubles.status(status))
        assert adapter.cancel(task) is gone

    def test_cancelling_an_unknown_or_ended_task_raises_nothing(self, adapter, emulator):
        assert adapter.cancel(self.accepted(adapter)) is False
        assert adapter.cancel(TaskRef("never-made", MODEL)) is False
        assert [call.status for call in emulator.calls("fal", "cancel")] == [400, 404]

    @pytest.mark.parametrize(
        ("status", "error"), [(400, Refused), (401, Refused), (500, Unavailable)]
    )
    def test_a_failed_cancel_raises(self, adapter, emulator, status, error):
        task = self.accepted(adapter)
        emulator.script("fal", "cancel", troubles.status(status))
        with pytest.raises(error):
            adapter.cancel(task)

    # The key

    def test_the_tasks_of_another_key_are_not_found(self, adapter, emulator):
        task = self.accepted(adapter)
        stranger = FalProvider(emulator.base_url("fal"), emulator.key("fal", 2))
        with pytest.raises(Refused) as raised:
            stranger.poll(task)
        assert raised.value.code == Code.NOT_FOUND

    def test_a_probe_reads_a_request_that_never_existed(self, adapter, emulator):
        assert "made-up key was refused (401)" in adapter.probe()
        assert [(call.route, call.status) for call in emulator.log] == [
            ("status", 404),
            ("status", 401),
        ]

    @pytest.mark.parametrize(("status", "code"), [(403, Code.FORBIDDEN), (503, None)])
    def test_a_probe_that_proves_nothing_fails(self, adapter, emulator, status, code):
        emulator.script("fal", "status", troubles.status(status))
        with pytest.raises(ProviderError) as raised:
            adapter.probe()
        assert code in (None, raised.value.code)

    # Webhooks

    def test_a_webhook_reports_failures_too(self, adapter, emulator, engine):
        emulator.script("fal", "submit", troubles.failed("no_media_generated"))
        task_id, call = self.webhook(adapter, emulator, engine)
        assert json.loads(call.body)["status"] == "ERROR"
        assert adapter.read_webhook(call, now=time.time()).task_id == task_id


class TestSignatures(OfFal):
    """Signed calls; `now` is a fixed number."""

    NOW = 2_000_000_000

    @pytest.fixture
    def call(self, chapter):
        """`call(at, …)`: a call signed at the second `at` with the current key."""

        def call(at=self.NOW, *, header_id="request-1", **changes):
            body = {"request_id": "request-1", "gateway_request_id": "g-1", "status": "OK"}
            content = json.dumps(body | changes).encode()
            headers = chapter.signature(header_id, content, at=at)
            return WebhookCall(content, {name.lower(): each for name, each in headers.items()})

        return call

    def fetches(self, emulator):
        return len(emulator.calls("fal", "jwks"))

    def test_a_repeated_call_has_the_same_event_id(self, adapter, call):
        def event(**changes):
            return adapter.read_webhook(call(**changes), now=self.NOW).event_id

        assert event() == event(payload={"images": []})
        others = [event(gateway_request_id="g-2"), event(status="ERROR")]
        assert len({event(), *others}) == 3

    def test_header_and_body_must_name_one_request(self, adapter, call):
        with pytest.raises(WebhookForged):
            adapter.read_webhook(call(header_id="request-2"), now=self.NOW)

    @pytest.mark.parametrize("request_id", [None, 7, "", ["request-1"]])
    def test_a_signed_call_must_name_a_request(self, adapter, call, request_id):
        with pytest.raises(WebhookForged):
            adapter.read_webhook(call(request_id=request_id, header_id=""), now=self.NOW)

    @pytest.mark.parametrize("name", ["request-id", "user-id", "timestamp", "signature"])
    @pytest.mark.parametrize("value", [None, "", "0", "zz", "é"])
    def test_every_header_is_part_of_the_proof(self, adapter, call, name, value):
        good = call()
        headers = dict(good.headers)
        del headers[f"x-fal-webhook-{name}"]
        if value is not None:
            headers[f"x-fal-webhook-{name}"] = value
        with pytest.raises(WebhookForged):
            adapter.read_webhook(WebhookCall(good.body, headers), now=self.NOW)

    def test_keys_are_kept_for_a_day(self, adapter, emulator, call):
        for at in (self.NOW, self.NOW + 3600, self.NOW + DAY - 1):
            adapter.read_webhook(call(at), now=at)
        assert self.fetches(emulator) == 1
        adapter.read_webhook(call(self.NOW + DAY), now=self.NOW + DAY)
        assert self.fetches(emulator) == 2

    def test_keys_older_than_a_day_are_not_used(self, adapter, emulator, call):
        adapter.read_webhook(call(), now=self.NOW)
        emulator.script("fal", "jwks", troubles.status(503))
        with pytest.raises(WebhookForged):
            adapter.read_webhook(call(self.NOW + DAY), now=self.NOW + DAY)

    def test_a_new_key_is_fetched_when_the_old_one_does_not_fit(
        self, adapter, emulator, chapter, call
    ):
        adapter.read_webhook(call(), now=self.NOW)
        chapter.rotate_key()
        later = self.NOW + 60
        assert adapter.read_webhook(call(later), now=later).task_id == "request-1"
        assert self.fetches(emulator) == 2

    def test_forged_calls_fetch_the_keys_once_a_minute_at_most(
        self, adapter, emulator, chapter, call
    ):
        good = call()
        forged = WebhookCall(good.body + b" ", good.headers)
        for second in range(60):
            with pytest.raises(WebhookForged):
                adapter.read_webhook(forged, now=self.NOW + second)
        assert self.fetches(emulator) == 1
        assert adapter.read_webhook(good, now=self.NOW + 59).task_id == "request-1"

    @pytest.mark.parametrize(
        "trouble",
        [
            troubles.status(503),
            troubles.lost_answer(),
            troubles.malformed(),
            *(
                Trouble(status=200, body=body)
                for body in ([], {}, {"keys": None}, {"keys": [{}]}, {"keys": [7]})
            ),
            Trouble(status=200, body={"keys": [{"kty": "OKP", "crv": "Ed25519"}]}),
            Trouble(status=200, body={"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "é"}]}),
            Trouble(status=200, body={"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}),
            Trouble(status=200, body={"keys": [], "more": "x" * 200_000}),
        ],
    )
    def test_without_keys_every_call_is_refused(self, adapter, emulator, call, trouble):
        emulator.script("fal", "jwks", trouble)
        for _ in range(3):
            with pytest.raises(WebhookForged):
                adapter.read_webhook(call(), now=self.NOW)
        assert self.fetches(emulator) == 1
        assert adapter.read_webhook(call(), now=self.NOW + 60).task_id == "request-1"

    def test_a_failed_fetch_keeps_the_known_keys(self, adapter, emulator, chapter, call):
        good = call()
        adapter.read_webhook(good, now=self.NOW)
        emulator.script("fal", "jwks", troubles.status(503))
        with pytest.raises(WebhookForged):
            adapter.read_webhook(WebhookCall(b"{}", good.headers), now=self.NOW + 60)
        assert adapter.read_webhook(good, now=self.NOW + 61).task_id == "request-1"

    def test_the_key_set_is_fetched_only_from_public_hosts(self, emulator, chapter, call):
        adapter = FalProvider(
            emulator.base_url("fal"), emulator.key("fal"), jwks_url=chapter.jwks_url
        )
        with pytest.raises(WebhookForged):
            adapter.read_webhook(call(), now=self.NOW)
        assert self.fetches(emulator) == 0


def test_the_engine_is_what_the_page_says():
    assert (SEEDREAM_4_5.name, MODEL) == ("fal/seedream-4-5", "fal-ai/bytedance/seedream/v4.5")
    assert (ABLE.images_per_request, ABLE.images_per_sequence, ABLE.max_images) == (6, 6, 10)
    assert (ABLE.max_references, ABLE.max_images_and_references) == (10, 15)
    assert ABLE.unproven == {"seed"}
    assert ABLE.can_cancel
    assert ABLE.webhook
    assert not any((ABLE.takes_idempotency_key, ABLE.answers_at_once, ABLE.deterministic_by_seed))
    assert ABLE.guidance_scale is ABLE.link_life_seconds is None
    assert not ABLE.negative_prompt
    assert {price.tier: (price.credits, price.cost_usd) for price in SEEDREAM_4_5.prices} == {
        tier: (4, Decimal("0.04")) for tier in ("2K", "4K", CUSTOM)
    }


def test_every_size_of_the_table_is_within_the_limits():
    sizes = [size for ratios in ABLE.sizes.values() for size in ratios.values()]
    assert all(2560 * 1440 <= width * height <= 4096 * 4096 for width, height in sizes)


def test_every_documented_error_has_a_case():
    cases = {case.raw_code for case in TestFal.fail_cases}
    assert cases == REQUEST_ERRORS.keys() | MODEL_ERRORS.keys()
    assert cases == ERROR_TYPES.keys() - {"concurrent_requests_limit"}


def test_page_advice_is_found_by_the_codes_it_is_for():
    assert PAGE_ADVICE.keys() <= {plain_code(error_type) for error_type in ERROR_TYPES}
