"""The command `check_provider`, and the system check of threads. No secret is printed."""

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from accounts.events import Event
from accounts.models import Record
from generations.providers import registry
from generations.providers.apixo import ApixoProvider
from generations.providers.base import ImageProvider
from generations.providers.reachability import why_unreachable
from tests.emulator import troubles
from tests.engines import forget_engines

KEY = "wrong-key-not-for-eyes"


def check(capsys, *arguments):
    """What is printed, and the exit code: 0 if the provider is usable."""
    code, said = 0, ""
    try:
        call_command("check_provider", *arguments)
    except CommandError as error:
        code, said = error.returncode, str(error)
    return capsys.readouterr().out + said, code


@pytest.fixture
def server(settings):
    """`server(status, Name=value)` returns the address of a server that always answers so."""
    started = []

    def serve(status, **headers):
        class Always(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments):
                """Keep the terminal quiet."""

        started.append(ThreadingHTTPServer(("127.0.0.1", 0), Always))
        Thread(target=started[-1].serve_forever, args=(0.02,), daemon=True).start()
        host = f"127.0.0.1:{started[-1].server_port}"
        settings.PROVIDER_PRIVATE_HOSTS = [host]
        return f"http://{host}"

    yield serve
    for each in started:
        each.shutdown()
        each.server_close()


class TestSteps:
    def test_each_step_prints_its_result_and_never_the_key(self, apixo, capsys):
        printed, code = check(capsys, "apixo")
        assert code == 0
        for words in (
            f"fingerprint {registry.fingerprint(apixo.key('apixo'))}",
            f"{apixo.base_url('apixo')}, reachable",
            "key accepted, balance",
            "apixo/seedream-4-5",
            "apixo is usable",
        ):
            assert words in printed
        assert apixo.key("apixo") not in printed

    def test_nothing_is_ordered_unless_asked_for(self, apixo, capsys):
        check(capsys, "apixo")
        assert apixo.submits("apixo") == []

    def test_the_region_is_printed_if_the_adapter_knows_it(self, apixo, capsys, monkeypatch):
        monkeypatch.setattr(ApixoProvider, "region", lambda adapter: "Europe")
        assert "Region:   Europe" in check(capsys, "apixo")[0]

    def test_no_region_is_printed_if_the_adapter_knows_none(self, apixo, capsys):
        assert "Region" not in check(capsys, "apixo")[0]

    def test_an_api_without_a_free_request_is_named(self, apixo, capsys, monkeypatch):
        monkeypatch.setattr(ApixoProvider, "balance", ImageProvider.balance)
        printed, code = check(capsys, "apixo")
        assert "no free request that checks a key; try --spend" in printed
        assert code == 0

    def test_every_key_is_checked_and_one_that_fails_is_named(self, apixo, settings, capsys):
        settings.PROVIDERS["apixo"]["keys"] = {1: KEY, 2: apixo.key("apixo")}
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "apixo is not usable with key 1." in printed
        assert "key accepted" in printed

    def test_the_demo_needs_no_address(self, capsys):
        printed, code = check(capsys, "demo")
        assert "inside the studio" in printed
        assert code == 0


class TestFailures:
    def test_a_wrong_key_says_what_to_do(self, apixo, settings, capsys):
        settings.PROVIDERS["apixo"]["keys"] = {1: KEY}
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "Failed:   Account. The provider did not accept the studio's key." in printed
        assert "Check APIXO_API_KEY" in printed
        assert KEY not in printed

    def test_an_address_that_does_not_answer(self, apixo, settings, capsys):
        settings.PROVIDERS["apixo"]["base_url"] = "http://127.0.0.1:9/api/v1"
        settings.PROVIDER_PRIVATE_HOSTS = ["127.0.0.1:9"]
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "Failed:   Endpoint. The provider could not be reached." in printed
        assert "APIXO_BASE_URL is http://127.0.0.1:9/api/v1" in printed
        assert "nothing listens on 127.0.0.1, port 9" in printed

    def test_a_private_address_that_is_not_allowed(self, apixo, settings, capsys):
        settings.PROVIDER_PRIVATE_HOSTS = []
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "Failed:   Endpoint." in printed
        assert "PROVIDER_PRIVATE_HOSTS" in printed

    def test_without_a_key_it_names_the_setting(self, capsys):
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "APIXO_API_KEY" in printed

    def test_an_unknown_provider(self, capsys):
        printed, code = check(capsys, "nobody")
        assert code == 2
        assert "apixo" in printed

    def test_the_reason_of_a_failed_connection_is_named(self, apixo, settings, capsys, server):
        plain = server(200)
        settings.PROVIDERS["apixo"]["base_url"] = plain.replace("http:", "https:")
        printed, code = check(capsys, "apixo")
        assert (code, "the TLS handshake with 127.0.0.1" in printed) == (1, True)
        settings.PROVIDERS["apixo"]["base_url"] = "https://nobody.invalid"
        printed, code = check(capsys, "apixo")
        assert (code, "no address for nobody.invalid" in printed) == (1, True)

    def test_a_redirect_says_that_the_base_url_is_wrong_and_where_it_leads(
        self, apixo, settings, capsys, server
    ):
        settings.PROVIDERS["apixo"]["base_url"] = server(301, Location="https://api.example/v1")
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "The base URL is wrong" in printed
        assert "It leads to https://api.example/v1" in printed
        assert "APIXO_BASE_URL" in printed

    @pytest.mark.parametrize("name", registry.provider_names()[:-1])
    @pytest.mark.parametrize("status", [200, 400, 404])
    def test_a_server_that_answers_everything_alike_is_not_usable(
        self, providers, settings, capsys, server, name, status
    ):
        settings.PROVIDERS[name]["base_url"] = server(status)
        printed, code = check(capsys, name)
        assert code == 1
        assert "is usable" not in printed

    @pytest.mark.parametrize(
        ("name", "status"), [("fal", 404), ("seedance", 400), ("seedance", 200), ("apipod", 200)]
    )
    def test_a_server_that_does_not_check_keys_is_not_usable(
        self, providers, settings, capsys, server, name, status
    ):
        settings.PROVIDERS[name]["base_url"] = server(status)
        printed, code = check(capsys, name)
        assert code == 1
        assert "does not check keys" in printed
        assert f"Check {name.upper()}_BASE_URL" in printed

    @pytest.mark.parametrize("name", ["fal", "seedance", "apipod"])
    def test_the_request_that_proved_the_key_is_named(self, providers, capsys, name):
        printed, code = check(capsys, name)
        assert code == 0
        assert "made-up key was refused (401)" in printed


class TestWhyUnreachable:
    """Each reason for a failed connection has its sentence."""

    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            ("dns", "no address for queue.example"),
            ("refused", "nothing listens on queue.example, port 8443"),
            ("tls", "the TLS handshake with queue.example, port 8443, failed"),
            ("timeout", "queue.example, port 8443, did not answer in time"),
            ("unreachable", "no route to queue.example"),
            ("private", "queue.example:8443 to PROVIDER_PRIVATE_HOSTS"),
            ("ReadError", "the connection to queue.example, port 8443, failed"),
        ],
    )
    def test_each_reason_has_its_sentence(self, reason, words):
        assert words in why_unreachable(reason, "https://queue.example:8443/v1")


@pytest.mark.django_db
class TestSpending:
    def test_one_smallest_image_is_ordered_and_fetched(self, apixo, capsys):
        printed, code = check(capsys, "apixo", "--spend")
        assert code == 0
        [submit] = apixo.submits("apixo")
        assert submit.body["input"]["max_images"] == 1
        assert submit.body["input"]["resolution"] == "2K"
        assert "accepted as task" in printed
        assert "Image:    fetched, " in printed
        assert printed.rstrip().endswith("apixo is usable.")
        used = Record.objects.get(event=Event.SHELL_USED)
        assert used.facts == {"command": "check_provider --spend"}
        facts = Record.objects.get(event=Event.PROVIDER_TESTED).facts
        assert (facts["outcome"], facts["slot"]) == ("answered", 1)
        assert facts["task_id"] in apixo.tasks

    def test_failed_polls_are_repeated(self, apixo, capsys):
        apixo.script("apixo", "status", troubles.status(503, times=2))
        assert check(capsys, "apixo", "--spend")[1] == 0

    def test_a_task_that_fails(self, apixo, capsys):
        apixo.script("apixo", "submit", troubles.failed("SensitiveContentDetected"))
        printed, code = check(capsys, "apixo", "--spend")
        assert code == 1
        assert "Failed:   Image. The provider's safety check refused" in printed
        # The provider may bill it all the same.
        facts = Record.objects.get(event=Event.PROVIDER_TESTED).facts
        assert facts["outcome"] == "content_policy"
        assert facts["task_id"] in apixo.tasks

    def test_a_link_that_gives_no_image(self, apixo, capsys):
        apixo.script("apixo", "image", troubles.no_image())
        printed, code = check(capsys, "apixo", "--spend")
        assert code == 1
        assert "not an image" in printed

    def test_an_empty_account(self, apixo, capsys):
        apixo.script("apixo", "submit", troubles.status(402))
        printed, code = check(capsys, "apixo", "--spend")
        assert code == 1
        assert "Top up the balance at the provider." in printed

    def test_the_demo_draws_one(self, settings, capsys):
        settings.PROVIDER_TIME_SCALE = 0.01
        printed, code = check(capsys, "demo", "--spend")
        assert code == 0
        assert "fetched, " in printed


class TestThreads:
    """The check that calls which take minutes leave threads for other work."""

    def warnings(self):
        return [message for message in run_checks() if message.id == "generations.W003"]

    @pytest.fixture
    def waits(self, settings, monkeypatch):
        """A provider with two keys and 10 requests for each, whose engine answers at once."""
        [engine] = ApixoProvider.engines
        at_once = replace(engine, capabilities=replace(engine.capabilities, answers_at_once=True))
        monkeypatch.setattr(ApixoProvider, "engines", (at_once,))
        monkeypatch.setattr(ApixoProvider, "default_concurrency", 10)
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apixo": {"base_url": "https://api.apixo.ai", "keys": keys}}
        forget_engines()

    def test_too_few_threads_give_a_warning_with_the_number_to_set(self, waits, settings):
        settings.WORKER_THREADS = 27
        [warning] = self.warnings()
        assert "WORKER_THREADS=28" in warning.hint

    def test_enough_threads_give_no_warning(self, waits, settings):
        settings.WORKER_THREADS = 28
        assert self.warnings() == []

    def test_engines_that_are_polled_hold_no_thread(self, apixo_key, settings):
        settings.WORKER_THREADS = 8
        assert self.warnings() == []
