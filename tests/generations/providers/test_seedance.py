"""Seedance.it by its guide: the contract of all adapters, then what is special to Seedance.it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from generations.providers.answers import plain_code
from generations.providers.capabilities import CUSTOM, CustomSize, NumberRange
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    ProviderFailed,
    Refused,
    Unavailable,
)
from generations.providers.seedance import (
    PAGE_ADVICE,
    SEEDREAM_3,
    SEEDREAM_4_5,
    SEEDREAM_5_LITE,
    SeedanceProvider,
)
from generations.providers.types import ImageError, ProviderBalance, RemoteImage, TaskRef
from tests.emulator import Trouble, troubles
from tests.emulator.test_emulator import call
from tests.generations.providers.contract import PROMPT, HttpCase, ProviderContract

ENGINES = (SEEDREAM_4_5, SEEDREAM_3, SEEDREAM_5_LITE)
ABLE = SEEDREAM_4_5.capabilities
LINK = "https://cdn.example/1.png"
ORDER = {"model": "seedream-v4-5", "prompt": "a fox"}
# From the guide's example of an answer.
CREATED = 1712764800


def fault(code, message, **figures):
    return {"error": {"code": code, "message": message, **figures}}


def insufficient(**figures):
    return fault("insufficient_credits", "Your account has insufficient credits", **figures)


def images(*entries):
    return Trouble(extra={"images": list(entries)})


class TestSeedance(ProviderContract):
    adapter_class = SeedanceProvider
    http_cases = (
        HttpCase(400, Refused, Code.INVALID_REQUEST),
        HttpCase(401, Refused, Code.AUTH),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE),
        HttpCase(429, Unavailable, Code.RATE_LIMITED),
        HttpCase(500, ProviderFailed, Code.PROVIDER_ERROR),
        # For what the guide does not name, the class of the status decides.
        HttpCase(403, Refused, Code.FORBIDDEN),
        HttpCase(404, Refused, Code.NOT_FOUND),
        HttpCase(502, ProviderFailed, Code.PROVIDER_ERROR),
        HttpCase(503, Unavailable, Code.PROVIDER_ERROR),
        HttpCase(504, OutcomeUnknown, Code.OUTCOME_UNKNOWN),
        HttpCase(400, Refused, Code.INVALID_REQUEST, "no object"),
        HttpCase(400, Refused, Code.INVALID_REQUEST, {"error": None}),
        HttpCase(400, Refused, Code.INVALID_REQUEST, fault(None, ["odd"])),
        HttpCase(400, Refused, Code.INVALID_REQUEST, fault("something_new", "Who knows")),
        # The code is documented, so it counts at any status.
        HttpCase(400, Refused, Code.INSUFFICIENT_BALANCE, insufficient()),
        HttpCase(200, Refused, Code.INSUFFICIENT_BALANCE, insufficient()),
        # No page documents an error in a successful answer, but it is an error.
        HttpCase(200, ProviderFailed, Code.PROVIDER_ERROR, fault("server_error", "No")),
        HttpCase(200, OutcomeUnknown, Code.OUTCOME_UNKNOWN, fault("", "No code")),
        HttpCase(500, OutcomeUnknown, Code.OUTCOME_UNKNOWN, {"message": "Internal error"}),
        # Content policies have neither a code nor a status, so only the text counts.
        HttpCase(400, Refused, Code.CONTENT_POLICY, fault("content_policy_violation", "No")),
        HttpCase(400, Refused, Code.CONTENT_POLICY, fault("x", "It violates our content policies")),
        HttpCase(400, Refused, Code.CONTENT_POLICY, fault("x", "Blocked by content policy")),
        HttpCase(400, Refused, Code.CONTENT_POLICY, fault("x", "Sensitive words are unsafe")),
        HttpCase(400, Refused, Code.INVALID_REQUEST, fault("x", "Names are case-sensitive")),
        HttpCase(403, Refused, Code.CONTENT_POLICY, fault("content_policy", "No")),
        HttpCase(402, Refused, Code.INSUFFICIENT_BALANCE, fault("content_policy", "No")),
        HttpCase(500, ProviderFailed, Code.CONTENT_POLICY, fault("content_policy", "No")),
    )

    def sent(self, adapter, emulator, engine=SEEDREAM_4_5, **changes):
        self.submit(adapter, self.ask(engine, **changes))
        [call] = emulator.submits("seedance")
        return call.body

    def refused(self, adapter, emulator, trouble):
        emulator.script("seedance", "submit", trouble)
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(SEEDREAM_4_5))
        return raised.value

    def answered(self, adapter, emulator, trouble, **changes):
        emulator.script("seedance", "submit", trouble)
        return self.submit(adapter, self.ask(SEEDREAM_4_5, **changes))

    # What is sent

    def test_what_is_always_sent(self, adapter, emulator):
        body = self.sent(adapter, emulator, aspect_ratio="16:9", num_images=6)
        assert body == {
            "model": "seedream-v4-5",
            "prompt": PROMPT,
            "width": 2048,
            "height": 1152,
            "num_images": 6,
        }

    def test_every_option_that_is_set(self, adapter, emulator):
        options = {"guidance_scale": 7.5, "seed": 0, "negative_prompt": "text"}
        body = self.sent(adapter, emulator, **options)
        assert {name: body[name] for name in options} == options

    def test_an_empty_negative_prompt_is_left_out(self, adapter, emulator):
        assert "negative_prompt" not in self.sent(adapter, emulator, negative_prompt="")

    def test_a_size_by_number_has_no_tier(self, adapter, emulator):
        custom = {"resolution": CUSTOM, "aspect_ratio": "", "width": 1000, "height": 777}
        body = self.sent(adapter, emulator, **custom)
        assert (body["width"], body["height"]) == (1000, 777)
        assert "resolution" not in body

    def test_the_key_and_the_model_go_to_the_one_path(self, adapter, emulator, engine):
        assert self.sent(adapter, emulator, engine)["model"] == engine.model
        [call] = emulator.log
        assert (call.method, call.path) == ("POST", "/seedance/v1/images/generate")
        assert adapter.credentials() == {"Authorization": f"Bearer {emulator.key('seedance')}"}

    # What comes back

    def test_credits_are_cents_and_what_is_left_is_told(self, adapter, engine):
        result = self.submit(adapter, self.ask(engine, num_images=2))
        assert result.cost_usd == 2 * engine.prices[0].cost_usd
        left = 1050 - 2 * engine.prices[0].credits
        assert result.balance == ProviderBalance(amount=Decimal(left), unit="credits")
        assert result.model == engine.model

    def test_the_seeds_of_all_images_come_back(self, adapter):
        result = self.submit(adapter, self.ask(SEEDREAM_4_5, seed=42871, num_images=3))
        assert result.seed == 42871
        assert result.raw["seeds"] == [42871, 42872, 42873]

    def test_the_record_has_no_links(self, adapter):
        result = self.submit(adapter, self.ask(SEEDREAM_4_5))
        assert result.raw.keys() == {"created", "credits_used", "credits_remaining", "seeds"}
        assert result.request_id.startswith("gen_")

    def test_an_answer_is_read_as_the_guide_shows_it(self, adapter, emulator):
        shown = {
            "id": "gen_abc123xyz",
            "model": "seedream-v4-5",
            "created": CREATED,
            "images": [{"url": LINK, "width": 2048, "height": 2048, "seed": 42871}],
            "credits_used": 8,
            "credits_remaining": 1042,
        }
        result = self.answered(adapter, emulator, Trouble(status=200, body=shown))
        expires_at = datetime.fromtimestamp(CREATED, UTC) + timedelta(hours=24)
        assert result.images == (RemoteImage(LINK, expires_at),)
        assert (result.request_id, result.model) == ("gen_abc123xyz", "seedream-v4-5")
        assert (result.seed, result.cost_usd) == (42871, Decimal("0.08"))
        assert result.balance == ProviderBalance(Decimal(1042), "credits")

    @pytest.mark.parametrize("created", [None, "soon", 1712764800.5, True, 10**30, -(10**30)])
    def test_without_a_time_the_life_of_a_link_is_not_known(self, adapter, emulator, created):
        result = self.answered(adapter, emulator, Trouble(extra={"created": created}))
        assert [image.expires_at for image in result.images] == [None, None]

    def test_links_are_enough(self, adapter, emulator):
        bare = Trouble(status=200, body={"images": [{"url": LINK}]})
        result = self.answered(adapter, emulator, bare)
        assert result.images == (RemoteImage(LINK),)
        assert (result.model, result.seed, result.cost_usd, result.balance) == (
            "",
            None,
            None,
            None,
        )

    @pytest.mark.parametrize("odd", [None, "8", True, -1, 1e300, 10**30, [8], {"n": 8}])
    def test_invalid_figures_lose_no_image(self, adapter, emulator, odd):
        extra = {"credits_used": odd, "credits_remaining": odd, "model": 7, "id": odd}
        result = self.answered(adapter, emulator, Trouble(extra=extra))
        assert len(result.images) == 2
        assert (result.cost_usd, result.balance, result.model) == (None, None, "")

    def test_parts_of_credits_stay_exact(self, adapter, emulator):
        extra = {"credits_used": 7.1, "credits_remaining": 0}
        result = self.answered(adapter, emulator, Trouble(extra=extra))
        assert result.cost_usd == Decimal("0.071")
        assert result.balance.amount == 0

    @pytest.mark.parametrize("seed", [None, "7", True, -1, 2**63, 7.5])
    def test_an_invalid_seed_is_ignored(self, adapter, emulator, seed):
        trouble = images({"url": LINK, "seed": seed}, {"url": LINK, "seed": 7})
        result = self.answered(adapter, emulator, trouble)
        assert result.seed is None
        assert result.raw["seeds"] == [None, 7]

    @pytest.mark.parametrize(
        "odd", [None, LINK, [LINK], {}, {"url": None}, {"url": ""}, {"url": "data:,x"}], ids=str
    )
    def test_an_invalid_link_fails_only_its_own_image(self, adapter, emulator, odd):
        first, second = self.answered(adapter, emulator, images(odd, {"url": LINK})).images
        assert isinstance(first, ImageError)
        assert first.code == Code.BAD_RESPONSE
        assert isinstance(second, RemoteImage)

    @pytest.mark.parametrize(
        "entries", [None, "none", {}, {"url": LINK}, [], [None], [{"url": "none"}]], ids=str
    )
    def test_without_any_image_the_outcome_is_unknown(self, adapter, emulator, entries):
        with pytest.raises(OutcomeUnknown):
            self.answered(adapter, emulator, Trouble(extra={"images": entries}))

    # The provider refuses

    def test_insufficient_credits_are_reported_with_figures(self, adapter, emulator):
        error = self.refused(adapter, emulator, troubles.status(402))
        assert (error.code, error.raw_code) == (Code.INSUFFICIENT_BALANCE, "insufficient_credits")
        assert error.balance == ProviderBalance(amount=Decimal(3), unit="credits")
        assert error.message.startswith("8 credits required, 3 available. Your account")

    def test_an_empty_account_is_refused_before_anything_is_made(self, adapter, emulator):
        request = self.ask(SEEDREAM_4_5, num_images=6)
        for _ in range(1050 // 48):
            self.submit(adapter, request)
        with pytest.raises(Refused) as raised:
            self.submit(adapter, request)
        assert raised.value.balance.amount == 1050 % 48
        assert not emulator.submits("seedance")[-1].accepted

    @pytest.mark.parametrize("odd", [None, "3", -1, 10**30, [3]])
    def test_a_refusal_with_invalid_figures_keeps_its_text(self, adapter, emulator, odd):
        body = insufficient(credits_required=8, credits_available=odd)
        error = self.refused(adapter, emulator, troubles.status(402, body=body))
        assert error.balance is None
        assert error.message == "Your account has insufficient credits"

    def test_a_policy_error_after_the_work_is_a_refusal_too(self, adapter, emulator):
        trouble = troubles.failed("moderation", "The prompt violates content policies")
        error = self.refused(adapter, emulator, trouble)
        assert (error.code, error.raw_code) == (Code.CONTENT_POLICY, "moderation")

    # The probe

    def test_a_probe_requests_no_image(self, adapter, emulator):
        assert "made-up key was refused" in adapter.probe()
        call, with_made_up_key = emulator.log
        assert (call.status, with_made_up_key.status) == (400, 401)
        assert not {"model", "prompt"} & call.body.keys()
        assert call.body["num_images"] == 0
        assert emulator.tasks == {}

    def test_a_probe_that_is_not_refused_says_so(self, adapter, emulator):
        emulator.script("seedance", "submit", Trouble(status=200, body={}))
        with pytest.raises(Refused) as raised:
            adapter.probe()
        assert (raised.value.code, raised.value.raw_code) == (
            Code.MISDIRECTED,
            "success without a prompt",
        )

    @pytest.mark.parametrize(
        ("trouble", "error", "code"),
        [
            (troubles.status(402), Refused, Code.INSUFFICIENT_BALANCE),
            (troubles.status(404), Refused, Code.NOT_FOUND),
            (troubles.status(429), Unavailable, Code.RATE_LIMITED),
            (troubles.status(500), Unavailable, Code.PROVIDER_ERROR),
            (troubles.redirect("https://elsewhere.example/"), Unavailable, Code.MISDIRECTED),
            (troubles.lost_answer(), Unavailable, Code.CONNECTION),
        ],
        ids=["402", "404", "429", "500", "redirect", "lost"],
    )
    def test_trouble_with_a_probe_is_no_proof(self, adapter, emulator, trouble, error, code):
        emulator.script("seedance", "submit", trouble)
        with pytest.raises(error) as raised:
            adapter.probe()
        assert type(raised.value) is error
        assert raised.value.code == code

    # What the guide does not have

    def test_polling_cancelling_and_balance_do_not_exist(self, adapter, emulator):
        task = TaskRef(task_id="gen_1", model="seedream-v4-5")
        assert adapter.cancel(task) is False
        assert adapter.balance() is None
        with pytest.raises(NotImplementedError):
            adapter.poll(task)
        assert emulator.log == []


def test_the_engines_are_those_of_the_guide():
    prices = {
        (engine.name, engine.model, price.tier): (price.credits, price.cost_usd)
        for engine in ENGINES
        for price in engine.prices
    }
    assert prices == {
        ("seedance/seedream-4-5", "seedream-v4-5", "2K"): (8, Decimal("0.08")),
        ("seedance/seedream-4-5", "seedream-v4-5", CUSTOM): (8, Decimal("0.08")),
        ("seedance/seedream-3", "seedream-v3", "2K"): (6, Decimal("0.06")),
        ("seedance/seedream-3", "seedream-v3", CUSTOM): (6, Decimal("0.06")),
        ("seedance/seedream-5-lite", "seedream-5-lite", "2K"): (7, Decimal("0.07")),
        ("seedance/seedream-5-lite", "seedream-5-lite", CUSTOM): (7, Decimal("0.07")),
    }


def test_what_the_engines_can_do_is_what_the_guide_says():
    assert ABLE.sizes == {
        "2K": {
            "1:1": (2048, 2048),
            "16:9": (2048, 1152),
            "9:16": (1152, 2048),
            "3:2": (2048, 1365),
            "2:3": (1365, 2048),
            "4:3": (2048, 1536),
            "3:4": (1536, 2048),
        }
    }
    assert ABLE.images_per_request == 6
    assert ABLE.guidance_scale == NumberRange(1, 20, step=0.5, default=7.5)
    assert ABLE.seed == NumberRange(0, 2**31 - 1)
    assert all((ABLE.answers_at_once, ABLE.deterministic_by_seed, ABLE.negative_prompt))
    assert not any((ABLE.takes_idempotency_key, ABLE.can_cancel, ABLE.webhook, ABLE.sequential))
    assert ABLE.max_references == 0
    assert ABLE.link_life_seconds == 24 * 60 * 60
    assert ABLE.custom_size == CustomSize(256, 2048, max_pixels=2048 * 2048, max_ratio=8)


def test_page_advice_is_found_by_the_codes_it_is_for():
    documented = {plain_code(code) for code in ("insufficient_credits", "401", "402")}
    assert PAGE_ADVICE.keys() <= documented


class TestTheEmulatorIsStrict:
    @pytest.fixture
    def submit(self, emulator):
        url = f"{emulator.base_url('seedance')}/v1/images/generate"
        return partial(call, url, key=emulator.key("seedance"))

    def test_the_minimum_uses_the_defaults(self, submit, emulator):
        status, reply = submit(order=ORDER)
        assert status == 200
        assert [(image["width"], image["height"]) for image in reply["images"]] == [(1024, 1024)]
        assert (reply["credits_used"], reply["credits_remaining"]) == (8, 1042)

    @pytest.mark.parametrize(
        "order",
        [
            [],
            {},
            {"prompt": "a fox"},
            {"model": "seedream-v4-5"},
            {**ORDER, "prompt": " "},
            {**ORDER, "model": "seedream-5-edit"},
            {**ORDER, "model": "seedance-2"},
            {**ORDER, "model": ["seedream-v4-5"]},
            {**ORDER, "num_images": 0},
            {**ORDER, "num_images": 7},
            {**ORDER, "num_images": True},
            {**ORDER, "width": 2049},
            {**ORDER, "height": 0},
            {**ORDER, "height": "1024"},
            {**ORDER, "seed": 1.5},
            {**ORDER, "guidance_scale": "7.5"},
            {**ORDER, "negative_prompt": None},
            {**ORDER, "resolution": "2K"},
            {**ORDER, "aspect_ratio": "1:1"},
            {**ORDER, "image": LINK},
        ],
        ids=str,
    )
    def test_it_refuses_everything_else(self, submit, emulator, order):
        status, reply = submit(order=order)
        assert (status, reply["error"]["code"]) == (400, "invalid_request")
        assert [each.accepted for each in emulator.submits("seedance")] == [False]

    def test_it_refuses_other_content_types_and_keys(self, submit):
        assert submit(order=ORDER, content_type="text/plain")[0] == 400
        for key in ("", "wrong", "emulator-key-apixo-1"):
            assert submit(order=ORDER, key=key)[0] == 401

    def test_each_key_has_credits_of_its_own(self, submit, emulator):
        submit(order=ORDER)
        reply = submit(order=ORDER, key=emulator.key("seedance", 2))[1]
        assert reply["credits_remaining"] == 1042
