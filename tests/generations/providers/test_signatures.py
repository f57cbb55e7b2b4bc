"""The time of a webhook call: near to now, or refused with what is true."""

import pytest

from generations.providers.errors import WebhookForged
from generations.providers.signatures import SKEW_SECONDS, check_time

NOW = 1_800_000_000


@pytest.mark.parametrize("apart", [0, SKEW_SECONDS, -SKEW_SECONDS])
def test_a_time_near_to_now_is_accepted(apart):
    check_time(str(NOW + apart), NOW)


@pytest.mark.parametrize(
    ("apart", "why"), [(-SKEW_SECONDS - 1, "too old"), (SKEW_SECONDS + 1, "in the future")]
)
def test_a_time_far_from_now_is_refused(apart, why):
    with pytest.raises(WebhookForged, match=why):
        check_time(str(NOW + apart), NOW)
