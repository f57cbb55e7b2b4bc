"""Apiframe by its pages: the contract of all adapters, then what is special to Apiframe."""

import hashlib
import hmac
import json
import time
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from generations.providers.apiframe import SEEDREAM_4_5, ApiframeProvider
from generations.providers.capabilities import CUSTOM, PollSchedule
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
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    ImageError,
    InProgress,
    ProviderBalance,
    ReferenceInput,
    RemoteImage,
    Result,
    TaskRef,
    WebhookCall,
)
from generations.providers.validation import validate
from tests.emulator import Trouble, troubles
from tests.emulator.apiframe import ApiframeChapter
from tests.emulator.chapter import Call, LoggedCall
from tests.generations.providers.contract import (
    PROMPT,
    SECONDS,
    FailCase,
    HttpCase,
    TaskContract,
    reference,
)

ABLE = SEEDREAM_4_5.capabilities
POLICY = "Provider returned an error: content policy violation"
STRANGE_JOB = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"


def refused(text, **details):
    return {"error": text, "details": {path: ["Invalid input"] for path in details}}


def at(link):
    return ReferenceInput(sha256="0" * 64, width=64, height=64, link=link)


class TestApiframe(TaskContract):
    adapter_class = ApiframeProvider
    signed_webhooks = True
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(400, Refused, Code.INVALID_REQUEST, refused("Validation failed", seed=1)),
        HttpCase(400, Refused, Code.PROMPT_REJECTED, refused("Validation failed", prompt=1)),
        HttpCase(
            400,
            Refused,
            Code.REFERENCE_REJECTED,
            refused("Validation failed", **{"seedreamParams.image_input.0": 1}),
        ),
        HttpCase(400, Refused, Code.INVALID_REQUEST, "not an envelope"),
        HttpCase(400, Refused, Code.INVALID_REQUEST, {"error": None, "details": "none"}),
        HttpCase(401, Refused, Code.AUTH, {"error": "API key is required"}),
        HttpCase(401, Refused, Code.AUTH, {"error": "Invalid API key"}),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE, {"error": "Insufficient credits"}),
        HttpCase(403, Refused, Code.AUTH, {"error": "API key is inactive"}),
        HttpCase(403, Refused, Code.FORBIDDEN, {"error": "No permission"}),
        # There are no codes: the text decides, for a job as for a submit.
        HttpCase(403, Refused, Code.CONTENT_POLICY, {"error": "Blocked by our content policy"}),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE, {"error": "content policy"}),
        HttpCase(404, Refused, Code.NOT_FOUND),
        HttpCase(409, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        HttpCase(409, OutcomeUnknown, Code.OUTCOME_UNKNOWN, "not an envelope"),
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(502, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
    )
    fail_cases = (
        FailCase(POLICY, Code.CONTENT_POLICY),
        FailCase("content policy violation", Code.CONTENT_POLICY),
        FailCase("Content policy violation.", Code.CONTENT_POLICY),
    )

    def sent(self, adapter, emulator, **changes):
        self.submit(adapter, self.ask(SEEDREAM_4_5, **changes))
        return emulator.submits("apiframe")[-1].body

    def told(self, adapter, emulator, **fields):
        """What a poll returns for a job that has ended, with these fields in the answer."""
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apiframe", "status", Trouble(extra=fields))
        return self.poll(adapter, request, accepted)

    # What is sent

    def test_text_to_image_sends_tier_and_ratio(self, adapter, emulator):
        body = self.sent(adapter, emulator, resolution="4K", aspect_ratio="16:9")
        assert body == {
            "model": "seedream-4.5",
            "prompt": PROMPT,
            "seedreamParams": {"size": "4K", "aspect_ratio": "16:9"},
        }

    def test_every_option_has_its_place(self, adapter, emulator):
        body = self.sent(
            adapter,
            emulator,
            seed=0,
            guidance_scale=3.5,
            output_format="png",
            use_pre_llm=False,
            enhance_prompt=False,
        )
        assert body["seedreamParams"] == {
            "size": "2K",
            "aspect_ratio": "1:1",
            "seed": 0,
            "guidance_scale": 3.5,
            "output_format": "png",
            "use_pre_llm": False,
            "enhance_prompt": False,
        }

    def test_one_reference_is_a_list_too(self, adapter, emulator):
        body = self.sent(adapter, emulator, references=(reference(1),))
        assert body["seedreamParams"]["image_input"] == [reference(1).link]

    def test_a_custom_size_has_no_ratio(self, adapter, emulator):
        body = self.sent(
            adapter, emulator, resolution=CUSTOM, aspect_ratio="", width=4096, height=1024
        )
        assert body["seedreamParams"] == {"size": "custom", "width": 4096, "height": 1024}

    @pytest.mark.parametrize(
        ("width", "height"), [(1023, 4096), (1024, 4097), (1024, 1024), (None, 2048)]
    )
    def test_sizes_outside_the_narrower_range_are_refused_here(self, width, height):
        request = self.ask(
            SEEDREAM_4_5, resolution=CUSTOM, aspect_ratio="", width=width, height=height
        )
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, request)

    def test_the_webhooks_field_is_in_camel_case(self, adapter, emulator):
        url = f"{emulator.root}/_control/sink"
        body = self.sent(adapter, emulator, webhook_url=url)
        emulator.wait()
        assert body["webhookUrl"] == url
        assert body["webhookEvents"] == ["completed", "failed"]
        assert "webhook_url" not in body

    def test_without_a_webhook_the_request_names_none(self, adapter, emulator):
        assert not {"webhookUrl", "webhookEvents"} & self.sent(adapter, emulator).keys()

    def test_the_key_goes_into_its_own_header(self, adapter):
        assert list(adapter.credentials()) == ["X-API-Key"]

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("", "webhook_url"),
            ("", "num_images"),
            ("seedreamParams", "negative_prompt"),
            ("seedreamParams", "steps"),
        ],
    )
    def test_unknown_properties_are_refused_at_both_levels(self, adapter, emulator, path, field):
        payload = adapter.build_submit(self.ask(SEEDREAM_4_5))
        body = json.loads(payload.body)
        (body[path] if path else body)[field] = "x"
        with pytest.raises(Refused) as raised:
            adapter.submit(type(payload)(payload.path, json.dumps(body).encode()), timeout=SECONDS)
        assert raised.value.code == Code.INVALID_REQUEST
        assert field in raised.value.message
        assert not emulator.submits("apiframe")[0].accepted

    def test_admins_see_which_fields_were_refused(self, adapter, emulator):
        emulator.script(
            "apiframe", "submit", troubles.status(400, body=refused("Validation failed", seed=1))
        )
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.message == "Validation failed; seed: ['Invalid input']"

    # Idempotency

    def submit_with_key(self, adapter, request, key="one-key"):
        payload = adapter.build_submit(request)
        return adapter.submit(payload, timeout=SECONDS, idempotency_key=key)

    def accepted(self, emulator):
        return [call.accepted for call in emulator.submits("apiframe")]

    def test_the_same_key_brings_the_same_job_and_no_second_charge(self, adapter, emulator):
        emulator.seconds = 3600
        request = self.ask(SEEDREAM_4_5)
        first = self.submit_with_key(adapter, request)
        before = adapter.balance().amount
        again = self.submit_with_key(adapter, request)
        assert again.task_id == first.task_id
        assert adapter.balance().amount == before
        assert self.accepted(emulator) == [True, False]

    def test_a_lost_answer_is_recovered_with_the_same_key(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        emulator.script("apiframe", "submit", troubles.lost_answer())
        with pytest.raises(OutcomeUnknown):
            self.submit_with_key(adapter, request)
        again = self.submit_with_key(adapter, request)
        assert isinstance(self.poll(adapter, request, again), Result)
        assert self.accepted(emulator) == [True, False]

    @pytest.mark.parametrize(
        ("trouble", "status"),
        [(Trouble(), "COMPLETED"), (troubles.failed(POLICY), "FAILED")],
        ids=["completed", "failed"],
    )
    def test_a_replay_may_return_a_job_that_has_ended(self, adapter, emulator, trouble, status):
        emulator.seconds = 3600
        request = self.ask(SEEDREAM_4_5)
        emulator.script("apiframe", "submit", trouble)
        first = self.submit_with_key(adapter, request)
        assert first.raw == {"status": "QUEUED"}
        emulator.finish_tasks()
        again = self.submit_with_key(adapter, request)
        assert (again.task_id, again.raw) == (first.task_id, {"status": status})

    def test_a_key_used_with_another_body_leaves_the_outcome_unknown(self, adapter, emulator):
        """Its job exists: a refusal would lose it, and another key would pay twice."""
        self.submit_with_key(adapter, self.ask(SEEDREAM_4_5))
        with pytest.raises(OutcomeUnknown) as raised:
            self.submit_with_key(adapter, self.ask(SEEDREAM_4_5, prompt="another"))
        assert raised.value.raw_code == "409"
        assert self.accepted(emulator) == [True, False]

    def test_keys_belong_to_their_account(self, adapter, emulator):
        other = ApiframeProvider(emulator.base_url("apiframe"), emulator.key("apiframe", 2))
        request = self.ask(SEEDREAM_4_5)
        first = self.submit_with_key(adapter, request)
        second = self.submit_with_key(other, request)
        assert first.task_id != second.task_id
        with pytest.raises(Refused) as raised:
            self.poll(other, request, first)
        assert raised.value.code == Code.NOT_FOUND

    def test_a_key_is_forgotten_after_a_day(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        first = self.submit_with_key(adapter, request)
        emulator.tasks[first.task_id].created -= 24 * 3600 + 1
        assert self.submit_with_key(adapter, request).task_id != first.task_id

    # Between us and Apiframe

    @pytest.mark.parametrize("text", ["error code: 1010", "error code: 1010\n", "Error code: 1020"])
    def test_a_block_on_the_way_says_nothing_about_the_key(self, adapter, emulator, text):
        blocked = Trouble(status=403, raw=text, content_type="text/plain")
        for route in ("submit", "status", "balance"):
            emulator.script("apiframe", route, blocked)
        asked = (
            lambda: self.submit(adapter, self.ask(SEEDREAM_4_5)),
            lambda: adapter.poll(TaskRef(STRANGE_JOB, "seedream-4.5")),
            adapter.probe,
        )
        for ask in asked:
            with pytest.raises(Unavailable) as raised:
                ask()
            assert raised.value.code == Code.CONNECTION
            assert raised.value.raw_code == text.strip().lower()

    @pytest.mark.parametrize(
        "answer",
        [
            Trouble(status=403, body={"error": "error code: 1010"}),
            Trouble(status=403, raw="the prompt was: error code: 1010"),
            Trouble(status=401, raw="error code: 1010"),
        ],
        ids=["json", "longer", "401"],
    )
    def test_only_the_bare_line_of_a_403_is_a_block(self, adapter, emulator, answer):
        emulator.script("apiframe", "submit", answer)
        with pytest.raises(Refused):
            self.submit(adapter, self.ask(SEEDREAM_4_5))

    def test_the_user_agent_is_the_studios(self, emulator):
        """Cloudflare refuses the default names of HTTP libraries."""
        where = emulator.base_url("apiframe"), emulator.key("apiframe")
        with pytest.raises(Unavailable):
            ApiframeProvider(*where, user_agent="python-httpx/0.28").balance()
        assert ApiframeProvider(*where).balance()

    # What comes back

    def test_both_formats_of_a_result_are_read(self, adapter, emulator):
        link = "https://cdn.example/1.png"
        for shape in (link, {"images": [link]}, {"images": [link], "gridUrl": "https://x/g.png"}):
            result = self.told(adapter, emulator, result=shape)
            assert [image.url for image in result.images] == [link]

    def test_an_invalid_link_fails_only_its_own_image(self, adapter, emulator):
        links = {"images": ["https://cdn.example/1.png", None, ""]}
        first, second, third = self.told(adapter, emulator, result=links).images
        assert isinstance(first, RemoteImage)
        assert isinstance(second, ImageError)
        assert isinstance(third, ImageError)

    @pytest.mark.parametrize("result", [None, "", {}, {"images": []}, {"images": {}}, [], 7])
    def test_a_success_without_readable_images_is_polled_again(self, adapter, emulator, result):
        with pytest.raises(Unavailable) as raised:
            self.told(adapter, emulator, result=result)
        assert raised.value.code == Code.BAD_RESPONSE

    def test_links_live_24_hours_from_completion(self, adapter, emulator):
        result = self.told(adapter, emulator, completedAt="2026-03-15T10:00:32.000Z")
        ended = datetime.fromisoformat("2026-03-15T10:00:32+00:00")
        assert [image.expires_at for image in result.images] == [ended + timedelta(hours=24)]

    @pytest.mark.parametrize("completed_at", [None, "soon", 7, "9999-12-31T23:59:59Z"])
    def test_an_invalid_completion_time_loses_no_image(self, adapter, emulator, completed_at):
        assert len(self.told(adapter, emulator, completedAt=completed_at).images) == 1

    def test_links_of_an_expired_job_are_still_tried(self, adapter, emulator):
        result = self.told(adapter, emulator, expired=True)
        assert isinstance(result.images[0], RemoteImage)
        assert result.raw["expired"] is True

    def test_an_expired_job_without_links_has_ended(self, adapter, emulator):
        with pytest.raises(TaskFailed) as raised:
            self.told(adapter, emulator, expired=True, result=None)
        assert (raised.value.code, raised.value.raw_code) == (Code.IMAGE_UNREACHABLE, "expired")

    def test_a_job_that_someone_cancelled_is_cancelled(self, adapter, emulator):
        emulator.seconds = 3600
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.tasks[accepted.task_id].cancelled = True
        with pytest.raises(TaskCancelled) as raised:
            self.poll(adapter, request, accepted)
        assert raised.value.code == Code.CANCELLED

    def test_what_it_cost_at_apiframe_is_on_the_record(self, adapter, emulator):
        result = self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert result.raw["creditCost"] == 4
        assert result.cost_usd is None
        assert result.model == "seedream-4.5"

    def test_the_record_has_neither_prompt_nor_link(self, adapter, emulator):
        result = self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert PROMPT not in str(result.raw)
        assert result.images[0].url not in str(result.raw)

    def test_an_answer_about_another_job_is_rejected(self, adapter, emulator):
        with pytest.raises(Unavailable):
            self.told(adapter, emulator, id=STRANGE_JOB)

    def test_a_job_id_with_special_characters_stays_one_part_of_the_path(self, adapter, emulator):
        with pytest.raises(ProviderError) as raised:
            adapter.poll(TaskRef(task_id="../me?a=b", model="seedream-4.5"))
        assert not isinstance(raised.value, TaskFailed)
        assert emulator.polls("apiframe")[0].path.endswith("/v2/jobs/..%2Fme%3Fa%3Db")

    def test_queued_and_processing_are_in_progress(self, adapter, emulator):
        for status in ("QUEUED", "PROCESSING"):
            assert self.told(adapter, emulator, status=status) == InProgress()

    # Failures

    def test_an_undocumented_failure_code_means_trouble_at_the_provider(
        self, adapter, emulator, engine
    ):
        """Apiframe gives free text and no codes. It is kept for admins and never logged."""
        emulator.script(self.provider, "submit", troubles.failed("SomethingNew"))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(engine))
        assert (raised.value.code, raised.value.raw_code) == (Code.PROVIDER_ERROR, "FAILED")
        assert raised.value.message == "SomethingNew"

    @pytest.mark.parametrize(
        "text", ["flagged as sensitive", "Your prompt was rejected by the safety filter."]
    )
    def test_a_refusal_in_free_text_counts_and_its_text_is_not_the_code(
        self, adapter, emulator, text
    ):
        with pytest.raises(TaskFailed) as raised:
            self.told(adapter, emulator, status="FAILED", error=text)
        assert str(raised.value) == "content_policy FAILED"

    @pytest.mark.parametrize(
        "text",
        [
            "no available capacity",
            "Provider returned an error: the content policy service is down",
            f"could not draw: {PROMPT}",
            None,
        ],
    )
    def test_policy_is_never_guessed_from_free_text(self, adapter, emulator, text):
        with pytest.raises(TaskFailed) as raised:
            self.told(adapter, emulator, status="FAILED", error=text)
        assert raised.value.code == Code.PROVIDER_ERROR
        assert str(raised.value) == "provider_error FAILED"
        assert raised.value.message == (text or "")

    def test_what_no_database_stores_is_replaced(self, adapter, emulator):
        emulator.script("apiframe", "submit", troubles.failed("\0" + "\ud800" * 1000))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(SEEDREAM_4_5))
        raised.value.message.encode()
        assert "\0" not in raised.value.message
        assert len(raised.value.message) <= 500

    # Webhooks

    def call_with(self, emulator, body, *, secret=None, prefix="sha256=", key=""):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        key = key or emulator.key("apiframe")
        secret = secret or hashlib.sha256(key.encode()).digest()
        signature = prefix + hmac.new(secret, content, "sha256").hexdigest()
        return WebhookCall(content, {"x-webhook-signature": signature})

    NEWS = {"event": "completed", "jobId": STRANGE_JOB, "status": "COMPLETED"}

    def read(self, adapter, call):
        return adapter.read_webhook(call, now=time.time())

    def test_job_and_event_make_the_event_id(self, adapter, emulator):
        news = self.read(adapter, self.call_with(emulator, self.NEWS))
        again = self.read(adapter, self.call_with(emulator, self.NEWS | {"progress": 100}))
        failed = self.read(adapter, self.call_with(emulator, self.NEWS | {"event": "failed"}))
        assert news == again
        assert news.task_id == failed.task_id == STRANGE_JOB
        assert news.event_id != failed.event_id

    def test_the_event_is_read_where_it_is_signed(self, adapter, emulator):
        call = self.call_with(emulator, self.NEWS)
        headers = dict(call.headers) | {"x-webhook-event": "failed"}
        assert self.read(adapter, WebhookCall(call.body, headers)) == self.read(adapter, call)

    def test_a_signature_may_lack_its_prefix(self, adapter, emulator):
        assert self.read(adapter, self.call_with(emulator, self.NEWS, prefix=""))

    def test_the_hexadecimal_form_of_the_secret_is_believed(self, adapter, emulator):
        secret = hashlib.sha256(emulator.key("apiframe").encode()).hexdigest().encode()
        assert self.read(adapter, self.call_with(emulator, self.NEWS, secret=secret))

    def test_the_key_itself_is_not_the_secret(self, adapter, emulator):
        call = self.call_with(emulator, self.NEWS, secret=emulator.key("apiframe").encode())
        with pytest.raises(WebhookForged):
            self.read(adapter, call)

    def test_another_key_signs_nothing_here(self, adapter, emulator):
        with pytest.raises(WebhookForged):
            self.read(adapter, self.call_with(emulator, self.NEWS, key="emulator-key-apiframe-2"))

    @pytest.mark.parametrize("signature", ["", "sha256=", "sha256=xyz", "schlüssel", "00" * 32])
    def test_an_invalid_signature_is_refused(self, adapter, signature):
        call = WebhookCall(json.dumps(self.NEWS).encode(), {"x-webhook-signature": signature})
        with pytest.raises(WebhookForged):
            self.read(adapter, call)

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", {"event": "completed"}, {"jobId": STRANGE_JOB}, {"jobId": 7, "event": "x"}],
    )
    def test_signed_bodies_without_job_or_event_are_refused(self, adapter, emulator, body):
        with pytest.raises(WebhookForged):
            self.read(adapter, self.call_with(emulator, body))

    def test_a_replayed_call_has_the_same_event_id(self, adapter, emulator, engine):
        _job, call = self.webhook(adapter, emulator, engine)
        later = adapter.read_webhook(call, now=time.time() + 10**6)
        assert later == self.read(adapter, call)

    def test_a_webhook_reports_failures_too(self, adapter, emulator):
        emulator.script("apiframe", "submit", troubles.failed(POLICY))
        job, call = self.webhook(adapter, emulator, SEEDREAM_4_5)
        assert self.read(adapter, call).event_id == f"{job} failed"

    # Account

    def test_the_balance_is_in_apiframes_credits(self, adapter, emulator):
        before = adapter.balance()
        emulator.seconds = 3600
        self.submit(adapter, self.ask(SEEDREAM_4_5))
        after = adapter.balance()
        assert (before.unit, before.concurrency) == ("credits", 10)
        assert before.amount - after.amount == Decimal(4)

    def test_what_failed_is_given_back(self, adapter, emulator):
        before = adapter.balance()
        emulator.script("apiframe", "submit", troubles.failed(POLICY))
        self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert adapter.balance() == before

    @pytest.mark.parametrize("most", [None, "10", 0, True, 1.5])
    def test_an_invalid_concurrency_is_left_out(self, adapter, emulator, most):
        team = {"credits": 12, "maxConcurrentJobs": most}
        emulator.script("apiframe", "balance", Trouble(status=200, body={"team": team}))
        assert adapter.balance() == ProviderBalance(Decimal(12), "credits", None)

    @pytest.mark.parametrize("body", [{"team": None}, {"team": {"credits": None}}, {}, []])
    def test_an_invalid_balance_raises(self, adapter, emulator, body):
        emulator.script("apiframe", "balance", Trouble(status=200, body=body))
        with pytest.raises(Unavailable):
            adapter.balance()

    def test_a_refusal_for_lack_of_credits_says_what_is_left(self, adapter, emulator):
        body = {"error": "Insufficient credits", "creditsRequired": 4, "creditsAvailable": 3}
        emulator.script("apiframe", "submit", troubles.status(402, body=body))
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.balance == ProviderBalance(Decimal(3), "credits")

    @pytest.mark.parametrize("left", [None, "3", True])
    def test_invalid_figures_do_not_hide_the_refusal(self, adapter, emulator, left):
        body = {"error": "Insufficient credits", "creditsAvailable": left}
        emulator.script("apiframe", "submit", troubles.status(402, body=body))
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert (raised.value.code, raised.value.balance) == (Code.INSUFFICIENT_BALANCE, None)

    # References

    def test_references_are_fetched_by_the_provider(self, adapter, emulator):
        made = self.bring(adapter, self.ask(SEEDREAM_4_5)).images[0]
        emulator.fetch_references = True
        request = self.ask(SEEDREAM_4_5, references=(at(made.url),))
        accepted = self.submit(adapter, request)
        emulator.wait()
        assert len(self.poll(adapter, request, accepted).images) == 1
        assert [content[:2] for content in emulator.references] == [b"\xff\xd8"]

    def test_a_reference_out_of_reach_fails_the_job(self, adapter, emulator):
        emulator.fetch_references = True
        url = f"{emulator.root}/_control/sink"
        request = self.ask(
            SEEDREAM_4_5, references=(at(f"{emulator.root}/nothing.jpg"),), webhook_url=url
        )
        accepted = self.submit(adapter, request)
        emulator.wait()
        with pytest.raises(TaskFailed):
            self.poll(adapter, request, accepted)


def test_the_engine_is_what_the_pages_say():
    assert (SEEDREAM_4_5.name, SEEDREAM_4_5.model) == ("apiframe/seedream-4-5", "seedream-4.5")
    assert (ABLE.prompt_limit, ABLE.images_per_request, ABLE.max_references) == (2000, 1, 14)
    assert ABLE.resolutions == ("2K", "4K", CUSTOM)
    assert set(ABLE.polls.values()) == {PollSchedule(2, 3)}
    assert ABLE.polls.keys() == {*ABLE.resolutions}
    assert ABLE.takes_idempotency_key
    assert ABLE.webhook
    assert not any((ABLE.can_cancel, ABLE.answers_at_once, ABLE.sequential, ABLE.negative_prompt))
    assert not ABLE.exact_sizes
    assert ABLE.unproven == {"seed", "guidance_scale"}
    guidance = ABLE.guidance_scale
    assert (guidance.minimum, guidance.maximum, guidance.step, guidance.default) == (1, 10, 0.5, 3)
    assert {price.tier: (price.credits, price.cost_usd) for price in SEEDREAM_4_5.prices} == {
        tier: (4, Decimal("0.04")) for tier in ABLE.resolutions
    }


@pytest.mark.parametrize("tier", ["2K", "4K"])
def test_the_five_ratios_of_the_page_are_offered(tier):
    ratios = ("1:1", "3:4", "4:3", "9:16", "16:9")
    assert ABLE.aspect_ratios(tier) == ratios
    assert all(ABLE.sizes[tier][each] == SEEDREAM_4_5_SIZES[tier][each] for each in ratios)


class TestTheChapterIsStrict:
    """What the emulator must refuse, because otherwise an adapter's mistake would go unnoticed."""

    def statuses(self, emulator, **params):
        order = {"model": "seedream-4.5", "prompt": "a", "seedreamParams": params}
        log = LoggedCall("apiframe", "submit", "POST", "", {}, {}, 0.0, body=order)
        headers = {
            "X-API-Key": emulator.key("apiframe"),
            "Content-Type": "application/json",
            "User-Agent": "SeedreamStudio",
        }
        call = Call("POST", "", {}, headers, b"", log, Trouble())
        chapter = ApiframeChapter(emulator)
        return chapter.handle(chapter.routes[0], call).status

    @pytest.mark.parametrize(
        "params",
        [
            {"size": "1K"},
            {"aspect_ratio": "21:9"},
            {"aspect_ratio": "match_input_image"},
            {"size": "custom", "width": 1023, "height": 2048},
            {"size": "custom", "width": 2048},
            {"width": 2048, "height": 2048},
            {"guidance_scale": 10.5},
            {"guidance_scale": 3.3},
            {"guidance_scale": "3"},
            {"seed": 1.5},
            {"output_format": "webp"},
            {"use_pre_llm": "yes"},
            {"image_input": "https://example.com/input.jpg"},
            {"image_input": ["https://example.com/input.jpg"] * 15},
            {"num_images": 2},
        ],
        ids=str,
    )
    def test_what_the_pages_do_not_allow(self, emulator, params):
        assert self.statuses(emulator, **params) == 400

    def test_what_the_pages_allow(self, emulator):
        links = ["https://example.com/input.jpg"] * 14
        assert self.statuses(emulator, image_input=links, aspect_ratio="match_input_image") == 202
        assert self.statuses(emulator) == 202
