"""Each record says where its act came from: an address and a session, or a command and its user."""

import threading

import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse

from accounts import audit, origin
from accounts.events import Event
from accounts.models import Record
from tests.records import write

pytestmark = pytest.mark.django_db


def newest(event):
    return Record.objects.filter(event=event).select_related("payload").latest("pk")


def test_acts_of_one_session_name_the_same_session_as_its_sign_in(sign_in_by_page, alice):
    client = sign_in_by_page(alice)
    client.post(reverse("account"), {"name": "Alice Atwood"})
    signed_in, renamed = newest(Event.USER_SIGNED_IN), newest(Event.USER_CHANGED)
    assert renamed.payload.data["ip"] == "127.0.0.1"
    assert renamed.payload.data["session"] == signed_in.payload.data["session"]
    assert client.session.session_key not in str((renamed.facts, renamed.payload.data))


def test_another_session_has_another_name(sign_in, alice):
    first, second = sign_in(alice), sign_in(alice)
    names = set()
    for number, client in enumerate((first, second)):
        client.post(reverse("account"), {"name": f"Alice {number}"})
        names.add(newest(Event.USER_CHANGED).payload.data["session"])
    assert len(names) == 2


def test_an_act_of_nobody_during_a_request_names_no_caller(rf, alice):
    request = rf.get("/")
    with origin.of_request(request), transaction.atomic():
        record = audit.record(Event.USER_CHANGED, actor=None, subject=alice)
    assert record.personal is None


def test_what_a_command_does_names_command_user_and_machine(alice):
    call_command("set_quota", alice.email, "40", verbosity=0)
    record = newest(Event.ALLOWANCE_LIMIT_SET)
    assert record.facts["command"] == "set_quota"
    assert record.payload.data["os_user"]
    assert record.payload.data["host"]


def test_what_another_thread_does_meanwhile_names_no_command(alice):
    found = []
    with origin.at_shell("generate"):
        thread = threading.Thread(target=lambda: found.append(origin.facts()))
        thread.start()
        thread.join()
    assert found == [{}]


def test_nothing_is_left_of_an_origin_after_its_end(alice):
    with origin.at_shell("generate"):
        pass
    assert write(Event.USER_CHANGED, actor=alice, subject=alice).personal is None


@pytest.mark.parametrize("command", ["catch_up", "index_prompts", "recover"])
def test_a_command_without_a_record_of_its_own_records_its_use(command):
    call_command(command, verbosity=0)
    record = newest(Event.SHELL_USED)
    assert (record.facts["command"], record.subject_kind) == (command, "studio")
    assert record.payload.data["os_user"]


def test_a_shell_is_on_the_record():
    call_command("shell", "--no-imports", "-c", "pass")
    assert newest(Event.SHELL_USED).facts == {"command": "shell"}
