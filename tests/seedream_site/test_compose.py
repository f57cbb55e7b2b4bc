"""The values in compose.yaml fit those in the code."""

import re

from generations.providers.capabilities import LONGEST_CALL_SECONDS
from seedream_site.launch import PROJECT

COMPOSE = (PROJECT / "compose.yaml").read_text()


def seconds(pattern):
    return [int(found) for found in re.findall(pattern, COMPOSE)]


def test_a_worker_has_time_to_end_the_longest_call_before_it_is_killed():
    (drain,) = seconds(r'WORKER_DRAIN_SECONDS: "(\d+)"')
    grace = seconds(r"stop_grace_period: (\d+)s")
    assert drain >= LONGEST_CALL_SECONDS
    assert len(grace) == 2
    assert min(grace) > drain


def test_only_the_service_that_migrates_knows_the_owner_of_the_tables():
    shared, services = COMPOSE.split("\nservices:\n")
    [migrating] = re.findall(r"^  prepare:\n(?:    .*\n)+", services, re.MULTILINE)
    assert "MIGRATE_DATABASE_URL: postgres://studio:${POSTGRES_PASSWORD" in migrating
    assert COMPOSE.count("postgres://studio:") == 1
    # They hide the values of `.env`, which every service is given.
    assert 'POSTGRES_PASSWORD: ""' in shared
    assert 'MIGRATE_DATABASE_URL: ""' in shared


def test_roles_are_made_before_the_database_is_migrated():
    [entrypoint] = re.findall(r'entrypoint: \["sh", "-c", "(.+)"\]', COMPOSE)
    first, second = entrypoint.split(" && ")
    assert first == "python manage.py database_roles"
    assert second.endswith("seedream_site.launch --prepare-only")
