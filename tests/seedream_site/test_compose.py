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
