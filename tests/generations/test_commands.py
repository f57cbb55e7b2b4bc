"""The commands `generate` and `engines`."""

import json

import pytest
from django.core.management import CommandError, call_command

from accounts import ledger
from generations.models import Reference, Run
from tests.emulator import troubles
from tests.generations.asking import APIXO, DEMO
from tests.generations.factories import image_file

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = "generations.management.commands.generate"


def generate(capsys, user, *arguments, engine=APIXO):
    """The exit code and the printed object of `generate --here --json`."""
    code = 0
    try:
        call_command(
            "generate",
            "--here",
            "--json",
            f"--user={user.email}",
            f"--engine={engine}",
            "--prompt=a red fox",
            *arguments,
        )
    except SystemExit as exit_:
        code = exit_.code
    except CommandError as error:
        code = error.returncode
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _quick_time(settings):
    settings.PROVIDER_TIME_SCALE = 0.01


class TestGenerate:
    def test_prints_one_object_for_the_run(self, alice, apixo, capsys):
        code, report = generate(capsys, alice, "--num-images=4")
        price = ledger.balance(alice).spent // 4
        assert code == 0
        assert report["status"] == "succeeded"
        assert (report["wanted"], report["delivered"]) == (4, 4)
        credits = {"reserved": 4 * price, "charged": 4 * price, "released": 0}
        assert report["credits"] == credits
        assert [g["status"] for g in report["generations"]] == ["succeeded"]
        assert report["generations"][0]["task_id"] in apixo.tasks
        assert report["error"] is None
        image = report["images"][0]
        assert {"id", "width", "height", "sha256_original", "sha256_labelled", "path"} == set(image)
        assert len(report["images"]) == 4

    def test_fewer_than_wanted_is_exit_code_3(self, alice, apixo, capsys):
        apixo.script("apixo", "submit", troubles.partial(3))
        code, report = generate(capsys, alice, "--num-images=4")
        assert (code, report["status"], report["delivered"]) == (3, "partial", 3)
        assert report["credits"]["released"] == report["credits"]["reserved"] // 4

    def test_a_failure_says_what_happened_and_what_to_do(self, alice, apixo, capsys):
        apixo.script("apixo", "submit", troubles.failed("SensitiveContentDetected"))
        code, report = generate(capsys, alice)
        assert (code, report["status"]) == (3, "failed")
        assert report["error"]["code"] == "content_policy"
        assert report["error"]["message"]
        assert report["credits"]["charged"] == 0

    def test_a_lost_answer_is_unknown_with_one_submit(self, alice, apixo, capsys):
        apixo.script("apixo", "submit", troubles.lost_answer())
        code, report = generate(capsys, alice)
        assert (code, report["status"]) == (3, "unknown")
        assert len(apixo.submits("apixo")) == 1

    def test_waiting_ends_if_there_is_no_worker(self, alice, monkeypatch):
        monkeypatch.setattr(f"{COMMAND}.NO_WORKER_SECONDS", 0)
        with pytest.raises(CommandError, match="No worker has been at work") as refused:
            call_command(
                "generate", "--wait", f"--user={alice.email}", f"--engine={DEMO}", "--prompt=fox"
            )
        assert refused.value.returncode == 3
        assert Run.objects.get().is_pending

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            (["--num-images=99"], "num_images"),
            (["--resolution=9K"], "resolution"),
            (["--seed=5"], "seed"),
            (["--engine=nobody/x"], "engine"),
            (["--width=2048", "--height=2048"], "width"),
            (["--use-pre-llm"], "use_pre_llm"),
        ],
    )
    def test_a_bad_request_is_refused_and_costs_nothing(
        self, alice, apixo, capsys, arguments, field
    ):
        code, report = generate(capsys, alice, *arguments)
        assert (code, report["error"]["field"]) == (2, field)
        assert not Run.objects.exists()

    def test_a_reference_is_cleaned_and_used(self, alice, capsys, tmp_path):
        file = tmp_path / "picture.png"
        file.write_bytes(image_file((400, 300)))
        arguments = (f"--reference={file}", "--rights=licensed", "--licence=order 7")
        code, _report = generate(capsys, alice, *arguments, engine=DEMO)
        assert code == 0
        reference = Reference.objects.get()
        assert reference.is_ready
        assert reference.licence == "order 7"

    def test_a_reference_needs_its_rights(self, alice, capsys, tmp_path):
        file = tmp_path / "picture.png"
        file.write_bytes(image_file((400, 300)))
        code, report = generate(capsys, alice, f"--reference={file}", engine=DEMO)
        assert (code, report["error"]["field"]) == (2, "rights")

    def test_the_demo_engine_needs_no_key(self, alice, capsys):
        code, report = generate(capsys, alice, engine=DEMO)
        assert (code, report["status"]) == (0, "succeeded")


class TestIdenticalWork:
    def test_is_refused_without_again(self, alice, capsys):
        assert generate(capsys, alice, "--seed=7", engine=DEMO)[0] == 0
        spent = ledger.balance(alice).spent
        code, report = generate(capsys, alice, "--seed=7", engine=DEMO)
        assert code == 2
        assert "Use --again to make them again" in report["error"]["message"]
        assert ledger.balance(alice).spent == spent
        code, report = generate(capsys, alice, "--seed=7", "--again", engine=DEMO)
        assert (code, report["delivered"]) == (0, 1)
        assert ledger.balance(alice).spent == 2 * spent

    def test_again_is_allowed_if_there_are_no_such_images(self, alice, apixo, capsys):
        assert generate(capsys, alice, "--again")[0] == 0


class TestEngines:
    def test_lists_engines_with_a_key(self, capsys):
        call_command("engines", "--json")
        [demo] = json.loads(capsys.readouterr().out)
        assert demo["name"] == DEMO
        assert demo["prices"]["2K"] == 2
        assert demo["capabilities"]["max_images"] == 10


def test_an_unknown_engine_is_answered_with_where_they_are_listed(alice, capsys):
    code, answer = generate(capsys, alice, engine="wrong-name")
    assert code == 2
    assert answer["error"]["message"].endswith("`manage.py engines` lists them.")
