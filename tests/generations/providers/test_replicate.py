"""Replicate by its pages: the contract of all adapters, then what is special to Replicate."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from generations.providers.answers import plain_code
from generations.providers.capabilities import CUSTOM, PollSchedule
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderFailed,
    Refused,
    TaskCancelled,
    TaskFailed,
    Unavailable,
    UnsupportedOption,
    WebhookForged,
)
from generations.providers.replicate.adapter import PAGE_ADVICE, SEEDREAM_4_5, ReplicateProvider
from generations.providers.replicate.signing import SigningSecret, check_call
from generations.providers.types import (
    ImageError,
    ReferenceInput,
    RemoteImage,
    TaskRef,
    WebhookCall,
)
from generations.providers.validation import validate
from tests.emulator import Trouble, troubles
from tests.emulator.chapter import fingerprint
from tests.emulator.replicate import signing_secret
from tests.generations.providers.contract import (
    PROMPT,
    FailCase,
    HttpCase,
    TaskContract,
    reference,
)

ABLE = SEEDREAM_4_5.capabilities
NOW = 1_790_000_000
# Eleven bytes in base64, in the alphabet with underscores.
SECRET = "whsec__3d_Ynkg_w_-AAE"
KEY = base64.urlsafe_b64decode("_3d_Ynkg_w_-AAE=")
HOOK = "https://studio.example/hooks/replicate/token/"


def problem(status, detail, **more):
    return {"type": "about:blank", "title": "Wrong", "status": status, "detail": detail} | more


def at(link):
    return ReferenceInput(sha256="0" * 64, width=64, height=64, link=link)


def signed(body, *, key=KEY, event_id="msg_1", timestamp=NOW, prefix="v1,", before="", **headers):
    """A call signed as Replicate signs it."""
    message = f"{event_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, message, "sha256")).decode()
    return WebhookCall(
        body,
        {
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"{before}{prefix}{signature}",
        }
        | headers,
    )


class TestReplicate(TaskContract):
    adapter_class = ReplicateProvider
    signed_webhooks = timed_webhooks = True
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(400, Refused, Code.INVALID_REQUEST, "not a problem"),
        HttpCase(401, Refused, Code.AUTH),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE),
        HttpCase(403, Refused, Code.FORBIDDEN),
        HttpCase(404, Refused, Code.NOT_FOUND),
        HttpCase(422, Refused, Code.INVALID_REQUEST),
        HttpCase(422, Refused, Code.INVALID_REQUEST, problem(422, "", invalid_fields="odd")),
        HttpCase(422, Refused, Code.INVALID_REQUEST, problem(422, "", invalid_fields=[1, {}])),
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(502, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
    )
    fail_cases = (
        FailCase("E1000", Code.PROVIDER_ERROR),
        FailCase("E1001", Code.PROVIDER_ERROR),
        FailCase("E4875", Code.INVALID_REQUEST),
        FailCase("E6716", Code.TIMEOUT),
        FailCase("E8367", Code.PROVIDER_ERROR),
        FailCase("E8765", Code.PROVIDER_ERROR),
        FailCase("E9243", Code.PROVIDER_ERROR),
        FailCase("E9825", Code.PROVIDER_ERROR),
        FailCase("E005", Code.CONTENT_POLICY),
        FailCase("flagged as sensitive", Code.CONTENT_POLICY),
        FailCase("Input validation error", Code.INVALID_REQUEST),
        # These statuses are errors themselves.
        FailCase("aborted", Code.TIMEOUT),
        FailCase("canceled", Code.CANCELLED),
    )

    def sent(self, adapter, emulator, **changes):
        self.submit(adapter, self.ask(SEEDREAM_4_5, **changes))
        return emulator.submits("replicate")[-1].body

    def accepted(self, adapter, **changes):
        """A request, and the prediction that was made for it."""
        request = self.ask(SEEDREAM_4_5, **changes)
        return self.task(request, self.submit(adapter, request))

    # What is sent

    def test_a_tier_is_sent_with_its_format(self, adapter, emulator):
        assert self.sent(adapter, emulator, resolution="4K", aspect_ratio="16:9") == {
            "input": {
                "prompt": PROMPT,
                "size": "4K",
                "aspect_ratio": "16:9",
                "sequential_image_generation": "disabled",
            }
        }

    def test_a_custom_size_is_sent_without_a_format(self, adapter, emulator):
        size = {"resolution": CUSTOM, "aspect_ratio": "", "width": 2400, "height": 1600}
        fields = self.sent(adapter, emulator, **size)["input"]
        assert (fields["size"], fields["width"], fields["height"]) == ("custom", 2400, 1600)
        assert "aspect_ratio" not in fields

    @pytest.mark.parametrize(("width", "height"), [(1024, 1024), (1919, 1920), (1023, 4096)])
    def test_sizes_that_the_model_does_not_make_are_refused(self, width, height):
        size = {"resolution": CUSTOM, "aspect_ratio": "", "width": width, "height": height}
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, self.ask(SEEDREAM_4_5, **size))

    def test_a_set_says_how_many_may_come(self, adapter, emulator):
        fields = self.sent(adapter, emulator, sequential=True, num_images=15)["input"]
        assert (fields["sequential_image_generation"], fields["max_images"]) == ("auto", 15)

    def test_references_are_sent_as_links(self, adapter, emulator):
        fields = self.sent(adapter, emulator, references=(reference(1), reference(2)))["input"]
        assert fields["image_input"] == [reference(1).link, reference(2).link]

    def test_the_webhook_is_requested_for_the_end_only(self, adapter, emulator):
        body = self.sent(adapter, emulator, webhook_url=HOOK)
        assert (body["webhook"], body["webhook_events_filter"]) == (HOOK, ["completed"])

    @pytest.mark.parametrize("changes", [{}, {"sequential": True}, {"references": (at(HOOK),)}])
    def test_nothing_is_sent_as_null_and_the_safety_check_stays_on(
        self, adapter, emulator, changes
    ):
        body = json.dumps(self.sent(adapter, emulator, **changes))
        assert "null" not in body
        assert "disable_safety_checker" not in body

    def test_the_call_is_not_held_open(self, adapter, emulator):
        self.accepted(adapter)
        [call] = emulator.submits("replicate")
        assert not {"prefer", "cancel-after"} & {name.lower() for name in call.headers}

    # What comes back

    def test_a_set_brings_up_to_fifteen_images(self, adapter, emulator):
        result = adapter.poll(self.accepted(adapter, sequential=True, num_images=15))
        assert len(result.images) == 15

    def test_a_set_may_bring_fewer(self, adapter, emulator):
        emulator.script("replicate", "submit", troubles.partial(2))
        assert len(adapter.poll(self.accepted(adapter, sequential=True, num_images=5)).images) == 2

    def test_the_providers_own_links_are_kept_and_used(self, adapter, emulator):
        task = self.accepted(adapter)
        base = f"{emulator.base_url('replicate')}/predictions/{task.task_id}"
        assert task.urls == {"get": base, "cancel": f"{base}/cancel"}
        emulator.script("replicate", "submit", Trouble(extra={"urls": {"get": f"{base}?token=1"}}))
        task = TaskRef(task.task_id, task.model, urls=self.accepted(adapter).urls)
        adapter.poll(task)
        assert emulator.polls("replicate")[-1].query == {"token": "1"}

    @pytest.mark.parametrize("urls", [None, [], {"get": 7, "cancel": ""}])
    def test_invalid_links_lose_no_task(self, adapter, emulator, urls):
        emulator.script("replicate", "submit", Trouble(extra={"urls": urls}))
        task = self.accepted(adapter)
        assert task.urls == {}
        assert adapter.poll(task).images

    @pytest.mark.parametrize("link", ["", "https://elsewhere.example/p/1", "http://[", "nothing"])
    def test_without_a_link_on_the_own_host_the_id_makes_the_path(self, adapter, emulator, link):
        emulator.seconds = 3600
        task = self.accepted(adapter)
        adopted = TaskRef(task.task_id, task.model, urls={"get": link, "cancel": link})
        adapter.poll(adopted)
        assert adapter.cancel(adopted) is True

    def test_an_id_with_special_characters_stays_one_part_of_the_path(self, adapter, emulator):
        with pytest.raises(Refused):
            adapter.poll(TaskRef(task_id="a/../account?x=1", model="m"))
        assert emulator.log[-1].path.endswith("/predictions/a%2F..%2Faccount%3Fx%3D1")

    def test_links_live_an_hour_from_completion(self, adapter, emulator):
        task = self.accepted(adapter, sequential=True, num_images=2)
        result = adapter.poll(task)
        ended = datetime.fromtimestamp(emulator.tasks[task.task_id].ended, UTC)
        assert {image.expires_at for image in result.images} == {ended + timedelta(hours=1)}

    def test_a_time_with_nanoseconds_is_read(self, adapter, emulator):
        moment = "2026-09-08T16:32:56.990893084Z"
        emulator.script("replicate", "status", Trouble(extra={"completed_at": moment}))
        [image] = adapter.poll(self.accepted(adapter)).images
        assert image.expires_at == datetime(2026, 9, 8, 17, 32, 56, 990893, UTC)

    @pytest.mark.parametrize("moment", [None, "soon", 17, "9999-12-31T23:59:59Z"])
    def test_an_invalid_time_loses_no_image(self, adapter, emulator, moment):
        emulator.script("replicate", "status", Trouble(extra={"completed_at": moment}))
        [image] = adapter.poll(self.accepted(adapter)).images
        assert image.expires_at is None

    def test_a_bare_link_is_one_image(self, adapter, emulator):
        link = "https://replicate.delivery/x/1.jpg"
        emulator.script("replicate", "status", Trouble(extra={"output": link}))
        [image] = adapter.poll(self.accepted(adapter)).images
        assert image.url == link

    def test_an_invalid_link_fails_only_its_own_image(self, adapter, emulator):
        output = ["https://replicate.delivery/x/1.jpg", None]
        emulator.script("replicate", "status", Trouble(extra={"output": output}))
        first, second = adapter.poll(self.accepted(adapter)).images
        assert isinstance(first, RemoteImage)
        assert isinstance(second, ImageError)

    @pytest.mark.parametrize("output", [None, [], "", {}, 7])
    def test_a_success_without_readable_images_is_polled_again(self, adapter, emulator, output):
        task = self.accepted(adapter)
        emulator.script("replicate", "status", Trouble(extra={"output": output}))
        with pytest.raises(Unavailable) as raised:
            adapter.poll(task)
        assert raised.value.code == Code.BAD_RESPONSE

    def test_what_is_removed_after_an_hour_cannot_be_fetched(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.tasks[task.task_id].created -= 3700
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(task)
        assert raised.value.code == Code.IMAGE_UNREACHABLE
        assert raised.value.raw_code == "data_removed"

    def test_a_failure_whose_data_is_removed_is_still_that_failure(self, adapter, emulator):
        emulator.script("replicate", "submit", troubles.failed("E1001"))
        task = self.accepted(adapter)
        emulator.tasks[task.task_id].created -= 3700
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(task)
        assert raised.value.raw_code == "E1001"

    def test_an_answer_about_another_prediction_is_rejected(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("replicate", "status", Trouble(extra={"id": "of_someone_else"}))
        with pytest.raises(Unavailable):
            adapter.poll(task)

    def test_an_undocumented_status_is_polled_again(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("replicate", "status", Trouble(extra={"status": "resting"}))
        with pytest.raises(Unavailable):
            adapter.poll(task)

    def test_the_record_keeps_facts_but_neither_links_nor_the_prompt(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5, references=(reference(1),))
        accepted = self.submit(adapter, request)
        result = self.poll(adapter, request, accepted)
        assert result.model == result.raw["model"] == "bytedance/seedream-4.5"
        assert result.raw["status"] == "succeeded"
        assert result.raw["predict_time"] == 0
        kept = json.dumps([accepted.raw, result.raw], ensure_ascii=False)
        assert "http" not in kept
        assert PROMPT not in kept

    def test_figures_that_no_database_stores_are_not_kept(self, adapter, emulator):
        task = self.accepted(adapter)
        prediction = {"id": task.task_id, "status": "succeeded", "output": [HOOK]}
        metrics = '{"image_count": 1, "predict_time": 1e999, "note": "x"}'
        raw = f'{json.dumps(prediction)[:-1]}, "metrics": {metrics}}}'
        emulator.script("replicate", "status", troubles.malformed(raw))
        assert adapter.poll(task).raw == {"status": "succeeded", "image_count": 1}

    # How a prediction fails

    @pytest.mark.parametrize(
        ("text", "code", "raw_code"),
        [
            ("E6716: Timeout starting prediction", Code.TIMEOUT, "E6716"),
            ("Prediction failed. (E1001) (x7)", Code.PROVIDER_ERROR, "E1001"),
            ("It was flagged as sensitive (E005) (a1b2)", Code.CONTENT_POLICY, "E005"),
            ("It was flagged as sensitive (E7777)", Code.CONTENT_POLICY, "E7777"),
            (
                "Input validation error: prompt: E005 is flagged as sensitive",
                Code.INVALID_REQUEST,
                "Input validation error",
            ),
            # A code is a whole word of the right length.
            ("see IMG_E1001.png", Code.PROVIDER_ERROR, "failed"),
            ("E12 or E12345 went wrong", Code.PROVIDER_ERROR, "failed"),
            ("a prompt with words", Code.PROVIDER_ERROR, "failed"),
            ("", Code.PROVIDER_ERROR, "failed"),
            (None, Code.PROVIDER_ERROR, "failed"),
            ({"code": "E005"}, Code.PROVIDER_ERROR, "failed"),
        ],
    )
    def test_the_text_of_a_failure_contains_the_code_and_is_never_it(
        self, adapter, emulator, text, code, raw_code
    ):
        task = self.accepted(adapter)
        extra = {"status": "failed", "error": text}
        emulator.script("replicate", "status", Trouble(extra=extra))
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(task)
        assert (raised.value.code, raised.value.raw_code) == (code, raw_code)
        assert raised.value.message == (text if isinstance(text, str) else "")

    def test_a_cancelled_prediction_is_cancelled(self, adapter, emulator):
        emulator.script("replicate", "submit", troubles.failed("canceled"))
        with pytest.raises(TaskCancelled):
            adapter.poll(self.accepted(adapter))

    def test_an_aborted_prediction_is_not_cancelled(self, adapter, emulator):
        emulator.script("replicate", "submit", troubles.failed("aborted"))
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(self.accepted(adapter))
        assert not isinstance(raised.value, TaskCancelled)

    def test_what_no_database_stores_is_replaced(self, adapter, emulator):
        emulator.script("replicate", "submit", troubles.failed("E1000", "\0\ud800" * 1000))
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(self.accepted(adapter))
        raised.value.message.encode()
        assert "\0" not in raised.value.message
        assert len(raised.value.message) <= 500

    # Cancelling

    def test_a_cancel_may_be_repeated(self, adapter, emulator):
        emulator.seconds = 3600
        task = self.accepted(adapter)
        assert [adapter.cancel(task), adapter.cancel(task)] == [True, True]
        with pytest.raises(TaskCancelled):
            adapter.poll(task)

    @pytest.mark.parametrize("status", ["starting", "processing", "failed", "aborted"])
    def test_only_the_status_proves_that_it_has_stopped(self, adapter, emulator, status):
        task = self.accepted(adapter)
        emulator.script("replicate", "cancel", Trouble(extra={"status": status}))
        assert adapter.cancel(task) is False

    def test_a_prediction_that_continues_after_its_cancel_loses_no_image(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("replicate", "cancel", Trouble(extra={"status": "canceled"}))
        assert adapter.cancel(task) is False
        assert adapter.poll(task).images

    @pytest.mark.parametrize("status", [400, 404, 409, 422])
    def test_a_refused_cancel_is_left_to_the_polls(self, adapter, emulator, status):
        task = self.accepted(adapter)
        emulator.script("replicate", "cancel", troubles.status(status))
        assert adapter.cancel(task) is False
        assert adapter.poll(task).images

    def test_a_cancel_with_a_lost_answer_is_no_cancel(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("replicate", "cancel", troubles.lost_answer())
        with pytest.raises(Unavailable):
            adapter.cancel(task)

    # Errors

    def refusal(self, adapter, emulator, body, status=400, **headers):
        emulator.script("replicate", "submit", troubles.status(status, body=body, **headers))
        with pytest.raises((Refused, Unavailable)) as raised:
            self.accepted(adapter)
        return raised.value

    def test_a_422_names_the_fields_and_not_their_values(self, adapter, emulator):
        wrong = [
            {"type": "invalid", "field": "input.size", "description": f"{PROMPT} is no size"},
            {"type": "required", "field": "input.prompt", "description": PROMPT},
        ]
        body = problem(422, PROMPT, invalid_fields=wrong)
        error = self.refusal(adapter, emulator, body, 422)
        assert error.message == "Wrong: input.size, input.prompt"

    def test_the_detail_of_a_problem_is_kept(self, adapter, emulator):
        error = self.refusal(adapter, emulator, problem(400, "No version was given"))
        assert error.message == "No version was given"

    def test_a_detail_that_repeats_the_key_is_kept_without_it(self, adapter, emulator):
        key = emulator.key("replicate")
        error = self.refusal(adapter, emulator, problem(401, f"{key} is no token"), 401)
        assert error.message == "[key] is no token"

    @pytest.mark.parametrize(
        ("text", "seconds"), [("~30s", 30), ("2s", 2), ("~1.5s", 1.5), ("a while", None)]
    )
    def test_the_reset_time_of_the_rate_limit_is_read_from_the_text(
        self, adapter, emulator, text, seconds
    ):
        detail = f"Request was throttled. Your rate limit resets in {text}."
        error = self.refusal(adapter, emulator, {"detail": detail}, 429)
        assert (error.code, error.retry_after) == (Code.RATE_LIMITED, seconds)

    def test_a_header_takes_precedence_over_the_text(self, adapter, emulator):
        detail = "Request was throttled. Your rate limit resets in ~30s."
        error = self.refusal(adapter, emulator, {"detail": detail}, 429, Retry_After="7")
        assert error.retry_after == 7

    def test_polls_read_the_reset_time_too(self, adapter, emulator):
        task = self.accepted(adapter)
        emulator.script("replicate", "status", troubles.status(429))
        with pytest.raises(Unavailable) as raised:
            adapter.poll(task)
        assert raised.value.retry_after == 30

    # The key

    def test_the_probe_says_nothing_about_the_accounts_owner(self, adapter, emulator):
        assert adapter.probe() == "the key is accepted"
        assert [call.route for call in emulator.log] == ["account"]

    def test_a_probe_that_is_answered_by_something_else_proves_nothing(self, adapter, emulator):
        emulator.script("replicate", "account", troubles.malformed("{}"))
        with pytest.raises(Unavailable):
            adapter.probe()

    def test_there_is_no_balance(self, adapter, emulator):
        assert adapter.balance() is None
        assert emulator.log == []

    # Webhooks

    def given(self, emulator, secret=SECRET):
        """An adapter that is given the secret."""
        base_url, key = emulator.base_url("replicate"), emulator.key("replicate")
        return ReplicateProvider(base_url, key, webhook_secret=secret)

    def own_key(self, emulator):
        """The secret with which the emulator signs for the account of `adapter`."""
        secret = signing_secret(fingerprint(emulator.key("replicate")))
        return base64.urlsafe_b64decode(secret.removeprefix("whsec_"))

    def test_a_signed_call_names_task_and_event(self, emulator):
        news = self.given(emulator).read_webhook(signed(b'{"id": "p1"}'), now=NOW)
        assert (news.task_id, news.event_id) == ("p1", "msg_1")
        assert emulator.log == []

    def test_the_published_example_of_the_scheme_is_proven(self):
        secret = SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", read=str)
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        check_call(WebhookCall(b'{"test": 2432232314}', headers), secret, now=1614265330)
        with pytest.raises(WebhookForged):
            check_call(WebhookCall(b'{"test": 2432232315}', headers), secret, now=1614265330)

    def test_a_call_that_is_repeated_is_the_same_event(self, emulator):
        adapter = self.given(emulator)
        calls = [signed(b'{"id": "p1"}', timestamp=NOW + late) for late in (0, 60)]
        assert len({adapter.read_webhook(call, now=NOW).event_id for call in calls}) == 1

    def test_one_right_signature_among_several_is_enough(self, emulator):
        call = signed(b'{"id": "p1"}', before="v1,AAAA v2,BBBB v1,!!! v1 ")
        assert self.given(emulator).read_webhook(call, now=NOW).task_id == "p1"

    @pytest.mark.parametrize(
        "secret", [SECRET, SECRET + "=", SECRET.removeprefix("whsec_"), f" {SECRET}\n"]
    )
    def test_the_secret_is_read_however_it_is_written(self, emulator, secret):
        adapter = self.given(emulator, secret)
        assert adapter.read_webhook(signed(b'{"id": "p1"}'), now=NOW).task_id == "p1"

    @pytest.mark.parametrize("age", [-300, 300])
    def test_a_call_within_five_minutes_is_believed(self, emulator, age):
        call = signed(b'{"id": "p1"}', timestamp=NOW - age)
        assert self.given(emulator).read_webhook(call, now=NOW).task_id == "p1"

    @pytest.mark.parametrize(
        "changes",
        [
            {"key": b"another"},
            {"timestamp": NOW - 301},
            {"timestamp": NOW + 301},
            {"prefix": "v2,"},
            {"prefix": ""},
            {"webhook-id": "msg_2"},
            {"webhook-id": ""},
            {"webhook-timestamp": str(NOW + 1)},
            {"webhook-timestamp": "now"},
            {"webhook-timestamp": ""},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,"},
            {"webhook-signature": "v1,ü"},
        ],
        ids=str,
    )
    def test_a_call_with_a_wrong_signature_is_forged(self, emulator, changes):
        with pytest.raises(WebhookForged):
            self.given(emulator).read_webhook(signed(b'{"id": "p1"}', **changes), now=NOW)

    @pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"id": 7}', b'{"id": ""}'])
    def test_a_signed_call_without_a_task_is_refused(self, emulator, body):
        with pytest.raises(WebhookForged):
            self.given(emulator).read_webhook(signed(body), now=NOW)

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_***", "whsec_ü"])
    def test_an_invalid_secret_proves_nothing(self, emulator, secret):
        for key in (b"", KEY):
            call = signed(b'{"id": "p1"}', key=key)
            with pytest.raises(WebhookForged):
                self.given(emulator, secret).read_webhook(call, now=NOW)

    def test_the_secret_is_read_once_with_the_key(self, adapter, emulator):
        for n in range(3):
            call = signed(b'{"id": "p1"}', key=self.own_key(emulator), event_id=f"msg_{n}")
            adapter.read_webhook(call, now=NOW)
        [read] = emulator.calls("replicate", "secret")
        assert read.account == fingerprint(emulator.key("replicate"))

    def test_nothing_is_read_for_calls_without_a_signature_or_out_of_time(self, adapter, emulator):
        for call in (WebhookCall(b"{}", {}), signed(b"{}", timestamp=NOW - 301)):
            with pytest.raises(WebhookForged):
                adapter.read_webhook(call, now=NOW)
        assert emulator.log == []

    def test_a_replaced_secret_is_read_again(self, adapter, emulator):
        emulator.script("replicate", "secret", Trouble(status=200, body={"key": SECRET}))
        adapter.read_webhook(signed(b'{"id": "p1"}'), now=NOW)
        call = signed(b'{"id": "p1"}', key=self.own_key(emulator))
        assert adapter.read_webhook(call, now=NOW + 60).task_id == "p1"
        with pytest.raises(WebhookForged):
            adapter.read_webhook(signed(b'{"id": "p1"}'), now=NOW + 61)

    def test_forged_calls_have_the_secret_read_once_a_minute(self, adapter, emulator):
        for second in (0, 1, 59, 60, 61, 119, 120):
            with pytest.raises(WebhookForged):
                adapter.read_webhook(signed(b'{"id": "p1"}', key=b"no"), now=NOW + second)
        assert len(emulator.calls("replicate", "secret")) == 3

    @pytest.mark.parametrize(
        "trouble",
        [
            troubles.status(401),
            troubles.status(500),
            troubles.lost_answer(),
            troubles.malformed("{}"),
        ],
        ids=["key", "server", "lost", "odd"],
    )
    def test_a_secret_that_cannot_be_read_proves_nothing_until_it_can(
        self, adapter, emulator, trouble
    ):
        emulator.script("replicate", "secret", trouble)
        call = signed(b'{"id": "p1"}', key=self.own_key(emulator))
        for second in (0, 59):
            with pytest.raises(WebhookForged):
                adapter.read_webhook(call, now=NOW + second)
        assert adapter.read_webhook(call, now=NOW + 60).task_id == "p1"
        assert len(emulator.calls("replicate", "secret")) == 2

    def test_a_given_secret_is_never_read_again(self, emulator):
        adapter = self.given(emulator)
        with pytest.raises(WebhookForged):
            adapter.read_webhook(signed(b'{"id": "p1"}', key=self.own_key(emulator)), now=NOW)
        assert emulator.log == []

    def test_the_body_of_a_call_is_the_prediction(self, adapter, emulator):
        emulator.script("replicate", "submit", troubles.failed("E1001"))
        task_id, call = self.webhook(adapter, emulator, SEEDREAM_4_5)
        assert json.loads(call.body)["status"] == "failed"
        assert adapter.read_webhook(call, now=time.time()).task_id == task_id

    # References

    def test_references_are_fetched_by_the_provider(self, adapter, emulator):
        made = adapter.poll(self.accepted(adapter)).images[0]
        emulator.fetch_references = True
        task = self.accepted(adapter, references=(at(made.url),))
        emulator.wait()
        assert len(adapter.poll(task).images) == 1
        assert [content[:2] for content in emulator.references] == [b"\xff\xd8"]

    def test_a_reference_out_of_reach_fails_the_prediction(self, adapter, emulator):
        emulator.fetch_references = True
        task = self.accepted(adapter, references=(at(f"{emulator.root}/nothing.jpg"),))
        emulator.wait()
        with pytest.raises(TaskFailed) as raised:
            adapter.poll(task)
        assert raised.value.code == Code.INVALID_REQUEST

    # What may be requested together

    @pytest.mark.parametrize(("references", "images", "fits"), [(5, 10, True), (6, 10, False)])
    def test_references_and_images_of_a_set_are_fifteen_together(
        self, adapter, emulator, references, images, fits
    ):
        request = self.ask(
            SEEDREAM_4_5,
            sequential=True,
            num_images=images,
            references=tuple(reference(n) for n in range(references)),
        )
        if fits:
            validate(SEEDREAM_4_5, request)
            self.submit(adapter, request)
            return
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, request)
        with pytest.raises(Refused):
            self.submit(adapter, request)


def test_the_engine_is_what_the_pages_say():
    assert (SEEDREAM_4_5.name, SEEDREAM_4_5.model) == (
        "replicate/seedream-4-5",
        "bytedance/seedream-4.5",
    )
    assert (ABLE.prompt_limit, ABLE.max_references, ABLE.max_images_and_references) == (
        4000,
        14,
        15,
    )
    assert (ABLE.images_per_request, ABLE.images_per_sequence) == (1, 15)
    assert (ABLE.exact_sizes, ABLE.resolutions) == (False, ("2K", "4K", "custom"))
    assert set(ABLE.aspect_ratios("4K")) == {
        "1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9"
    }  # fmt: skip
    assert set(ABLE.polls.values()) == {PollSchedule(3, 3)}
    assert ABLE.link_life_seconds == 3600
    assert ABLE.deadline_seconds > 1800
    assert not any((ABLE.takes_idempotency_key, ABLE.answers_at_once, ABLE.negative_prompt))
    assert ABLE.seed is ABLE.guidance_scale is None


def test_every_tier_has_its_price():
    prices = {price.tier: (price.credits, price.cost_usd) for price in SEEDREAM_4_5.prices}
    assert prices == dict.fromkeys(ABLE.resolutions, (6, Decimal("0.06")))


def test_page_advice_is_found_by_the_codes_it_is_for():
    documented = {case.raw_code for case in TestReplicate.fail_cases} | {"data_removed"}
    assert PAGE_ADVICE.keys() <= {plain_code(code) for code in documented}
