"""The emulator is strict, and another process can control it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.emulator import Trouble, troubles

PROJECT = Path(__file__).resolve().parents[2]
INPUT = {"mode": "text-to-image", "prompt": "a fox", "max_images": 2}
IMAGE_TO_IMAGE = {**INPUT, "mode": "image-to-image", "image_urls": ["https://example.com/1.png"]}


def call(url, *, key="", order=None, content_type="application/json"):
    """Status and body of one request, made without the studio's code."""
    body = None if order is None else json.dumps(order).encode()
    request = urllib.request.Request(url, body)
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    if body is not None:
        request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def submit(emulator):
    def submit(order, **more):
        more.setdefault("key", emulator.key("apixo"))
        url = f"{emulator.base_url('apixo')}/generateTask/seedream-4-5"
        return call(url, order=order, **more)

    return submit


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


class TestApixo:
    @pytest.mark.parametrize(
        "order",
        [
            {"input": INPUT},
            {"request_type": "async", "input": IMAGE_TO_IMAGE},
            {"input": {**INPUT, "resolution": "4K", "aspect_ratio": "21:9"}},
            {"input": {**INPUT, "sequential_image_generation": "auto", "max_images": 10}},
        ],
    )
    def test_takes_what_the_page_allows(self, submit, order):
        status, reply = submit(order)
        assert (status, reply["code"]) == (200, 200)
        assert reply["data"]["taskId"]

    @pytest.mark.parametrize(
        "order",
        [
            [],
            {},
            {"input": "a fox"},
            {"input": INPUT, "model": "seedream-4-5"},
            {"input": {**INPUT, "seed": 1}},
            {"input": {**INPUT, "n": 1}},
            {"input": without(INPUT, "mode")},
            {"input": without(INPUT, "prompt")},
            {"input": without(INPUT, "max_images")},
            {"input": {**INPUT, "mode": "video"}},
            {"input": {**INPUT, "prompt": ""}},
            {"input": {**INPUT, "prompt": "x" * 5001}},
            {"input": {**INPUT, "prompt": 7}},
            {"input": {**INPUT, "max_images": 0}},
            {"input": {**INPUT, "max_images": 11}},
            {"input": {**INPUT, "max_images": "2"}},
            {"input": {**INPUT, "max_images": True}},
            {"input": {**INPUT, "resolution": "1K"}},
            {"input": {**INPUT, "aspect_ratio": "5:4"}},
            {"input": {**INPUT, "aspect_ratio": None}},
            {"input": {**INPUT, "sequential_image_generation": True}},
            {"input": {**INPUT, "image_urls": ["https://example.com/1.png"]}},
            {"input": without(IMAGE_TO_IMAGE, "image_urls")},
            {"input": {**IMAGE_TO_IMAGE, "image_urls": []}},
            {"input": {**IMAGE_TO_IMAGE, "image_urls": ["https://example.com/1.png"] * 15}},
            {"input": {**IMAGE_TO_IMAGE, "image_urls": ["data:image/png;base64,AAAA"]}},
            {"input": {**IMAGE_TO_IMAGE, "image_urls": "https://example.com/1.png"}},
            {"request_type": "sync", "input": INPUT},
            {"request_type": "callback", "input": INPUT},
            {"request_type": "callback", "callback_url": "http://example.com/", "input": INPUT},
            {"request_type": "async", "callback_url": "https://example.com/", "input": INPUT},
        ],
        ids=str,
    )
    def test_refuses_everything_else(self, submit, emulator, order):
        status, reply = submit(order)
        assert (status, reply["code"]) == (400, 400)
        assert [call.accepted for call in emulator.submits("apixo")] == [False]

    def test_refuses_other_content_types(self, submit):
        assert submit({"input": INPUT}, content_type="text/plain")[0] == 400

    @pytest.mark.parametrize("key", ["", "emulator-key-other-1", "wrong"])
    def test_refuses_other_keys(self, submit, key):
        assert submit({"input": INPUT}, key=key)[0] == 401

    def test_has_no_other_model_or_path(self, emulator):
        key = emulator.key("apixo")
        for path in ("generateTask/seedream-5", "statusTask/seedream-4-5/", "models"):
            url = f"{emulator.base_url('apixo')}/{path}"
            assert call(url, key=key, order={"input": INPUT})[0] == 404

    def test_a_task_belongs_to_the_key_that_made_it(self, emulator, submit):
        task_id = submit({"input": INPUT})[1]["data"]["taskId"]
        url = f"{emulator.base_url('apixo')}/statusTask/seedream-4-5?taskId={task_id}"
        assert call(url, key=emulator.key("apixo"))[0] == 200
        assert call(url, key=emulator.key("apixo", 2))[0] == 404

    def test_a_task_waits_runs_and_ends(self, emulator, submit):
        emulator.seconds = 3600
        task_id = submit({"input": INPUT})[1]["data"]["taskId"]
        url = f"{emulator.base_url('apixo')}/statusTask/seedream-4-5?taskId={task_id}"
        key = emulator.key("apixo")
        assert call(url, key=key)[1]["data"]["state"] == "pending"
        emulator.tasks[task_id].created -= 1800
        assert call(url, key=key)[1]["data"]["state"] == "processing"
        emulator.finish_tasks()
        data = call(url, key=key)[1]["data"]
        assert data["state"] == "success"
        assert len(json.loads(data["resultJson"])["resultUrls"]) == 2

    def test_tasks_may_be_added_while_those_of_an_account_are_looked_for(self, emulator):
        class Watched:
            @property
            def account(self):
                emulator.tasks["added"] = SimpleNamespace(account="other")
                return "account"

        emulator.tasks["first"] = first = Watched()
        emulator.tasks["second"] = SimpleNamespace(account="other")
        assert emulator.tasks_of("account") == [first]

    def test_an_empty_account_is_refused(self, submit, emulator):
        emulator.seconds = 3600
        account = {"key": emulator.key("apixo", 9)}
        big = {"input": {**INPUT, "max_images": 10}}
        statuses = [submit(big, **account)[0] for _ in range(286)]
        # 100 dollars pay for 285 requests of ten images at 0.035 dollars each.
        assert statuses == [200] * 285 + [402]

    @pytest.mark.parametrize(
        ("trouble", "code", "state"),
        [(Trouble(), 200, "success"), (troubles.failed("Timeout"), 500, "failed")],
    )
    def test_calls_back_until_it_gets_an_answer(self, submit, emulator, trouble, code, state):
        emulator.script("apixo", "submit", trouble)
        deaf = f"{emulator.root}/nobody/hears"
        submit({"request_type": "callback", "callback_url": deaf, "input": INPUT})
        emulator.wait()
        told = [(sent.body["code"], sent.body["data"]["state"]) for sent in emulator.webhooks]
        assert told == [(code, state)] * 4

    def test_calls_back_once_if_it_gets_an_answer(self, submit, emulator):
        heard = f"{emulator.root}/_control/finish"
        submit({"request_type": "callback", "callback_url": heard, "input": INPUT})
        emulator.wait()
        assert len(emulator.webhooks) == 1


class TestScript:
    def test_troubles_come_in_their_order_and_end(self, submit, emulator):
        emulator.script(
            "apixo", "submit", troubles.status(429, times=2), Trouble(), {"status": 500}
        )
        assert [submit({"input": INPUT})[0] for _ in range(5)] == [429, 429, 200, 500, 200]

    def test_secrets_do_not_reach_the_log(self, submit, emulator):
        submit({"input": INPUT})
        assert emulator.key("apixo") not in str(emulator.log)

    def test_an_unknown_trouble_is_refused(self, emulator):
        with pytest.raises(TypeError):
            emulator.script("apixo", "submit", {"stauts": 500})

    def test_an_unknown_provider_is_refused(self, emulator):
        with pytest.raises(KeyError):
            emulator.script("nobody", "submit", Trouble())


class TestProcess:
    @pytest.fixture
    def settings_of_process(self):
        """What `python -m tests.emulator` prints; it runs until the test ends."""
        command = [sys.executable, "-m", "tests.emulator", "--seconds", "0", "--small"]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
            lines = iter(process.stdout.readline, "\n")
            yield dict(line.strip().split("=", 1) for line in lines)
            process.terminate()
            assert process.wait(timeout=60) == 0

    def test_is_controlled_over_http(self, settings_of_process):
        root = f"http://{settings_of_process['PROVIDER_PRIVATE_HOSTS']}"
        key = settings_of_process["APIXO_API_KEY"]
        url = f"{settings_of_process['APIXO_BASE_URL']}/generateTask/seedream-4-5"
        order = {"provider": "apixo", "route": "submit", "troubles": [{"status": 503}]}
        assert call(f"{root}/_control/script", order=order) == (200, {})
        assert call(f"{root}/_control/options", order={"seconds": 3600}) == (200, {})
        assert [call(url, key=key, order={"input": INPUT})[0] for _ in range(2)] == [503, 200]
        _, log = call(f"{root}/_control/log")
        assert [(entry["status"], entry["accepted"]) for entry in log] == [
            (503, False),
            (200, True),
        ]
        assert call(f"{root}/_control/reset", order={}) == (200, {})
        assert call(f"{root}/_control/log") == (200, [])

    @pytest.mark.parametrize(
        ("path", "order"),
        [
            ("nothing", {}),
            ("options", {"speed": 1}),
            ("script", {"provider": "apixo"}),
            ("script", {"provider": "apixo", "route": "submit", "troubles": [{"what": 1}]}),
        ],
    )
    def test_an_invalid_command_is_refused(self, emulator, path, order):
        assert call(f"{emulator.root}/_control/{path}", order=order)[0] == 400
