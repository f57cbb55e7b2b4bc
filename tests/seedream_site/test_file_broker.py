"""The broker in a folder: every message arrives once, and no file there stops a worker."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError

from seedream_site.file_broker import Transport

PRODUCERS = 3
CONSUMERS = 3
MESSAGES_PER_PRODUCER = 100
NO_MORE = "no more"


def connect(folder: Path) -> Connection:
    return Connection(
        transport="seedream_site.file_broker:Transport",
        transport_options={
            "data_folder_in": str(folder),
            "data_folder_out": str(folder),
            "polling_interval": 0.01,
        },
    )


def put(folder: Path, *bodies: object, queue: str = "work") -> None:
    with connect(folder) as connection, connection.SimpleQueue(queue) as messages:
        for body in bodies:
            messages.put(body)


def get(folder: Path, *, queue: str = "work", timeout: float = 60) -> object:
    with connect(folder) as connection, connection.SimpleQueue(queue) as messages:
        message = messages.get(timeout=timeout)
        message.ack()
        return message.payload


def waiting(folder: Path, *, queue: str = "work") -> int:
    with connect(folder) as connection, connection.SimpleQueue(queue) as messages:
        return messages.qsize()


def produce(folder: Path, producer: int) -> None:
    put(folder, *([producer, number] for number in range(MESSAGES_PER_PRODUCER)))


def consume(folder: Path) -> list[list[int]]:
    """What one consumer gets until the last message."""
    received = []
    with connect(folder) as connection, connection.SimpleQueue("work") as messages:
        while (message := messages.get(timeout=60)).payload != NO_MORE:
            message.ack()
            received.append(message.payload)
        message.ack()
    return received


def test_every_message_is_consumed_once_when_many_processes_race(tmp_path):
    with ProcessPoolExecutor(PRODUCERS + CONSUMERS, mp_context=get_context("spawn")) as pool:
        consumers = [pool.submit(consume, tmp_path) for _ in range(CONSUMERS)]
        for producer in [pool.submit(produce, tmp_path, number) for number in range(PRODUCERS)]:
            producer.result()
        put(tmp_path, *[NO_MORE] * CONSUMERS)
        received = [tuple(body) for consumer in consumers for body in consumer.result()]

    sent = [(who, number) for who in range(PRODUCERS) for number in range(MESSAGES_PER_PRODUCER)]
    assert sorted(received) == sent
    assert list(tmp_path.iterdir()) == []


def test_messages_come_in_the_order_they_were_sent(tmp_path):
    put(tmp_path, "first", "second", "third")

    assert [get(tmp_path) for _ in range(3)] == ["first", "second", "third"]


def test_queues_in_one_folder_do_not_mix(tmp_path):
    put(tmp_path, "a request", queue="provider")
    put(tmp_path, "an image", queue="images")

    assert get(tmp_path, queue="images") == "an image"
    assert waiting(tmp_path, queue="provider") == 1


@pytest.mark.parametrize("content", [b"", b'{"body": "cut o', b"\xff\xfe", b"\x00" * 64])
def test_an_unreadable_message_is_dropped_with_a_log_line(tmp_path, caplog, content):
    (tmp_path / "00_torn.work.msg").write_bytes(content)
    put(tmp_path, "whole")

    assert get(tmp_path) == "whole"
    assert "Dropped a message that can't be read: 00_torn.work.msg" in caplog.messages
    assert list(tmp_path.iterdir()) == []


def test_a_message_whose_producer_died_while_writing_is_not_seen(tmp_path):
    (tmp_path / ".00_half.work.msg").write_bytes(b'{"body": "cut o')

    assert waiting(tmp_path) == 0


def test_a_folder_that_was_removed_is_an_empty_queue_and_comes_back(tmp_path):
    folder = tmp_path / "broker"

    assert waiting(folder) == 0
    put(folder, "after the wipe")
    assert get(folder) == "after the wipe"


def test_publishing_to_a_folder_that_cannot_be_written_says_so(tmp_path):
    in_the_way = tmp_path / "broker"
    in_the_way.write_text("a file where the folder should be")

    with pytest.raises(OperationalError, match="Can't write a message to"):
        put(in_the_way, "lost")


def test_purging_removes_one_queue_and_counts(tmp_path):
    put(tmp_path, "one", "two", queue="provider")
    put(tmp_path, "three", queue="images")
    with connect(tmp_path) as connection:
        provider = Queue("provider", Exchange("provider"), routing_key="provider")

        assert provider(connection.default_channel).purge() == 2
    assert waiting(tmp_path, queue="images") == 1


def test_celery_sends_and_receives_over_it(tmp_path):
    app = Celery("test", set_as_current=False)
    app.conf.update(
        broker_transport="seedream_site.file_broker:Transport",
        broker_transport_options={
            "data_folder_in": str(tmp_path),
            "data_folder_out": str(tmp_path),
        },
    )

    app.send_task("generations.submit", args=["an id"], queue="provider")

    with app.connection_for_read() as connection:
        message = connection.SimpleQueue("provider").get(timeout=60)
        assert isinstance(connection.transport, Transport)
        assert message.headers["task"] == "generations.submit"
