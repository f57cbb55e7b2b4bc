"""ModelArk by its pages: the contract of all adapters, then what is special to ModelArk."""

import contextlib
import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from generations.providers.capabilities import CUSTOM
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderFailed,
    Refused,
    Unavailable,
    UnsupportedOption,
)
from generations.providers.modelark.adapter import ModelArkProvider
from generations.providers.modelark.engines import (
    SEEDREAM_4_0,
    SEEDREAM_4_5,
    SEEDREAM_5_0_LITE,
    SEEDREAM_5_0_PRO,
)
from generations.providers.modelark.errors import PAGE_ADVICE
from generations.providers.types import ImageError, RemoteImage
from generations.providers.validation import validate
from tests.emulator import Trouble, troubles
from tests.generations.providers.contract import HttpCase, ProviderContract, reference


def error(code, message="", status=400):
    return {"error": {"code": code, "message": message, "param": "", "type": str(status)}}


def case(status, kind, code, raw_code, message=""):
    return HttpCase(status, kind, code, error(raw_code, message, status))


REFUSED_CONTENT = (
    "SensitiveContentDetected",
    "SensitiveContentDetected.SevereViolation",
    "SensitiveContentDetected.Violence",
    "InputTextSensitiveContentDetected",
    "InputTextSensitiveContentDetected.PolicyViolation",
    "InputImageSensitiveContentDetected",
    "InputImageSensitiveContentDetected.PolicyViolation",
    "InputImageSensitiveContentDetected.PrivacyInformation",
    "OutputImageSensitiveContentDetected",
    "InputTextRiskDetection",
    "InputImageRiskDetection",
    "OutputImageRiskDetection",
)
TOO_MANY = (
    "ModelAccountIpmRateLimitExceeded",
    "ModelAccountRpmRateLimitExceeded",
    "ModelAccountTpmRateLimitExceeded",
    "RateLimitExceeded.EndpointRPMExceeded",
    "RateLimitExceeded.EndpointTPMExceeded",
    "APIAccountRpmRateLimitExceeded",
    "AccountRateLimitExceeded",
    "InflightBatchsizeExceeded",
    "RequestBurstTooFast",
)


class TestModelArk(ProviderContract):
    adapter_class = ModelArkProvider
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(400, Refused, Code.INVALID_REQUEST, {"error": "not an object"}),
        HttpCase(400, Refused, Code.INVALID_REQUEST, ["not an envelope"]),
        case(400, Refused, Code.INVALID_REQUEST, "MissingParameter"),
        case(400, Refused, Code.INVALID_REQUEST, "MissingParameter.prompt"),
        case(400, Refused, Code.INVALID_REQUEST, "InvalidParameter.UnsupportedParameter"),
        case(400, Refused, Code.INVALID_REQUEST, "InvalidArgumentError.UnknownRole"),
        case(400, Refused, Code.INVALID_REQUEST, "OutofContextError"),
        case(400, Refused, Code.REFERENCE_REJECTED, "InvalidImageURL.InvalidFormat"),
        case(400, Unavailable, Code.PROVIDER_ERROR, "InvalidEndpoint.ClosedEndpoint"),
        case(400, Unavailable, Code.PROVIDER_ERROR, "ContentSecurityDetectionError"),
        *(case(400, Refused, Code.CONTENT_POLICY, raw_code) for raw_code in REFUSED_CONTENT),
        HttpCase(401, Refused, Code.AUTH),
        case(403, Refused, Code.INSUFFICIENT_BALANCE, "AccountOverdueError"),
        case(403, Refused, Code.INSUFFICIENT_BALANCE, "OperationDenied.ServiceOverdue"),
        case(403, Refused, Code.FORBIDDEN, "OperationDenied.ServiceNotOpen"),
        case(403, Refused, Code.FORBIDDEN, "AccessDenied"),
        case(403, Refused, Code.FORBIDDEN, "InvalidAccountStatus"),
        HttpCase(404, Refused, Code.NOT_FOUND),
        case(404, Refused, Code.NOT_FOUND, "InvalidEndpointOrModel.ModelIDAccessDisabled"),
        case(404, Refused, Code.NOT_FOUND, "ModelNotOpen"),
        case(404, Refused, Code.NOT_FOUND, "UnsupportedModel"),
        # One status with four meanings.
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        *(case(429, Unavailable, Code.RATE_LIMITED, raw_code) for raw_code in TOO_MANY),
        case(429, Unavailable, Code.PROVIDER_ERROR, "ServerOverloaded"),
        case(429, Refused, Code.INSUFFICIENT_BALANCE, "SetLimitExceeded"),
        case(429, Refused, Code.INSUFFICIENT_BALANCE, "QuotaExceeded", "free quota is used up"),
        case(429, Unavailable, Code.RATE_LIMITED, "QuotaExceeded", "too many queued tasks"),
        case(429, Unavailable, Code.RATE_LIMITED, "QuotaExceeded", "当前排队任务数超过限制"),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(502, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        # The status decides for an undocumented code.
        case(400, Refused, Code.INVALID_REQUEST, "SomethingNew"),
        case(429, Unavailable, Code.RATE_LIMITED, "SomethingNew"),
    )

    def reference_as_sent(self, each):
        return b64encode(each.data).decode()

    def sent(self, adapter, emulator, engine=SEEDREAM_4_5, **changes):
        self.submit(adapter, self.ask(engine, **changes))
        return emulator.submits("modelark")[-1].body

    def answered(self, adapter, emulator, body, engine=SEEDREAM_4_5):
        """The result of an answer in one piece, after the provider carried out the request."""
        emulator.script("modelark", "submit", Trouble(status=200, body=body, accept=True))
        return self.submit(adapter, self.ask(engine))

    # Where the contract's own request does not fit

    def test_references_arrive_in_their_order(self, adapter, emulator, engine):
        """The contract's references have the same bytes, and ModelArk is sent bytes."""
        references = tuple(replace(reference(n), data=b"picture %d" % n) for n in (2, 1))
        body = self.sent(adapter, emulator, engine, references=references)
        prefix = "data:image/jpeg;base64,"
        assert body["image"] == [prefix + self.reference_as_sent(each) for each in references]

    # What is sent

    def test_one_image_sends_every_field_that_matters(self, adapter, emulator):
        assert self.sent(adapter, emulator, resolution="2K", aspect_ratio="16:9") == {
            "model": "seedream-4-5-251128",
            "prompt": self.ask(SEEDREAM_4_5).prompt,
            "size": "2848x1600",
            "response_format": "url",
            "watermark": False,
            "sequential_image_generation": "disabled",
        }

    def test_a_set_is_streamed_and_says_how_many_images_at_most(self, adapter, emulator):
        body = self.sent(adapter, emulator, sequential=True, num_images=3)
        assert body["sequential_image_generation"] == "auto"
        assert body["sequential_image_generation_options"] == {"max_images": 3}
        assert body["stream"] is True

    def test_the_pro_model_is_sent_nothing_about_sets(self, adapter, emulator):
        body = self.sent(adapter, emulator, SEEDREAM_5_0_PRO, output_format="png")
        assert body == {
            "model": "dola-seedream-5-0-pro-260628",
            "prompt": self.ask(SEEDREAM_5_0_PRO).prompt,
            "size": "1024x1024",
            "response_format": "url",
            "watermark": False,
            "output_format": "png",
        }

    def test_one_reference_is_a_text_with_its_type_in_lower_case(self, adapter, emulator):
        picture = replace(reference(1), mime_type="image/PNG", data=b"\x89PNG")
        body = self.sent(adapter, emulator, references=(picture,))
        assert body["image"] == "data:image/png;base64,iVBORw=="

    def test_references_and_a_set_together_are_at_most_fifteen(self, adapter, emulator):
        references = tuple(reference(n) for n in range(5))
        request = self.ask(SEEDREAM_4_5, references=references, sequential=True, num_images=10)
        validate(SEEDREAM_4_5, request)
        self.submit(adapter, request)
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, replace(request, num_images=11))

    @pytest.mark.parametrize("size", [(2560, 1439), (4097, 4096), (9601, 600)])
    def test_pixels_outside_the_limits_are_refused_before_sending(self, size):
        request = self.ask(
            SEEDREAM_4_5, resolution=CUSTOM, aspect_ratio="", width=size[0], height=size[1]
        )
        with pytest.raises(UnsupportedOption):
            validate(SEEDREAM_4_5, request)

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"size": "1K"}, 400),
            ({"size": "adaptive"}, 400),
            ({"size": "2K 2848x1600"}, 400),
            ({"size": "1024x1024"}, 400),
            ({"size": "16384x480"}, 400),
            ({"seed": 1}, 400),
            ({"n": 2}, 400),
            ({"output_format": "png"}, 400),
            ({"image": "data:image/PNG;base64,iVBORw=="}, 400),
            ({"image": ["https://cdn.example/1.png"] * 15}, 400),
            ({"sequential_image_generation_options": {"max_images": 2}}, 400),
            ({"model": "seedream-4-5"}, 404),
            ({"size": "2K"}, 200),
            ({"sequential_image_generation": "auto"}, 200),
        ],
    )
    def test_the_emulator_is_as_strict_as_the_page(self, adapter, emulator, changes, status):
        payload = adapter.build_submit(self.ask(SEEDREAM_4_5))
        body = json.dumps(json.loads(payload.body) | changes).encode()
        with contextlib.suppress(Refused):
            adapter.submit(replace(payload, body=body), timeout=60)
        [call] = emulator.submits("modelark")
        assert (call.status, call.accepted) == (status, status == 200)

    # What comes back

    def test_links_live_for_a_day(self, adapter, emulator):
        result = self.submit(adapter, self.ask(SEEDREAM_4_5))
        [task] = emulator.tasks.values()
        made = datetime.fromtimestamp(int(task.created), UTC)
        assert result.images[0].expires_at == made + timedelta(hours=24)

    @pytest.mark.parametrize("created", [None, "soon", 10**30, True])
    def test_an_invalid_time_loses_no_image(self, adapter, emulator, created):
        emulator.script("modelark", "submit", Trouble(extra={"created": created}))
        [image] = self.submit(adapter, self.ask(SEEDREAM_4_5)).images
        assert isinstance(image, RemoteImage)
        assert image.expires_at is None

    def test_the_record_has_the_model_and_figures_and_no_links(self, adapter, emulator):
        result = self.submit(adapter, self.ask(SEEDREAM_5_0_LITE, references=(reference(1),)))
        assert result.model == "seedream-5-0"
        assert result.raw == {
            "usage": {
                "generated_images": 1,
                "input_images": 1,
                "output_tokens": 16384,
                "total_tokens": 16384,
            },
            "size": "2048x2048",
        }
        assert result.request_id.startswith("0217")

    def test_an_error_beside_an_image_takes_only_its_own_place(self, adapter, emulator):
        refused = {"code": "OutputImageSensitiveContentDetected", "message": "no"}
        data = [{"error": refused}, {"url": "https://cdn.example/1", "size": "2048x2048"}, {}, None]
        usage = {"generated_images": 1}
        result = self.answered(adapter, emulator, {"data": data, "usage": usage})
        first, second, *others = result.images
        assert (first.code, first.raw_code) == (Code.CONTENT_POLICY, refused["code"])
        assert second.url == "https://cdn.example/1"
        assert [each.code for each in others] == [Code.BAD_RESPONSE] * 2

    def test_an_unknown_code_of_an_image_means_trouble_at_the_provider(self, adapter, emulator):
        data = [{"url": "https://cdn.example/1"}, {"error": {"code": "SomethingNew"}}]
        _image, lost = self.answered(adapter, emulator, {"data": data}).images
        assert lost == ImageError(code=Code.PROVIDER_ERROR, raw_code="SomethingNew")

    @pytest.mark.parametrize(
        ("raw_code", "kind", "code"),
        [
            ("OutputImageSensitiveContentDetected", Refused, Code.CONTENT_POLICY),
            ("QuotaExceeded", Refused, Code.INSUFFICIENT_BALANCE),
            ("ServerOverloaded", Unavailable, Code.PROVIDER_ERROR),
            # The count says that nothing was made, so there is no doubt.
            ("InternalServiceError", Unavailable, Code.PROVIDER_ERROR),
            ("SomethingNew", Refused, Code.PROVIDER_ERROR),
        ],
    )
    def test_nothing_but_errors_is_what_the_first_code_means(
        self, adapter, emulator, raw_code, kind, code
    ):
        body = {
            "data": [{"error": {"code": raw_code, "message": "no. Request id: 0217ab"}}],
            "usage": {"generated_images": 0},
        }
        with pytest.raises(kind) as raised:
            self.answered(adapter, emulator, body)
        assert (raised.value.code, raised.value.raw_code) == (code, raw_code)
        assert raised.value.request_id == "0217ab"

    def test_an_error_for_the_whole_answer_is_a_refusal(self, adapter, emulator):
        body = error("InputTextRiskDetection", "no") | {"data": [], "usage": {}}
        with pytest.raises(Refused) as raised:
            self.answered(adapter, emulator, body)
        assert raised.value.code == Code.CONTENT_POLICY

    @pytest.mark.parametrize(
        "body",
        [
            {"data": []},
            {"data": [{}]},
            {"data": [{"url": ""}], "usage": {"generated_images": 1}},
            # One of the two may have been made and billed.
            {"data": [{"url": 7}, {"error": {"code": "InputTextRiskDetection"}}]},
            {"data": [{"error": {"code": "InternalServiceError"}}]},
            {"data": [{"error": {"code": "SomethingNew"}}], "usage": {"generated_images": 1}},
            {"data": {"url": "https://cdn.example/1"}},
        ],
    )
    def test_no_image_and_no_reason_leaves_the_outcome_unknown(self, adapter, emulator, body):
        with pytest.raises(OutcomeUnknown):
            self.answered(adapter, emulator, body)

    def test_a_refusal_of_the_emulated_kind(self, adapter, emulator):
        emulator.script("modelark", "submit", troubles.failed("InputTextRiskDetection"))
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.code == Code.CONTENT_POLICY

    def test_the_request_id_is_read_in_the_message_where_no_header_has_it(self, adapter, emulator):
        body = error("InvalidParameter", "The size is wrong. Request id: 0217abc-9")
        emulator.script("modelark", "submit", troubles.status(400, body=body))
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.request_id == "0217abc-9"

    def test_the_request_id_of_the_header_takes_precedence(self, adapter, emulator):
        body = error("InvalidParameter", "no. Request id: 0217abc")
        trouble = Trouble(status=400, body=body, headers={"X-Request-Id": "0217def"})
        emulator.script("modelark", "submit", trouble)
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert raised.value.request_id == "0217def"

    # What it costs

    @pytest.mark.parametrize(
        ("model", "changes", "cost"),
        [
            (SEEDREAM_4_0, {"resolution": "1K"}, "0.03"),
            (SEEDREAM_4_5, {"resolution": "4K"}, "0.04"),
            (SEEDREAM_4_5, {"sequential": True, "num_images": 3}, "0.12"),
            (SEEDREAM_5_0_LITE, {"resolution": "3K"}, "0.035"),
            (SEEDREAM_5_0_PRO, {"resolution": "1K"}, "0.045"),
            (SEEDREAM_5_0_PRO, {"resolution": "1.5K"}, "0.045"),
            (SEEDREAM_5_0_PRO, {"resolution": "1.5K", "aspect_ratio": "4:3"}, "0.09"),
            (SEEDREAM_5_0_PRO, {"resolution": "2K"}, "0.09"),
            (SEEDREAM_5_0_PRO, {"references": (reference(1),)}, "0.045"),
            (SEEDREAM_5_0_PRO, {"references": tuple(map(reference, range(3)))}, "0.051"),
        ],
    )
    def test_the_cost_follows_the_images_billed(self, adapter, emulator, model, changes, cost):
        assert self.submit(adapter, self.ask(model, **changes)).cost_usd == Decimal(cost)

    def test_images_refused_within_a_set_cost_nothing(self, adapter, emulator):
        emulator.script("modelark", "submit", troubles.partial(1))
        result = self.submit(adapter, self.ask(SEEDREAM_4_5, sequential=True, num_images=3))
        assert result.cost_usd == Decimal("0.04")

    @pytest.mark.parametrize(
        "extra",
        [{"usage": None}, {"usage": {}}, {"model": "ep-2026-abc"}, {"model": "seedream-5-0-flash"}],
    )
    def test_an_unknown_cost_is_none(self, adapter, emulator, extra):
        emulator.script("modelark", "submit", Trouble(extra=extra))
        assert self.submit(adapter, self.ask(SEEDREAM_4_5)).cost_usd is None


def test_page_advice_is_found_by_the_codes_it_is_for():
    documented = {
        case.body["error"]["code"]
        for case in TestModelArk.http_cases
        if isinstance(case.body, dict) and isinstance(case.body["error"], dict)
    }
    plain = {"".join(filter(str.isalnum, code.casefold())) for code in documented}
    assert PAGE_ADVICE.keys() <= plain
