"""A person's own pages: name, and the balance that every page may show."""

from http import HTTPStatus

import pytest
from django.template import engines
from django.test import RequestFactory
from django.urls import reverse

from accounts import ledger
from accounts.context import balance
from accounts.events import Event
from accounts.models import Record, User
from tests.records import said


class TestAccount:
    def test_the_name_can_be_changed_and_both_names_are_on_the_record(self, sign_in, alice):
        response = sign_in(alice).post(reverse("account"), {"name": " Alice Atwood "}, follow=True)

        alice.refresh_from_db()
        assert alice.name == "Alice Atwood"
        assert "Alice Atwood" in response.content.decode()
        record = Record.objects.get(event=Event.USER_CHANGED)
        assert (record.actor, record.facts) == (alice, {"changed": ["name"]})
        assert said(record) == {
            "before": {"name": "Alice Adams"},
            "after": {"name": "Alice Atwood"},
        }

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
    def test_a_name_that_will_not_do_is_refused_beside_its_field(self, sign_in, alice, name):
        response = sign_in(alice).post(reverse("account"), {"name": name})

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert response.context["form"].errors["name"]
        assert response.context["user"].name == "Alice Adams"
        assert User.objects.get(pk=alice.pk).name == "Alice Adams"

    def test_saving_the_same_name_is_no_change(self, sign_in, alice):
        sign_in(alice).post(reverse("account"), {"name": alice.name})

        assert not Record.objects.filter(event=Event.USER_CHANGED).exists()

    def test_nothing_but_the_name_can_be_sent(self, sign_in, alice, charlie):
        forged = {
            "name": alice.name,
            "email": "root@example.com",
            "team": charlie.team_id,
            "quota": 10_000,
            "is_staff": "on",
            "is_superuser": "on",
        }

        sign_in(alice).post(reverse("account"), forged)

        fresh = User.objects.get(pk=alice.pk)
        for field in ("email", "team_id", "quota", "is_staff", "is_superuser"):
            assert getattr(fresh, field) == getattr(alice, field)


class TestBalanceInTemplates:
    def render(self, template, user=None):
        request = RequestFactory().get("/")
        if user:
            request.user = user
        return engines["django"].from_string(template).render(balance(request))

    def test_it_is_the_persons_own(self, alice):
        ledger.set_limit(alice, 42, actor=None, reason="")

        assert self.render("{{ balance.left }}", alice) == "42"

    def test_nothing_is_read_where_it_is_not_used(self, alice, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert self.render("hello", alice) == "hello"

    def test_there_is_none_without_a_person(self, client, db, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert self.render("{% if balance %}yes{% else %}no{% endif %}") == "no"
