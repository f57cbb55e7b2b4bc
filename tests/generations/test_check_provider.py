"""Is a provider usable? Steps with verdicts, advice for each failure, and no secrets."""

from dataclasses import replace

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from generations.providers import registry
from generations.providers.apixo import ApixoProvider
from generations.providers.base import ImageProvider
from tests.emulator import troubles

KEY = "wrong-key-not-for-eyes"


def check(capsys, *arguments):
    """What is printed, and the exit code: 0 for a usable provider."""
    code, said = 0, ""
    try:
        call_command("check_provider", *arguments)
    except CommandError as error:
        code, said = error.returncode, str(error)
    return capsys.readouterr().out + said, code


class TestSteps:
    def test_each_has_its_verdict_and_the_key_is_never_printed(self, apixo, capsys):
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

    def test_the_region_is_named_where_an_adapter_knows_it(self, apixo, capsys, monkeypatch):
        monkeypatch.setattr(ApixoProvider, "region", lambda adapter: "Europe")
        assert "Region:   Europe" in check(capsys, "apixo")[0]

    def test_and_left_out_where_not(self, apixo, capsys):
        assert "Region" not in check(capsys, "apixo")[0]

    def test_an_api_without_anything_free_to_ask_says_so(self, apixo, capsys, monkeypatch):
        monkeypatch.setattr(ApixoProvider, "balance", ImageProvider.balance)
        printed, code = check(capsys, "apixo")
        assert "nothing to ask that is free; try --spend" in printed
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
        assert "APIXO_BASE_URL" in printed

    def test_a_private_address_that_is_not_allowed(self, apixo, settings, capsys):
        settings.PROVIDER_PRIVATE_HOSTS = []
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "Failed:   Endpoint." in printed

    def test_without_a_key_it_names_the_setting(self, capsys):
        printed, code = check(capsys, "apixo")
        assert code == 1
        assert "APIXO_API_KEY" in printed

    def test_a_name_that_nobody_has(self, capsys):
        printed, code = check(capsys, "nobody")
        assert code == 2
        assert "apixo" in printed


class TestSpending:
    def test_one_smallest_picture_is_ordered_and_fetched(self, apixo, capsys):
        printed, code = check(capsys, "apixo", "--spend")
        assert code == 0
        [submit] = apixo.submits("apixo")
        assert submit.body["input"]["max_images"] == 1
        assert submit.body["input"]["resolution"] == "2K"
        assert "accepted as task" in printed
        assert "Picture:  fetched, " in printed
        assert printed.rstrip().endswith("apixo is usable.")

    def test_polls_that_fail_say_nothing_about_the_picture(self, apixo, capsys):
        apixo.script("apixo", "status", troubles.status(503, times=2))
        assert check(capsys, "apixo", "--spend")[1] == 0

    def test_a_task_that_fails(self, apixo, capsys):
        apixo.script("apixo", "submit", troubles.failed("SensitiveContentDetected"))
        printed, code = check(capsys, "apixo", "--spend")
        assert code == 1
        assert "Failed:   Picture. The provider's safety check refused" in printed

    def test_a_link_without_a_picture_behind_it(self, apixo, capsys):
        apixo.script("apixo", "image", troubles.no_picture())
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
    """The check that answers which take minutes leave a thread for all else."""

    def warnings(self):
        return [message for message in run_checks() if message.id == "generations.W003"]

    @pytest.fixture
    def waits(self, settings, monkeypatch):
        """A provider with two keys, whose engine answers at once; 10 requests a key."""
        [engine] = ApixoProvider.engines
        at_once = replace(engine, capabilities=replace(engine.capabilities, answers_at_once=True))
        monkeypatch.setattr(ApixoProvider, "engines", (at_once,))
        monkeypatch.setattr(ApixoProvider, "default_concurrency", 10)
        keys = {1: "one", 2: "two"}
        settings.PROVIDERS = {"apixo": {"base_url": "https://api.apixo.ai", "keys": keys}}

    def test_too_few_threads_are_warned_of_with_the_number_to_set(self, waits, settings):
        settings.WORKER_THREADS = 27
        [warning] = self.warnings()
        assert "WORKER_THREADS=28" in warning.hint

    def test_enough_are_enough(self, waits, settings):
        settings.WORKER_THREADS = 28
        assert self.warnings() == []

    def test_engines_that_are_polled_hold_no_thread(self, apixo_key, settings):
        settings.WORKER_THREADS = 8
        assert self.warnings() == []
