"""APIXO by its page: the contract of all adapters, then what is special to APIXO."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from generations.providers.apixo import PAGE_ADVICE, SEEDREAM_4_5, ApixoProvider
from generations.providers.capabilities import PollSchedule
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderFailed,
    Refused,
    TaskFailed,
    Unavailable,
)
from generations.providers.types import ImageError, ReferenceInput, RemoteImage, TaskRef
from tests.emulator import Trouble, troubles
from tests.generations.providers.contract import (
    FailCase,
    HttpCase,
    TaskContract,
    reference,
)

ABLE = SEEDREAM_4_5.capabilities


def envelope(code, message):
    return {"code": code, "message": message, "data": None}


def at(link):
    return ReferenceInput(sha256="0" * 64, width=64, height=64, link=link)


class TestApixo(TaskContract):
    adapter_class = ApixoProvider
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(400, Refused, Code.PROMPT_REJECTED, envelope("PROMPT_TOO_LONG", "too long")),
        HttpCase(400, Refused, Code.INVALID_REQUEST, "not an envelope"),
        HttpCase(401, Refused, Code.AUTH),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE),
        HttpCase(403, Refused, Code.FORBIDDEN, envelope(403, "Key cannot access this model")),
        HttpCase(403, Refused, Code.CONTENT_POLICY, envelope(403, "The content is blocked")),
        HttpCase(403, Refused, Code.CONTENT_POLICY, envelope("NSFW_DETECTED", "refused")),
        HttpCase(404, Refused, Code.NOT_FOUND),
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(502, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        # "200 means the task was accepted"; any other code in a 200 answer is an error.
        HttpCase(200, Refused, Code.INSUFFICIENT_BALANCE, envelope(402, "Insufficient balance")),
        HttpCase(200, Unavailable, Code.RATE_LIMITED, envelope(429, "Slow down")),
        HttpCase(200, ProviderFailed, Code.PROVIDER_ERROR, envelope(500, "Server error")),
        HttpCase(200, OutcomeUnknown, Code.OUTCOME_UNKNOWN, envelope(504, "Upstream timeout")),
    )
    fail_cases = (
        FailCase("SensitiveContentDetected", Code.CONTENT_POLICY),
        FailCase("InputOutputSensitiveContentDetected", Code.CONTENT_POLICY),
        FailCase("PromptInvalid", Code.PROMPT_REJECTED),
        FailCase("BadRequest", Code.INVALID_REQUEST),
        FailCase("InvalidImageSize", Code.REFERENCE_REJECTED),
        FailCase("ImageFormatIncorrect", Code.REFERENCE_REJECTED),
        FailCase("Upload error", Code.REFERENCE_REJECTED),
        FailCase("RateLimitExceeded", Code.RATE_LIMITED),
        FailCase("Timeout", Code.TIMEOUT),
        FailCase("StreamError", Code.PROVIDER_ERROR),
        FailCase("FinalizeError", Code.PROVIDER_ERROR),
        FailCase("Validation error", Code.INVALID_REQUEST),
        FailCase("UpstreamError", Code.PROVIDER_ERROR),
        FailCase("SensitiveContent", Code.CONTENT_POLICY),
        FailCase("InputImageSensitiveContentDetected", Code.CONTENT_POLICY),
        FailCase("NSFW", Code.CONTENT_POLICY),
        FailCase("ProhibitedContentDetected", Code.CONTENT_POLICY),
        FailCase("PromptLengthExceeded", Code.PROMPT_REJECTED),
        FailCase("CONTENT_VIOLATION", Code.CONTENT_POLICY),
        FailCase("NSFW_DETECTED", Code.CONTENT_POLICY),
        FailCase("PROMPT_TOO_LONG", Code.PROMPT_REJECTED),
        FailCase("INVALID_PROMPT", Code.PROMPT_REJECTED),
        FailCase("INVALID_IMAGE_URL", Code.REFERENCE_REJECTED),
        FailCase("IMAGE_TOO_LARGE", Code.REFERENCE_REJECTED),
        FailCase("UNSUPPORTED_FORMAT", Code.REFERENCE_REJECTED),
        FailCase("IMAGE_DOWNLOAD_FAILED", Code.REFERENCE_REJECTED),
        FailCase("PROCESSING_TIMEOUT", Code.TIMEOUT),
        FailCase("MODEL_UNAVAILABLE", Code.PROVIDER_ERROR),
        FailCase("GENERATION_FAILED", Code.PROVIDER_ERROR),
        FailCase("INSUFFICIENT_CREDITS", Code.INSUFFICIENT_BALANCE),
        # Documented codes in another spelling.
        FailCase("sensitive content detected", Code.CONTENT_POLICY),
        FailCase("UPLOAD_ERROR", Code.REFERENCE_REJECTED),
    )

    def sent(self, adapter, emulator, **changes):
        self.submit(adapter, self.ask(SEEDREAM_4_5, **changes))
        return emulator.submits("apixo")[-1].body

    def test_text_to_image_sends_every_field_of_the_page(self, adapter, emulator):
        body = self.sent(adapter, emulator, num_images=2, resolution="2K", aspect_ratio="16:9")
        assert body == {
            "request_type": "async",
            "input": {
                "mode": "text-to-image",
                "prompt": self.ask(SEEDREAM_4_5).prompt,
                "max_images": 2,
                "resolution": "2K",
                "aspect_ratio": "16:9",
                "sequential_image_generation": "disabled",
            },
        }

    def test_image_to_image_sends_links_and_sequence(self, adapter, emulator):
        references = (reference(1), reference(2))
        body = self.sent(adapter, emulator, references=references, sequential=True, num_images=3)
        assert body["input"]["mode"] == "image-to-image"
        assert body["input"]["image_urls"] == [each.link for each in references]
        assert body["input"]["sequential_image_generation"] == "auto"
        assert body["input"]["max_images"] == 3

    def test_max_images_is_sent_for_one_image_too(self, adapter, emulator):
        assert self.sent(adapter, emulator, num_images=1)["input"]["max_images"] == 1

    def test_callback_mode_carries_the_address(self, adapter, emulator):
        url = "https://studio.example/hooks/apixo/token/"
        body = self.sent(adapter, emulator, webhook_url=url)
        assert (body["request_type"], body["callback_url"]) == ("callback", url)

    def test_without_a_format_the_field_is_left_out(self, adapter, emulator):
        assert "aspect_ratio" not in self.sent(adapter, emulator, aspect_ratio="")["input"]

    def test_links_live_15_days_from_completion(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        result = self.poll(adapter, request, accepted)
        ended = datetime.fromtimestamp(
            int(emulator.tasks[accepted.task_id].ended * 1000) / 1000, UTC
        )
        assert {image.expires_at for image in result.images} == {ended + timedelta(days=15)}

    @pytest.mark.parametrize("complete_time", [None, "soon", 10**30, -1])
    def test_an_invalid_completion_time_loses_no_image(self, adapter, emulator, complete_time):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apixo", "status", Trouble(extra={"completeTime": complete_time}))
        assert len(self.poll(adapter, request, accepted).images) == 2

    def test_an_invalid_link_fails_only_its_own_image(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        urls = '{"resultUrls": ["https://cdn.example/1.png", null]}'
        emulator.script("apixo", "status", Trouble(extra={"resultJson": urls}))
        first, second = self.poll(adapter, request, accepted).images
        assert isinstance(first, RemoteImage)
        assert isinstance(second, ImageError)

    @pytest.mark.parametrize("result", ["", "{", "{}", '{"resultUrls": []}', "[" * 100_000, None])
    def test_a_success_without_readable_images_is_polled_again(self, adapter, emulator, result):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apixo", "status", Trouble(extra={"resultJson": result}))
        with pytest.raises(Unavailable) as raised:
            self.poll(adapter, request, accepted)
        assert raised.value.code == Code.BAD_RESPONSE

    def test_an_answer_about_another_task_is_rejected(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apixo", "status", Trouble(extra={"taskId": "task_of_someone_else"}))
        with pytest.raises(Unavailable):
            self.poll(adapter, request, accepted)

    def test_only_the_state_counts_not_the_code(self, adapter, emulator):
        emulator.script("apixo", "submit", troubles.failed("Timeout"))
        request = self.ask(SEEDREAM_4_5)
        accepted = self.submit(adapter, request)
        emulator.script("apixo", "status", Trouble(extra={"code": 500, "message": "failed"}))
        with pytest.raises(TaskFailed):
            self.poll(adapter, request, accepted)

    def test_an_error_in_a_200_to_a_poll_is_told_by_its_code(self, adapter, emulator):
        emulator.script("apixo", "status", Trouble(status=200, body=envelope(429, "Slow down")))
        with pytest.raises(Unavailable) as raised:
            adapter.poll(TaskRef(task_id="task_1", model="seedream-4-5"))
        assert raised.value.code == Code.RATE_LIMITED

    def test_a_task_id_with_special_characters_stays_one_parameter(self, adapter, emulator):
        with pytest.raises(Refused):
            adapter.poll(TaskRef(task_id="a&b=c/../d", model="seedream-4-5"))
        assert emulator.polls("apixo")[0].query == {"taskId": "a&b=c/../d"}

    def test_what_no_database_stores_is_replaced(self, adapter, emulator):
        emulator.script("apixo", "submit", troubles.failed("Bad\0Request", "\ud800" * 1000))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(SEEDREAM_4_5))
        assert "\0" not in raised.value.raw_code
        raised.value.message.encode()
        assert len(raised.value.message) <= 500

    def test_the_balance_is_in_dollars(self, adapter, emulator):
        before = adapter.balance()
        emulator.seconds = 3600
        self.submit(adapter, self.ask(SEEDREAM_4_5, num_images=4))
        after = adapter.balance()
        assert (after.unit, before.amount - after.amount) == ("USD", Decimal("0.14"))

    def test_an_invalid_balance_raises(self, adapter, emulator):
        emulator.script("apixo", "balance", Trouble(status=200, body=envelope(200, "success")))
        with pytest.raises(Unavailable):
            adapter.balance()

    def test_references_are_fetched_by_the_provider(self, adapter, emulator):
        made = self.bring(adapter, self.ask(SEEDREAM_4_5, num_images=1)).images[0]
        emulator.fetch_references = True
        request = self.ask(SEEDREAM_4_5, references=(at(made.url),))
        accepted = self.submit(adapter, request)
        emulator.wait()
        assert len(self.poll(adapter, request, accepted).images) == 2
        assert [content[:2] for content in emulator.references] == [b"\xff\xd8"]

    def test_a_reference_out_of_reach_fails_the_task(self, adapter, emulator):
        emulator.fetch_references = True
        request = self.ask(SEEDREAM_4_5, references=(at(f"{emulator.root}/nothing.jpg"),))
        accepted = self.submit(adapter, request)
        emulator.wait()
        with pytest.raises(TaskFailed) as raised:
            self.poll(adapter, request, accepted)
        assert raised.value.code == Code.INVALID_REQUEST


def test_the_engine_is_what_the_page_says():
    assert (SEEDREAM_4_5.name, SEEDREAM_4_5.model) == ("apixo/seedream-4-5", "seedream-4-5")
    assert (ABLE.prompt_limit, ABLE.max_images, ABLE.max_references) == (5000, 10, 14)
    assert ABLE.polls == {"2K": PollSchedule(20, 4), "4K": PollSchedule(30, 5)}
    assert not any((ABLE.takes_idempotency_key, ABLE.can_cancel, ABLE.answers_at_once))
    assert ABLE.seed is ABLE.guidance_scale is None
    assert {price.tier: (price.credits, price.cost_usd) for price in SEEDREAM_4_5.prices} == {
        "2K": (4, Decimal("0.035")),
        "4K": (4, Decimal("0.035")),
    }


def test_page_advice_is_found_by_the_codes_it_is_for():
    documented = {case.raw_code for case in TestApixo.fail_cases} | {"403"}
    plain = {"".join(filter(str.isalnum, code.casefold())) for code in documented}
    assert PAGE_ADVICE.keys() <= plain
