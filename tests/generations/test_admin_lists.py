"""The cost of the admin's long lists does not grow with their tables."""

import pytest
from django.contrib.admin import site as admin_site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import ledger
from accounts.admin import long_lists
from accounts.models import Entry
from generations.models import Generation, ProviderAccount
from generations.states import Status
from tests.bench.scale import rows
from tests.generations.factories import make_generation, make_run
from tests.queries import plans_of

pytestmark = pytest.mark.django_db

GENERATIONS = "admin:generations_generation_changelist"


@pytest.fixture
def desk(admin, client):
    client.force_login(admin)
    return client


@pytest.fixture
def small_windows(monkeypatch):
    """A list that counts to four, and shows two rows on a page."""
    monkeypatch.setattr(long_lists.WindowPaginator, "most", 4)
    for model in (Generation, Entry):
        monkeypatch.setattr(type(admin_site.get_model_admin(model)), "list_per_page", 2)


@pytest.fixture
def seven(alice):
    run = make_run(alice)
    return [make_generation(run, Status.FAILED, error_code="timeout") for _ in range(7)]


def shown(response):
    return list(response.context["cl"].result_list)


def test_all_rows_are_reached_page_by_page_and_window_by_window(desk, seven, small_windows):
    address, seen = reverse(GENERATIONS), []
    for query in ("", "?p=2"):
        seen += shown(desk.get(address + query))
    older = desk.get(f"{address}?p=2").context["cl"].older
    for query in (older, f"{older}&p=2"):
        seen += shown(desk.get(address + query))
    assert seen == seven[::-1]
    assert not desk.get(f"{address}{older}&p=2").context["cl"].older


def test_says_that_there_are_more_than_it_counted(desk, seven, small_windows):
    page = desk.get(reverse(GENERATIONS)).content.decode()
    assert "More than 4 generations" in page


@pytest.mark.parametrize(
    "query", ["", "?status__exact=failed", "?error_code__exact=timeout", "?p=2"]
)
def test_no_list_counts_further_or_lists_what_a_column_holds(desk, seven, small_windows, query):
    with CaptureQueriesContext(connection) as asked:
        assert desk.get(reverse(GENERATIONS) + query).status_code == 200
    about = [each["sql"] for each in asked if "generations_generation" in each["sql"]]
    assert all("LIMIT 5" in sql for sql in about if "COUNT(" in sql)
    assert not [sql for sql in about if "DISTINCT" in sql]


@pytest.mark.parametrize("status", ["failed", "succeeded"])
def test_a_status_and_an_error_together_are_a_range_of_an_index(desk, seven, status):
    values = {
        "status": f"CASE WHEN i % 3 = 0 THEN '{status}' ELSE 'cancelled' END",
        "error_code": "CASE WHEN i % 20 = 0 THEN 'timeout' ELSE 'auth' END",
    }
    rows.multiply(seven[-1], 5_000, values)
    rows.analyse()
    query = {"status__exact": status, "error_code__exact": "timeout"}

    [plan] = plans_of(lambda: desk.get(reverse(GENERATIONS), query), Generation._meta.db_table)

    assert "generation_by_error_and_status" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_a_key_that_is_used_no_more_is_a_range_of_an_index(desk, seven, apixo_account):
    Generation.objects.update(account=apixo_account)
    rows.multiply(seven[-1], 5_000, {"account_id": "NULL"})
    rows.analyse()
    query = {"account__id__exact": apixo_account.pk}

    [plan] = plans_of(lambda: desk.get(reverse(GENERATIONS), query), Generation._meta.db_table)

    assert "generation_by_account" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_is_not_sorted_by_a_column(desk, seven):
    assert shown(desk.get(reverse(GENERATIONS), {"o": "1"})) == seven[::-1]


@pytest.mark.parametrize(
    ("field", "value"), [("task_id", "task-77"), ("request_id", "req-77"), ("uuid", None)]
)
def test_finds_one_by_its_whole_identifier(desk, seven, apixo_account, field, value):
    wanted = seven[3]
    if value:
        wanted.account = apixo_account
        setattr(wanted, field, value)
        wanted.save()
    assert shown(desk.get(reverse(GENERATIONS), {"q": value or str(wanted.uuid)})) == [wanted]
    assert shown(desk.get(reverse(GENERATIONS), {"q": "nothing"})) == []


@pytest.fixture
def apixo_account(db):
    return ProviderAccount.objects.create(provider="apixo", slot=1, concurrency=1, per_minute=1)


def test_twenty_rows_need_no_more_queries_than_two(desk, alice, seven):
    def queries():
        desk.get(reverse(GENERATIONS))
        with CaptureQueriesContext(connection) as asked:
            desk.get(reverse(GENERATIONS))
        return len(asked)

    few = queries()
    for _ in range(13):
        make_generation(make_run(alice))
    assert queries() == few


def test_an_action_on_more_than_was_counted_is_refused(desk, seven, small_windows):
    data = {"action": "fetch_again", "_selected_action": [seven[0].pk], "select_across": "1"}
    page = desk.post(reverse(GENERATIONS), data, follow=True).content.decode()
    assert "There are more than 4" in page


def test_entries_are_found_by_their_owner(desk, alice, charlie):
    for person in (alice, charlie):
        ledger.allowance_of(person)
    found = shown(desk.get(reverse("admin:accounts_entry_changelist"), {"q": "charlie@"}))
    assert [entry.allowance.user for entry in found] == [charlie]
