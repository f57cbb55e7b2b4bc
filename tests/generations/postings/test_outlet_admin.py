"""The outlet in the admin: the address is never shown, and a test says what came of it."""

from http import HTTPStatus

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import outlets
from accounts.events import Event
from accounts.models import Notice, Outlet, Posting, Record
from tests.queries import queries_of

pytestmark = pytest.mark.django_db

ADDRESS = "https://hooks.example.com/services/T0/very-secret"
PAGE, ADD = "admin:accounts_outlet_change", "admin:accounts_outlet_add"
SENT = {"is_on": "on", "format": "text", "sent": ["disk:nearly_full"]}


@pytest.fixture
def client(admin, sign_in):
    return sign_in(admin)


def add(client, **values):
    return client.post(reverse(ADD), {**SENT, "address": ADDRESS, **values})


def errors(response):
    return response.context["adminform"].form.errors


class TestSettingUp:
    def test_the_address_is_stored_encrypted_and_never_shown(self, client):
        add(client, secret="a secret of ours that is long")
        outlet = Outlet.objects.get()
        assert outlets.target(outlet).address == ADDRESS
        assert b"very-secret" not in bytes(outlet.sealed_address)
        for page in (reverse(PAGE, args=[1]), reverse("admin:accounts_outlet_changelist")):
            text = client.get(page).content.decode()
            assert "https://hooks.example.com/…" in text
            assert "very-secret" not in text
            assert "secret of ours" not in text

    def test_the_address_is_not_on_the_record(self, client):
        add(client)
        client.post(reverse(PAGE, args=[1]), {**SENT, "address": ADDRESS + "2"})
        records = Record.objects.filter(event__in=(Event.ADMIN_ADDED, Event.ADMIN_CHANGED))
        assert len(records) == 2
        for record in records:
            assert "very-secret" not in str(record.facts) + str(record.payload.data)

    def test_empty_fields_keep_what_is_stored(self, client):
        add(client, secret="a secret of ours that is long")
        client.post(reverse(PAGE, args=[1]), {**SENT, "format": "card"})
        outlet = Outlet.objects.get()
        kept = outlets.target(outlet)
        assert (outlet.format, kept.address) == ("card", ADDRESS)
        assert kept.secret == "a secret of ours that is long"

    def test_kinds_that_are_not_chosen_are_left_out(self, client):
        add(client)
        left_out = Outlet.objects.get().left_out
        assert "beat:silent" in left_out
        assert "disk:nearly_full" not in left_out

    @pytest.mark.parametrize(
        "address",
        ["", "hooks.example.com", "http://hooks.example.com/", "https://me:pw@example.com/"],
    )
    def test_an_address_that_may_not_be_called(self, client, address):
        assert "address" in errors(add(client, address=address))
        assert not Outlet.objects.exists()

    def test_a_secret_that_is_too_short(self, client):
        assert "secret" in errors(add(client, secret="short"))

    def test_there_is_only_one(self, client):
        add(client)
        assert client.get(reverse(ADD)).status_code == HTTPStatus.FORBIDDEN


class TestTest:
    def press(self, client):
        response = client.post(reverse("admin:accounts_outlet_test", args=[1]), follow=True)
        return [str(message) for message in response.context["messages"]]

    def test_one_that_arrives(self, client, outlet, receiver):
        assert self.press(client) == ["The other side took the test."]
        assert receiver.texts[0]["kind"] == "outlet:test"
        assert "trouble" not in Record.objects.get(event=Event.OUTLET_TESTED).facts

    def test_one_that_does_not(self, client, outlet, receiver):
        receiver.status = 404
        [told] = self.press(client)
        assert told.startswith("The test did not arrive. The other side does not know the address.")
        assert Record.objects.get(event=Event.OUTLET_TESTED).facts["trouble"] == "gone"


def make_postings(number):
    now = timezone.now()
    for cause in range(number):
        notice = Notice.objects.create(
            kind="disk:nearly_full", cause=f"{number} {cause}", raised_at=now, seen_at=now
        )
        Posting.objects.create(notice=notice)


def test_the_list_of_postings_costs_the_same_for_any_number(client, outlet):
    page = reverse("admin:accounts_posting_changelist")
    make_postings(2)
    few = queries_of(lambda: client.get(page))
    make_postings(40)
    assert queries_of(lambda: client.get(page)) == few
