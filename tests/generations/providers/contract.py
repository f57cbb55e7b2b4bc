"""What every adapter must do, tested with a real HTTP server that follows the provider's pages.

A test class inherits `ProviderContract`, or `TaskContract` if the provider gives a task to poll. It
names its adapter and the documented errors, and adds tests of what is special to its provider.
"""

import io
import logging
import time
from typing import ClassVar, NamedTuple

import pytest
from PIL import Image

from generations.providers.capabilities import CUSTOM, Engine
from generations.providers.errors import (
    Code,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    ProviderError,
    Refused,
    TaskCancelled,
    TaskFailed,
    Unavailable,
    UnsupportedOption,
    WebhookForged,
)
from generations.providers.fetching import fetch
from generations.providers.http import HttpProvider
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InProgress,
    ReferenceInput,
    RemoteImage,
    Result,
    TaskRef,
    WebhookCall,
)
from generations.providers.validation import validate
from tests.emulator import Emulator, Trouble, troubles

PROMPT = "a lighthouse of paper, 纸灯塔"
SECONDS = 60.0
# The time limit for answers that never end. It also suits a busy machine, because no answer is
# expected.
SHORT = 1.0


class HttpCase(NamedTuple):
    """A documented error answer to a submit, and what it must become."""

    status: int
    error: type[ProviderError]
    code: Code
    body: object = None

    def __str__(self) -> str:
        return f"{self.status}-{self.code}"


class FailCase(NamedTuple):
    """A documented failure code of a task, and our code for it."""

    raw_code: str
    code: Code

    def __str__(self) -> str:
        return self.raw_code.replace(" ", "-")


def reference(n: int) -> ReferenceInput:
    return ReferenceInput(
        sha256=f"{n:064x}",
        width=1200,
        height=900,
        link=f"https://studio.example/r/token-{n}.jpg",
        data=b"\xff\xd8reference",
    )


class ProviderContract:
    adapter_class: ClassVar[type[HttpProvider]]
    http_cases: ClassVar[tuple[HttpCase, ...]]
    # Whether the provider's page describes a signature of webhook calls, and whether it signs a
    # time.
    signed_webhooks: ClassVar[bool] = False
    timed_webhooks: ClassVar[bool] = False

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        for name in ("http_case", "fail_case"):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, getattr(self, f"{name}s"), ids=str)
        if "engine" in metafunc.fixturenames:
            engines = self.adapter_class.engines
            metafunc.parametrize("engine", engines, ids=[engine.name for engine in engines])

    @property
    def provider(self) -> str:
        return self.adapter_class.name

    @pytest.fixture
    def adapter(self, emulator: Emulator) -> HttpProvider:
        return self.adapter_class(emulator.base_url(self.provider), emulator.key(self.provider))

    def ask(self, engine: Engine, **changes: object) -> GenerationRequest:
        """A request that `engine` can do, with its first resolution and format unless changed."""
        able = engine.capabilities
        resolution = able.resolutions[0]
        sequential = bool(changes.get("sequential")) and able.sequential
        per_request = able.per_request(sequential=sequential)
        fields = {
            "engine": engine.name,
            "prompt": PROMPT,
            "num_images": min(2, per_request),
            "resolution": resolution,
            "aspect_ratio": able.aspect_ratios(resolution)[0],
            "references": tuple(reference(n) for n in range(able.min_references)),
        }
        return GenerationRequest(**(fields | changes))

    def submit(
        self, adapter: HttpProvider, request: GenerationRequest, *, timeout: float = SECONDS
    ) -> Accepted | Result:
        return adapter.submit(adapter.build_submit(request), timeout=timeout)

    def bring(self, adapter: HttpProvider, request: GenerationRequest) -> Result:
        """The result of a request, from the submit or from a poll."""
        answer = self.submit(adapter, request)
        return answer if isinstance(answer, Result) else self.poll(adapter, request, answer)

    def poll(
        self, adapter: HttpProvider, request: GenerationRequest, accepted: Accepted
    ) -> Result | InProgress:
        return adapter.poll(self.task(request, accepted))

    def task(self, request: GenerationRequest, accepted: Accepted) -> TaskRef:
        model = self.adapter_class.engine(request.engine).model
        return TaskRef(task_id=accepted.task_id, model=model, urls=accepted.urls)

    # Everything goes well

    def test_images_of_the_exact_size_arrive(self, adapter, emulator, engine):
        request = self.ask(engine)
        result = self.bring(adapter, request)
        assert len(result.images) == request.num_images
        expected = engine.capabilities.sizes[request.resolution][request.aspect_ratio]
        for image in result.images:
            assert isinstance(image, RemoteImage)
            data = fetch(image.url, max_bytes=10**8, timeout=SECONDS, private_hosts=[emulator.host])
            assert Image.open(io.BytesIO(data)).size == expected

    def test_every_resolution_and_format_makes_its_size(self, adapter, emulator, engine):
        sizes = engine.capabilities.sizes
        for resolution, ratios in sizes.items():
            for ratio in ratios:
                request = self.ask(engine, resolution=resolution, aspect_ratio=ratio)
                self.submit(adapter, request)
        made = [emulator.tasks[call.task_id].size for call in emulator.submits(self.provider)]
        assert made == [size for ratios in sizes.values() for size in ratios.values()]

    def test_the_prompt_arrives_as_written(self, adapter, emulator, engine):
        self.submit(adapter, self.ask(engine))
        [call] = emulator.submits(self.provider)
        assert PROMPT in str(call.body)

    def test_the_largest_request_is_accepted(self, adapter, emulator, engine):
        able = engine.capabilities
        room = able.max_images_and_references or able.images_per_request + able.max_references
        most = min(able.max_references, room - able.images_per_request)
        request = self.ask(
            engine,
            prompt="字" * able.prompt_limit,
            num_images=able.images_per_request,
            references=tuple(reference(n) for n in range(most)),
        )
        validate(engine, request)
        self.submit(adapter, request)
        assert [call.accepted for call in emulator.submits(self.provider)] == [True]

    def test_the_same_request_makes_the_same_bytes(self, adapter, engine):
        request = self.ask(engine)
        assert adapter.build_submit(request) == adapter.build_submit(request)

    def test_references_arrive_in_their_order(self, adapter, emulator, engine):
        if not engine.capabilities.max_references:
            with pytest.raises(UnsupportedOption):
                validate(engine, self.ask(engine, references=(reference(1),)))
            return
        references = (reference(2), reference(1))
        self.submit(adapter, self.ask(engine, references=references))
        [call] = emulator.submits(self.provider)
        sent = [self.reference_as_sent(each) for each in references]
        places = [str(call.body).index(each) for each in sent]
        assert places == sorted(places)

    def reference_as_sent(self, each: ReferenceInput) -> str:
        """What the body contains of a reference: its link, or its bytes in base64."""
        return each.link

    def test_a_set_is_requested_only_if_the_engine_makes_sets(self, adapter, emulator, engine):
        request = self.ask(engine, sequential=True)
        if not engine.capabilities.sequential:
            with pytest.raises(UnsupportedOption) as refused:
                validate(engine, request)
            assert refused.value.field == "sequential"
            return
        self.submit(adapter, request)
        self.submit(adapter, self.ask(engine))
        with_sequence, without = emulator.submits(self.provider)
        assert with_sequence.accepted
        assert with_sequence.body != without.body

    def test_a_custom_size_is_made_to_the_pixel(self, adapter, emulator, engine):
        able = engine.capabilities.custom_size
        if able is None:
            return
        width = able.max_side // 2
        least = (-(-able.min_pixels // width), able.min_side, -(-width // int(able.max_ratio)))
        height = min(able.max_side, max(least))
        assert able.allows(width, height)
        request = self.ask(
            engine, resolution=CUSTOM, aspect_ratio="", width=width, height=height, num_images=1
        )
        validate(engine, request)
        self.submit(adapter, request)
        [call] = emulator.submits(self.provider)
        assert emulator.tasks[call.task_id].size == (width, height)

    def test_every_number_and_switch_reaches_the_provider(self, adapter, emulator, engine):
        able = engine.capabilities
        options = {
            "seed": able.seed and int(able.seed.maximum),
            "guidance_scale": able.guidance_scale and able.guidance_scale.maximum,
            "negative_prompt": "no text, 不要文字" if able.negative_prompt else None,
            "output_format": able.output_formats[-1] if able.output_formats else None,
            "enhance_prompt": True if able.enhance_prompt else None,
            "use_pre_llm": True if able.use_pre_llm else None,
        }
        given = {name: value for name, value in options.items() if value is not None}
        request = self.ask(engine, **given)
        validate(engine, request)
        self.submit(adapter, request)
        [call] = emulator.submits(self.provider)
        assert call.accepted
        plain = self.ask(engine)
        changed = adapter.build_submit(request) != adapter.build_submit(plain)
        assert changed is bool(given)

    def test_a_probe_costs_nothing_and_proves_the_key(self, adapter, emulator):
        assert adapter.probe()
        assert not any(call.accepted for call in emulator.log)
        stranger = self.adapter_class(emulator.base_url(self.provider), "not-the-key")
        with pytest.raises(Refused) as raised:
            stranger.probe()
        assert raised.value.code == Code.AUTH

    def test_fewer_images_than_asked_for_is_a_result(self, adapter, emulator, engine):
        if engine.capabilities.images_per_request == 1:
            return
        emulator.script(self.provider, "submit", troubles.partial(1))
        result = self.bring(adapter, self.ask(engine))
        assert len([image for image in result.images if isinstance(image, RemoteImage)]) == 1

    def test_undocumented_fields_are_ignored(self, adapter, emulator, engine):
        for route in ("submit", "status"):
            emulator.script(self.provider, route, troubles.unknown_fields())
        assert self.bring(adapter, self.ask(engine)).images

    def test_json_under_another_content_type_is_read(self, adapter, emulator, engine):
        emulator.script(self.provider, "submit", troubles.mislabelled())
        assert self.bring(adapter, self.ask(engine)).images

    # The provider calls us

    def webhook(
        self, adapter: HttpProvider, emulator: Emulator, engine: Engine
    ) -> tuple[str, WebhookCall]:
        """The task of a request with a webhook URL, and the call that the emulator made."""
        url = f"{emulator.root}/_control/sink"
        accepted = self.submit(adapter, self.ask(engine, webhook_url=url))
        emulator.wait()
        [sent] = emulator.webhooks
        assert sent.url == url
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return accepted.task_id, WebhookCall(sent.content, headers)

    def test_a_webhook_names_its_task(self, adapter, emulator, engine):
        if not engine.capabilities.webhook:
            with pytest.raises(WebhookForged):
                adapter.read_webhook(WebhookCall(b'{"id": "1"}', {}), now=time.time())
            return
        task_id, call = self.webhook(adapter, emulator, engine)
        news = adapter.read_webhook(call, now=time.time())
        assert news.task_id == task_id
        assert news.event_id == adapter.read_webhook(call, now=time.time()).event_id

    def test_a_webhook_is_believed_only_with_its_signature(self, adapter, emulator, engine):
        if not (engine.capabilities.webhook and self.signed_webhooks):
            return
        _task_id, call = self.webhook(adapter, emulator, engine)
        forged = [WebhookCall(call.body + b" ", call.headers), WebhookCall(call.body, {})]
        for each in forged:
            with pytest.raises(WebhookForged):
                adapter.read_webhook(each, now=time.time())

    def test_an_old_recording_of_a_webhook_is_not_believed(self, adapter, emulator, engine):
        if not (engine.capabilities.webhook and self.timed_webhooks):
            return
        _task_id, call = self.webhook(adapter, emulator, engine)
        for skew in (330, -330):
            with pytest.raises(WebhookForged):
                adapter.read_webhook(call, now=time.time() + skew)

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000])
    def test_a_webhook_without_a_task_is_refused(self, adapter, body):
        with pytest.raises(WebhookForged):
            adapter.read_webhook(WebhookCall(body, {}), now=time.time())

    # The provider refuses

    def test_a_documented_error_becomes_ours(self, adapter, emulator, http_case):
        emulator.script(
            self.provider, "submit", troubles.status(http_case.status, body=http_case.body)
        )
        with pytest.raises(ProviderError) as raised:
            self.submit(adapter, self.ask(self.adapter_class.engines[0]))
        assert type(raised.value) is http_case.error
        assert raised.value.code == http_case.code
        assert raised.value.raw_code

    def test_a_wrong_key_is_refused(self, emulator, engine):
        adapter = self.adapter_class(emulator.base_url(self.provider), "not-the-key")
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(engine))
        assert raised.value.code == Code.AUTH

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_is_respected(self, adapter, emulator, engine, status):
        emulator.script(self.provider, "submit", troubles.status(status, Retry_After="7"))
        with pytest.raises(Unavailable) as raised:
            self.submit(adapter, self.ask(engine))
        assert raised.value.retry_after == 7

    # The outcome is unknown

    @pytest.mark.parametrize(
        "trouble",
        [
            troubles.lost_answer(),
            troubles.cut_midway(),
            troubles.malformed(),
            troubles.malformed("[]"),
            troubles.malformed('{"code": 200, "data": {"taskId": 7}, "images": "none"}'),
            troubles.malformed("[" * 100_000),
            troubles.html(),
            troubles.flood(),
        ],
        ids=["lost", "cut", "malformed", "list", "types", "nested", "html", "flood"],
    )
    def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(
        self, adapter, emulator, engine, trouble
    ):
        emulator.script(self.provider, "submit", trouble)
        with pytest.raises(OutcomeUnknown):
            self.submit(adapter, self.ask(engine))
        assert [call.accepted for call in emulator.submits(self.provider)] == [True]

    @pytest.mark.parametrize(
        "trouble", [troubles.slow(60), troubles.dripping(1)], ids=["all", "bytes"]
    )
    def test_an_answer_that_takes_too_long_leaves_the_outcome_unknown(
        self, adapter, emulator, engine, trouble
    ):
        emulator.script(self.provider, "submit", trouble)
        with pytest.raises(OutcomeUnknown):
            self.submit(adapter, self.ask(engine), timeout=SHORT)
        assert len(emulator.submits(self.provider)) == 1

    def test_a_redirect_is_not_followed_because_the_base_url_is_wrong(
        self, adapter, emulator, engine
    ):
        emulator.script(self.provider, "submit", troubles.redirect(f"{emulator.root}/elsewhere"))
        with pytest.raises(Refused) as raised:
            self.submit(adapter, self.ask(engine))
        assert raised.value.code == Code.MISDIRECTED
        assert len(emulator.log) == 1

    def test_without_a_connection_the_request_is_not_sent(self, closed_port, emulator, engine):
        adapter = self.adapter_class(f"http://127.0.0.1:{closed_port}", emulator.key(self.provider))
        with pytest.raises(NotSent):
            self.submit(adapter, self.ask(engine))

    # Secrets

    def test_neither_key_nor_prompt_is_logged_or_shown(self, adapter, emulator, engine, caplog):
        key = emulator.key(self.provider)
        echo = {"message": PROMPT, "error": PROMPT, "detail": key}
        emulator.script(self.provider, "submit", Trouble(), troubles.status(400, body=echo))
        with caplog.at_level(logging.DEBUG):
            self.bring(adapter, self.ask(engine))
            with pytest.raises(Refused) as raised:
                self.submit(adapter, self.ask(engine))
        shown = f"{adapter!r} {adapter} {raised.value} {raised.value!r} {caplog.text}"
        payload = adapter.build_submit(self.ask(engine))
        assert key not in f"{shown} {payload!r}"
        assert PROMPT not in f"{payload!r} {raised.value} {caplog.text}"

    @pytest.mark.parametrize("key", ["", "with space", "with\nbreak", "schlüssel"])
    def test_an_impossible_key_is_refused_at_once(self, key):
        with pytest.raises(Misconfigured):
            self.adapter_class("https://api.example", key)

    def test_an_idempotency_key_is_sent_if_the_provider_takes_one(self, adapter, emulator, engine):
        payload = adapter.build_submit(self.ask(engine))
        adapter.submit(payload, timeout=SECONDS, idempotency_key="one-key")
        [call] = emulator.submits(self.provider)
        assert ("one-key" in call.headers.values()) is engine.capabilities.takes_idempotency_key


class TaskContract(ProviderContract):
    """Also for providers that give a task to poll."""

    fail_cases: ClassVar[tuple[FailCase, ...]]

    def test_a_task_is_in_progress_until_it_ends(self, adapter, emulator, engine):
        emulator.seconds = 3600
        request = self.ask(engine)
        accepted = self.submit(adapter, request)
        assert isinstance(self.poll(adapter, request, accepted), InProgress)
        emulator.finish_tasks()
        assert isinstance(self.poll(adapter, request, accepted), Result)

    def test_a_documented_failure_ends_the_task(self, adapter, emulator, fail_case):
        emulator.script(self.provider, "submit", troubles.failed(fail_case.raw_code, "echo"))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(self.adapter_class.engines[0]))
        assert raised.value.code == fail_case.code
        assert raised.value.raw_code == fail_case.raw_code

    def test_an_undocumented_failure_code_means_trouble_at_the_provider(
        self, adapter, emulator, engine
    ):
        emulator.script(self.provider, "submit", troubles.failed("SomethingNew"))
        with pytest.raises(TaskFailed) as raised:
            self.bring(adapter, self.ask(engine))
        assert raised.value.code == Code.PROVIDER_ERROR
        assert raised.value.raw_code == "SomethingNew"

    @pytest.mark.parametrize(
        "trouble",
        [
            *(troubles.status(status) for status in (400, 401, 403, 404, 429, 500, 502, 503, 504)),
            troubles.lost_answer(),
            troubles.cut_midway(),
            troubles.malformed(),
            troubles.malformed("null"),
            troubles.malformed('{"data": {"state": "sleeping"}}'),
            troubles.html(),
            troubles.flood(),
            troubles.redirect("http://10.0.0.1/"),
        ],
        ids=lambda trouble: str(trouble.status or trouble.drop or trouble.raw or "flood")[:12],
    )
    def test_a_failed_poll_never_ends_a_task(self, adapter, emulator, engine, trouble):
        request = self.ask(engine)
        accepted = self.submit(adapter, request)
        emulator.script(self.provider, "status", trouble)
        with pytest.raises(ProviderError) as raised:
            self.poll(adapter, request, accepted)
        assert not isinstance(raised.value, TaskFailed | OutcomeUnknown)
        assert isinstance(self.poll(adapter, request, accepted), Result)

    def test_a_task_is_cancelled_if_the_provider_can(self, adapter, emulator, engine):
        emulator.seconds = 3600
        request = self.ask(engine)
        task = self.task(request, self.submit(adapter, request))
        if not engine.capabilities.can_cancel:
            assert adapter.cancel(task) is False
            return
        if not adapter.cancel(task):
            with pytest.raises(TaskCancelled):
                adapter.poll(task)
        [call] = emulator.calls(self.provider, "cancel")
        assert call.status < 300

    def test_cancelling_an_ended_task_loses_no_image(self, adapter, emulator, engine):
        request = self.ask(engine)
        task = self.task(request, self.submit(adapter, request))
        assert adapter.cancel(task) is False
        assert isinstance(adapter.poll(task), Result)

    def test_polls_share_a_connection_and_submits_do_not(self, adapter, emulator, engine):
        request = self.ask(engine)
        for _ in range(2):
            self.poll(adapter, request, self.submit(adapter, request))
        assert len({call.peer for call in emulator.submits(self.provider)}) == 2
        assert len({call.peer for call in emulator.polls(self.provider)}) == 1
