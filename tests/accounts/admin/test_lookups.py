"""An admin list refuses query parameters that it does not declare."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.filters import SimpleListFilter
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.admin import RecordedAdmin
from accounts.models import Allowance, Team, User
from generations.models import Generation, Price
from generations.states import Status
from tests.generations.factories import make_generation, make_run

pytestmark = pytest.mark.django_db

EVERY_ADMIN = list(admin.site._registry.values())
GUESSES = ("", "__exact", "__contains", "__startswith", "__regex", "__gt", "__lte", "__in")
# Django's filters write these; the others are a guesser's.
OF_FILTERS = ("", "__exact", "__gte", "__in", "__isempty", "__isnull", "__lt")


def name_of(modeladmin):
    return modeladmin.opts.label


def request_for(user, query) -> object:
    request = RequestFactory().get("/", query)
    request.user = user
    return request


def paths_of(model) -> Iterator[str]:
    """Every field of `model`, and every field of what it is related to, either way."""
    for field in model._meta.get_fields():
        yield field.name
        if field.related_model:
            yield from (f"{field.name}__{each.name}" for each in field.related_model._meta.fields)


def declared_paths(modeladmin, request) -> set[str]:
    """Read the class directly, so that the rule is not compared with itself."""
    named = {name.lstrip("^=@") for name in modeladmin.get_search_fields(request)}
    for each in modeladmin.get_list_filter(request):
        name = each[0] if isinstance(each, tuple) else each
        if isinstance(name, str) or not issubclass(name, SimpleListFilter):
            named |= {name, f"{name}__id"}
        else:
            named.add(name.parameter_name)
    return named


@pytest.mark.parametrize("modeladmin", EVERY_ADMIN, ids=name_of)
class TestEveryAdminClass:
    def test_derives_from_the_base_and_leaves_its_rule_alone(self, modeladmin):
        assert isinstance(modeladmin, RecordedAdmin)
        for rule in ("lookup_allowed", "to_field_allowed"):
            assert getattr(type(modeladmin), rule) is getattr(RecordedAdmin, rule)

    def test_no_field_and_no_relation_can_be_compared_but_the_declared_ones(
        self, modeladmin, superuser
    ):
        request = request_for(superuser, {})
        declared = declared_paths(modeladmin, request)
        allowed = {
            path + guess
            for path in paths_of(modeladmin.model)
            for guess in GUESSES
            if modeladmin.lookup_allowed(path + guess, "1", request)
        }

        tried = set(paths_of(modeladmin.model)) & declared
        assert allowed == {path + each for path in tried for each in OF_FILTERS if each in GUESSES}

    def test_the_list_refuses_before_it_looks_at_a_row(self, modeladmin, superuser):
        table = f'FROM "{modeladmin.opts.db_table}" '
        for field in modeladmin.model._meta.concrete_fields:
            request = request_for(superuser, {f"{field.name}__regex": "^a"})
            refused = pytest.raises(DisallowedModelAdminLookup)
            with CaptureQueriesContext(connection) as asked, refused:
                modeladmin.get_changelist_instance(request)
            assert not [query for query in asked if table in query["sql"]]

    def test_rows_are_named_by_their_key_alone(self, modeladmin, superuser):
        for field in modeladmin.model._meta.fields:
            request = request_for(superuser, {"_to_field": field.name})
            assert modeladmin.to_field_allowed(request, field.name) == field.primary_key
        with pytest.raises(DisallowedModelAdminToField):
            modeladmin.get_changelist_instance(request_for(superuser, {"_to_field": "uuid"}))

    def test_its_own_filters_and_facets_still_work(self, modeladmin, superuser):
        changelist = modeladmin.get_changelist_instance(request_for(superuser, {"_facets": "True"}))
        for spec in changelist.filter_specs:
            for parameter in spec.expected_parameters():
                assert modeladmin.lookup_allowed(parameter, "1", request_for(superuser, {}))


class TestWhatAGuesserTries:
    @pytest.fixture
    def desk(self, admin, client):
        client.force_login(admin)
        return client

    @pytest.fixture
    def secret(self, charlie) -> Generation:
        """A generation of another team, whose body contains the prompt."""
        return make_generation(make_run(charlie), Status.FAILED, body=b'{"prompt": "a secret"}')

    @pytest.mark.parametrize(
        "query",
        [
            {"body__contains": "61"},
            {"body__regex": "secret"},
            {"error_message__contains": "a"},
            {"idempotency_key__startswith": "0"},
            {"run__prompt__contains": "dawn"},
            {"run__user__password__startswith": "md5"},
            {"price__created_by__password__startswith": "md5"},
            {"status__regex": "."},
            {"body": "x"},
            {"pk__gt": "0"},
            {"no_such_field": "x"},
        ],
    )
    def test_is_refused_whether_or_not_a_row_matches(self, desk, secret, query):
        address = reverse("admin:generations_generation_changelist")
        answers = []
        for identifier in (str(secret.uuid), "00000000-0000-0000-0000-000000000000"):
            response = desk.get(address, {"uuid__exact": identifier} | query)
            answers.append((response.status_code, response.content))

        assert answers[0] == answers[1]
        assert answers[0][0] == 400
        assert str(secret.uuid) not in answers[0][1].decode()

    @pytest.mark.parametrize(
        ("model", "query"),
        [
            (User, {"password__startswith": "md5"}),
            (User, {"runs__prompt__contains": "dawn"}),
            (User, {"is_superuser__exact": "1"}),
            (Team, {"members__password__startswith": "md5"}),
            (Price, {"created_by__password__startswith": "md5"}),
            (Allowance, {"user__password__startswith": "md5"}),
        ],
    )
    def test_nor_of_other_lists(self, desk, model, query):
        address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")

        assert desk.get(address, query).status_code == 400

    def test_an_action_cannot_be_aimed_by_a_guess_either(self, desk, secret):
        address = reverse("admin:generations_generation_changelist")
        data = {"action": "fetch_again", "_selected_action": [secret.pk]}

        assert desk.post(f"{address}?body__contains=61", data).status_code == 400

    def test_sorting_knows_only_the_columns_of_the_list(self, desk, secret):
        address = reverse("admin:generations_generation_changelist")
        response = desk.get(address, {"o": "99.body.-idempotency_key"})

        assert response.context["cl"].queryset.query.order_by == ("-id",)

    @pytest.mark.parametrize("term", ["secret", "md5", "dawn"])
    def test_autocomplete_looks_where_the_search_looks(self, desk, secret, term):
        asked = {"app_label": "accounts", "model_name": "user", "field_name": "team", "term": term}

        response = desk.get(reverse("admin:autocomplete"), asked)

        assert response.json()["results"] == []

    def test_what_the_list_names_still_narrows_it(self, desk, secret):
        address = reverse("admin:generations_generation_changelist")
        for query in (
            {"status__exact": "failed"},
            {"id__lt": str(secret.pk + 1)},
            {"q": str(secret.uuid)},
            {"uuid__exact": str(secret.uuid)},
            {"status__exact": "failed", "_facets": "True", "o": "1.-4", "p": "1"},
        ):
            assert list(desk.get(address, query).context["cl"].result_list) == [secret]
        assert not desk.get(address, {"status__exact": "queued"}).context["cl"].result_list
