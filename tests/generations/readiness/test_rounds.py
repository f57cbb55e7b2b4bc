"""All checks together: bounded in time and number, and without texts that not everyone may read."""

import threading

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from generations.readiness import rounds
from generations.readiness.checks import Check, Finding
from generations.readiness.rounds import Readiness

WELL = Finding(True, "Well.")


def check(look, **values):
    return Check("A part", look, "It is broken.", "Mend it.", **values)


class Hanging:
    """A check that hangs until it is released."""

    def __init__(self):
        self.begun = 0
        self.has_begun = threading.Event()
        self.free = threading.Event()

    def __call__(self):
        self.begun += 1
        self.has_begun.set()
        assert self.free.wait(30)
        return WELL


@pytest.fixture
def hanging():
    hanging = Hanging()
    yield hanging
    hanging.free.set()


@pytest.fixture
def _forgetful(monkeypatch):
    """Reuse no finding."""
    monkeypatch.setattr(rounds, "KEEP_SECONDS", 0)
    monkeypatch.setattr(rounds, "KEEP_MEANWHILE_SECONDS", 0)


def test_a_check_that_hangs_is_named_and_does_not_affect_the_others(hanging):
    readiness = Readiness({"stuck": check(hanging), "well": check(lambda: WELL)}, 0.05)
    found = readiness.look()
    assert (found["stuck"].ok, found["stuck"].detail) == (False, "It does not answer in time.")
    assert found["well"] == WELL


@pytest.mark.usefixtures("_forgetful")
def test_a_check_that_hangs_is_not_started_again_until_it_ends(hanging):
    readiness = Readiness({"stuck": check(hanging)}, 0.05)
    assert [readiness.look()["stuck"].ok for _ in range(3)] == [False] * 3
    assert hanging.begun == 1
    hanging.free.set()
    for thread in threading.enumerate():
        if thread.name == "readiness-stuck":
            thread.join()
    assert readiness.look()["stuck"].ok


@pytest.mark.usefixtures("_forgetful")
def test_an_error_of_any_kind_is_a_part_that_does_not_work_and_is_told_without_its_text(caplog):
    def fail():
        raise RuntimeError("password=hunter2 host=db.internal")

    readiness = Readiness({"part": check(fail)})
    assert readiness.look()["part"] == Finding(False, "It is broken.")
    readiness.look()
    assert caplog.text.count("part failed: RuntimeError") == 1
    assert "hunter2" not in caplog.text


def test_many_callers_share_one_round():
    looks = []
    readiness = Readiness({"part": check(lambda: looks.append(1) or WELL)})
    threads = [threading.Thread(target=readiness.look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert readiness.look() == {"part": WELL}
    assert len(looks) == 1


def test_during_a_round_callers_get_the_findings_of_the_last_one(hanging, monkeypatch):
    monkeypatch.setattr(rounds, "KEEP_SECONDS", 0)
    looks = [hanging, lambda: WELL]

    def look():
        return looks.pop()()

    readiness = Readiness({"part": check(look)})
    readiness.look()
    slow = threading.Thread(target=readiness.look)
    slow.start()
    assert hanging.has_begun.wait(30)
    assert readiness.look() == {"part": WELL}
    hanging.free.set()
    slow.join()


@pytest.mark.usefixtures("_forgetful")
def test_a_finding_that_costs_a_write_is_kept():
    looks = []
    readiness = Readiness({"part": check(lambda: looks.append(1) or WELL, keep_seconds=60)})
    readiness.look()
    assert readiness.look() == {"part": WELL}
    assert len(looks) == 1


class TestReadyz:
    @pytest.fixture
    def readyz(self, monkeypatch):
        def readyz(**checks):
            monkeypatch.setattr(rounds, "_readiness", Readiness(checks))
            return Client().get(reverse("readyz"))

        return readyz

    def test_all_is_well(self, readyz):
        answer = readyz(part=check(lambda: WELL))
        assert answer.status_code == 200
        assert answer.json() == {"ok": True, "checks": {"part": {"ok": True, "detail": "Well."}}}
        assert "no-store" in answer["Cache-Control"]

    def test_what_fails_is_named(self, readyz):
        answer = readyz(part=check(lambda: WELL), other=check(lambda: 1 / 0))
        assert answer.status_code == 503
        assert not answer.json()["ok"]
        assert answer.json()["checks"]["other"] == {"ok": False, "detail": "It is broken."}

    def test_repeated_requests_do_not_fill_the_log(self, readyz, caplog):
        readyz(part=check(lambda: Finding(False, "Away.")))
        assert caplog.records == []

    def test_it_answers_over_plain_http_like_healthz(self, readyz, settings):
        settings.SECURE_SSL_REDIRECT = True
        assert readyz(part=check(lambda: WELL)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_fresh_studio_without_workers_says_so_to_anyone(client, monkeypatch):
    monkeypatch.setattr(rounds, "_readiness", Readiness(limit_seconds=60))
    answer = client.get(reverse("readyz"))
    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert [name for name, each in checks.items() if not each["ok"]] == [
        "workers_provider",
        "workers_images",
        "beat",
    ]
    assert str(connection.settings_dict["NAME"]) not in answer.content.decode()
