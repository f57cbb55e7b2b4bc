"""Each failed start makes the next pause longer; a start that succeeds resets it."""

from generations.jobs.worker import starts


def test_the_pause_grows_to_half_a_minute_and_no_further(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    pauses = [starts.pause_after_failure("worker") for _ in range(8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_start_that_succeeds_is_followed_by_the_shortest_pause_again(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    starts.pause_after_failure("worker")
    starts.pause_after_failure("worker")
    starts.forget_failures("worker")
    assert starts.pause_after_failure("worker") == 1


def test_if_the_count_cannot_be_kept_every_pause_is_the_longest(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.DATA_DIR = tmp_path / "file"
    assert starts.pause_after_failure("worker") == 30
    starts.forget_failures("worker")
