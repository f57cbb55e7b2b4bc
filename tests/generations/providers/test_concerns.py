"""What a refusal concerns: the request, the key, or one engine at the key; or that is unclear."""

import pytest

from generations.providers import registry
from generations.providers.concerns import Concern
from generations.providers.errors import Code, Refused, TaskFailed, Unavailable

REQUEST, KEY, ENGINE, UNCLEAR = Concern


def concern(provider, code, raw_code="", message=""):
    error = Refused(message, code=code, raw_code=raw_code)
    return registry.adapter_class(provider).concern_of(error)


@pytest.mark.parametrize("provider", registry.provider_names())
class TestEveryProvider:
    @pytest.mark.parametrize("code", [Code.AUTH, Code.INSUFFICIENT_BALANCE])
    def test_a_refused_key_and_an_empty_account_concern_the_key(self, provider, code):
        assert concern(provider, code) == KEY

    @pytest.mark.parametrize(
        ("raw_code", "message"),
        [
            ("404", "Model not found"),
            ("404", "Model route or task ID was not found"),
            ("model_not_available", "Model or task is unavailable to the caller"),
            ("404", ""),
        ],
    )
    def test_an_unknown_model_concerns_the_engine(self, provider, raw_code, message):
        assert concern(provider, Code.NOT_FOUND, raw_code, message) == ENGINE

    def test_a_missing_image_concerns_the_request(self, provider):
        assert concern(provider, Code.NOT_FOUND, "404", "The image was not found") == REQUEST

    @pytest.mark.parametrize(
        "code", [Code.INVALID_REQUEST, Code.CONTENT_POLICY, Code.REFERENCE_REJECTED]
    )
    def test_an_invalid_request_concerns_the_request(self, provider, code):
        assert concern(provider, code) == REQUEST

    @pytest.mark.parametrize(
        "message",
        [
            "Your account has been suspended.",
            "User is locked. Reason: Admin lock.",
            "This API key was revoked",
            "Your region is not allowed to use this service",
            "Country, region, or territory not supported",
        ],
    )
    def test_text_about_the_account_concerns_the_key(self, provider, message):
        assert concern(provider, Code.FORBIDDEN, "403", message) == KEY

    @pytest.mark.parametrize(
        "message",
        [
            "Key or route cannot access the model",
            "Insufficient permissions",
            "Access denied.",
            "Your plan has no subscription for this model",
        ],
    )
    def test_text_about_access_concerns_the_engine(self, provider, message):
        assert concern(provider, Code.FORBIDDEN, "403", message) == ENGINE

    def test_text_about_content_concerns_the_request(self, provider):
        message = "Blocked by our content moderation"
        assert concern(provider, Code.FORBIDDEN, "403", message) == REQUEST


@pytest.mark.parametrize("provider", ["apiframe", "apipod", "apixo", "seedance"])
class TestOneStatusForTwoThings:
    """These providers use 403 for the key and for content."""

    @pytest.mark.parametrize("message", ["", "Forbidden"])
    def test_an_uninformative_text_is_unclear(self, provider, message):
        assert concern(provider, Code.FORBIDDEN, "403", message) == UNCLEAR

    @pytest.mark.parametrize(
        "message",
        [
            "Your account is suspended for a content violation",
            "Key or route cannot access the model, or content is blocked before task creation",
        ],
    )
    def test_a_text_about_both_is_unclear(self, provider, message):
        assert concern(provider, Code.FORBIDDEN, "403", message) == UNCLEAR


@pytest.mark.parametrize("provider", ["fal", "replicate"])
def test_an_unclear_403_concerns_the_engine_if_content_has_its_own_answer(provider):
    assert concern(provider, Code.FORBIDDEN, "403", "Forbidden") == ENGINE


class TestModelArk:
    """ "Error codes" says what each code concerns."""

    @pytest.mark.parametrize(
        ("raw_code", "code", "expected"),
        [
            ("AuthenticationError", Code.AUTH, KEY),
            ("AccountOverdueError", Code.INSUFFICIENT_BALANCE, KEY),
            ("OperationDenied.ServiceOverdue", Code.INSUFFICIENT_BALANCE, KEY),
            ("InvalidAccountStatus", Code.FORBIDDEN, KEY),
            ("AccessDenied", Code.FORBIDDEN, ENGINE),
            ("OperationDenied.ServiceNotOpen", Code.FORBIDDEN, ENGINE),
            ("ModelNotOpen", Code.NOT_FOUND, ENGINE),
            ("InvalidEndpointOrModel.ModelIDAccessDisabled", Code.NOT_FOUND, ENGINE),
            ("UnsupportedModel", Code.NOT_FOUND, ENGINE),
            ("SetLimitExceeded", Code.INSUFFICIENT_BALANCE, ENGINE),
            ("QuotaExceeded", Code.INSUFFICIENT_BALANCE, ENGINE),
            ("InvalidParameter.size", Code.INVALID_REQUEST, REQUEST),
        ],
    )
    def test_the_code_decides_not_the_text(self, raw_code, code, expected):
        assert concern("modelark", code, raw_code, "The image and the account") == expected


def test_an_error_other_than_a_refusal_concerns_no_key():
    adapter = registry.adapter_class("apixo")
    for error in (Unavailable(code=Code.AUTH), TaskFailed(code=Code.FORBIDDEN)):
        assert adapter.concern_of(error) == REQUEST
