"""Several prices at once: a grid, a percentage, a table. Each is shown before it is added."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.events import Event
from accounts.models import Record
from generations import pricing
from generations.models import Budget, BudgetMonth, CreditValue, Price
from generations.pricing import changing, sheets
from generations.pricing.changing import BookChanged, NewPrice
from tests.generations.asking import DEMO
from tests.queries import queries_of

pytestmark = pytest.mark.django_db
HEAD = "engine,tier,credits,cost_usd\n"
LINE = f"{DEMO},2K,7,0.05\n"


@pytest.fixture
def browser(admin, client):
    client.force_login(admin)
    return client


def url(name):
    return reverse(f"admin:generations_price_{name}")


def read(text):
    return sheets.read(text.encode() if isinstance(text, str) else text, pricing.book())


def problems(text):
    with pytest.raises(sheets.BadSheet) as bad:
        read(text)
    return bad.value.problems


class TestTables:
    def test_an_exported_book_changes_nothing(self):
        text = "".join(sheets.written(pricing.book()))
        assert changing.changes(read(text)) == []

    @pytest.mark.parametrize(
        "text",
        [
            HEAD + LINE,
            "\ufeff" + HEAD + LINE,
            (HEAD + LINE).replace("0.05", "0,05").replace(",", ";").replace("0;05", "0,05"),
            (HEAD + LINE).replace("\n", "\r\n"),
            (HEAD + LINE).upper().replace(DEMO.upper(), DEMO),
            HEAD + "\n,,,\n" + LINE,
        ],
    )
    def test_what_spreadsheets_write_is_read(self, text):
        [new] = read(text)
        assert (new.offer, new.credits, new.cost_usd) == ((DEMO, "2K"), 7, Decimal("0.05"))

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (f"{DEMO},2K,0,0.05", "greater than or equal to 1"),
            (f"{DEMO},2K,-4,0.05", "is not a number"),
            (f"{DEMO},2K,1.5,0.05", "is not a whole number"),
            (f"{DEMO},2K,999999999,0.05", "less than or equal to 100000"),
            (f"{DEMO},2K,7,5000", "less than or equal to 1000"),
            (f"{DEMO},2K,=1+1,0.05", "is not a number"),
            (f"{DEMO},2K,NaN,0.05", "is not a number"),
            (f"{DEMO},2K,7,", "cost_usd is empty"),
            (f"{DEMO},9K,7,0.05", "There is no engine"),
            (f"{DEMO},2K,7,0.05,9", "more cells than columns"),
        ],
    )
    def test_a_wrong_line_is_named(self, line, why):
        [problem] = problems(HEAD + LINE.replace("2K", "4K") + line + "\n")
        assert problem.startswith("Line 3")
        assert why in problem

    def test_moments_are_checked(self):
        head = HEAD.strip() + ",valid_from\n"
        assert "is past" in problems(head + f"{DEMO},2K,7,0.05,2020-01-01\n")[0]
        assert "two years" in problems(head + f"{DEMO},2K,7,0.05,9999-01-01\n")[0]
        assert "no moment" in problems(head + f"{DEMO},2K,7,0.05,soon\n")[0]
        day = (timezone.now() + timedelta(days=3)).date()
        [new] = read(head + f"{DEMO},2K,7,0.05,{day}\n")
        assert new.valid_from.isoformat() == f"{day}T00:00:00+00:00"

    def test_tables_have_bounds(self):
        assert "no text in UTF-8" in problems(b"\xff\xfe\x00")[0]
        assert "must name the columns" in problems("a,b\n1,2\n")[0]
        assert "larger than" in problems(HEAD + LINE * 50_000)[0]
        assert "more than 1000 lines" in problems(HEAD + "x,y,1,1\n" * 1_001)[0]
        many = problems(HEAD + "x,y,1,1\n" * 90)
        assert (len(many), many[-1]) == (21, "70 more lines are wrong.")
        assert "earlier line" in problems(HEAD + LINE * 2)[0]


class TestAdding:
    NEW = NewPrice(DEMO, "2K", credits=7, cost_usd=Decimal("0.05"))

    def test_nothing_is_added_to_a_book_that_has_changed(self, admin):
        seen = changing.version()
        changing.add([self.NEW], seen=seen, actor=admin)
        with pytest.raises(BookChanged):
            changing.add([self.NEW], seen=seen, actor=admin)
        assert Price.objects.filter(engine=DEMO, credits=7).count() == 1

    def test_a_moment_that_passed_meanwhile_is_refused(self, admin):
        past = NewPrice(DEMO, "2K", 7, Decimal(1), valid_from=timezone.now() - timedelta(hours=1))
        with pytest.raises(ValidationError):
            changing.add([past, self.NEW], seen=changing.version(), actor=admin)
        assert not Price.objects.filter(engine=DEMO, credits=7).exists()

    def test_plain_values_come_back_as_they_were(self):
        new = NewPrice(DEMO, "2K", 7, Decimal("0.05"), Decimal("0.30"), Decimal("0.003"), 1)
        assert NewPrice.from_plain(new.as_plain()) == new


class TestPages:
    def test_the_book_needs_no_more_queries_for_more_prices(self, browser):
        few = queries_of(lambda: browser.get(url("book")))
        old = timezone.now() - timedelta(days=9)
        Price.objects.bulk_create(
            Price(engine=DEMO, tier="2K", credits=n, cost_usd=1, valid_from=old - timedelta(n))
            for n in range(1, 40)
        )
        assert queries_of(lambda: browser.get(url("book"))) == few

    def test_scheduled_prices_losses_and_missing_ones_are_shown(self, browser):
        later = timezone.now() + timedelta(days=3)
        Price.objects.create(engine=DEMO, tier="2K", credits=99, cost_usd=1, valid_from=later)
        Price.objects.create(engine=DEMO, tier="4K", credits=1, cost_usd=1)
        Price.objects.filter(engine="apixo/seedream-4-5", tier="2K").delete()
        page = " ".join(browser.get(url("book")).content.decode().split())
        assert "then 99 credits, 1 USD" in page
        assert ">9900 % loss" in page
        assert "No price: runs are refused here." in page

    def test_the_list_of_all_prices_names_each_figure_where_rows_are_cards(self, browser):
        Price.objects.create(engine=DEMO, tier="4K", credits=7, cost_usd=1)
        page = browser.get(url("changelist")).content.decode()
        assert '<span data-label="Credits">7</span>' in page

    def test_a_file_is_shown_first_and_added_when_confirmed(self, browser, admin):
        file = SimpleUploadedFile("prices.csv", (HEAD + LINE).encode())
        page = browser.post(url("import"), {"file": file}).content.decode()
        assert "2 → <strong>7</strong>" in page
        assert pricing.price_in_force(DEMO, "2K").credits == 2
        token = re.search(r'name="shown" value="([^"]+)"', page)[1]
        browser.post(url("confirm"), {"shown": token})
        price = pricing.price_in_force(DEMO, "2K")
        assert (price.credits, price.created_by) == (7, admin)
        record = Record.objects.get(event=Event.ADMIN_ADDED)
        assert (record.actor, record.facts["after"]["credits"]) == (admin, 7)
        page = browser.post(url("confirm"), {"shown": token}, follow=True).content.decode()
        assert "Somebody has added a price" in page

    def test_a_forged_page_adds_nothing(self, browser):
        count = Price.objects.count()
        browser.post(url("confirm"), {"shown": "e30:forged"})
        assert Price.objects.count() == count

    def test_a_wrong_file_is_answered_with_its_lines(self, browser):
        file = SimpleUploadedFile("prices.csv", (HEAD + "x,2K,7,1\n").encode())
        page = browser.post(url("import"), {"file": file}).content.decode()
        assert "Line 2: There is no engine" in page

    def grid(self, browser, **more):
        context = browser.get(url("several")).context
        forms = [form for _row, form in context["rows"]]
        fields = {
            field.html_name: "" if field.value() is None else str(field.value())
            for form in forms
            for field in form
            if field.name != "chosen"
        }
        response = browser.post(url("several"), fields | more)
        return {change["new"].offer: change["new"] for change in response.context["changes"] or []}

    def test_a_percentage_raises_all_prices(self, browser):
        raised = self.grid(browser, per_cent="50")
        assert len(raised) == len([each for each in pricing.book() if each.price])
        assert raised[DEMO, "2K"].credits == 3

    def test_a_figure_of_the_grid_changes_one_price(self, browser):
        [number] = [
            n for n, each in enumerate(pricing.book()) if (each.engine, each.tier) == (DEMO, "2K")
        ]
        changed = self.grid(browser, **{f"line-{number}-credits": "6"})
        assert {offer: each.credits for offer, each in changed.items()} == {(DEMO, "2K"): 6}
        chosen = self.grid(browser, per_cent="100", **{f"line-{number}-chosen": "on"})
        assert {offer: each.credits for offer, each in chosen.items()} == {(DEMO, "2K"): 4}


class TestMoneyInTheAdmin:
    def test_a_budget_is_set_and_changed_on_record(self, browser, alice):
        add = reverse("admin:generations_budget_add")
        browser.post(add, {"team": alice.team.pk, "usd": "100"})
        budget = Budget.objects.get()
        change = reverse("admin:generations_budget_change", args=[budget.pk])
        browser.post(change, {"usd": "80", "blocks": "on"})
        facts = Record.objects.get(event=Event.ADMIN_CHANGED).facts
        assert facts["before"] == {"usd": "100.00", "blocks": False}
        assert facts["after"] == {"usd": "80.00", "blocks": True}
        assert BudgetMonth.objects.get().limit == 80_000_000

    @pytest.mark.parametrize("usd", ["-1", "1e20", "0.001", "many"])
    def test_absurd_budgets_are_refused(self, browser, usd):
        browser.post(reverse("admin:generations_budget_add"), {"usd": usd})
        assert not Budget.objects.exists()

    def test_the_studio_has_one_budget(self, browser):
        for _ in range(2):
            response = browser.post(reverse("admin:generations_budget_add"), {"usd": "5"})
        assert "already" in response.content.decode()
        assert Budget.objects.count() == 1

    def test_lists_need_no_more_queries_for_more_rows(self, browser):
        month = timezone.now().date().replace(day=1)
        budget = Budget.objects.create(usd=5)

        def add(number):
            day = (month - timedelta(days=31 * number)).replace(day=1)
            BudgetMonth.objects.create(budget=budget, month=day, limit=1)

        address = reverse("admin:generations_budgetmonth_changelist")
        add(0)
        few = queries_of(lambda: browser.get(address))
        for number in range(1, 12):
            add(number)
        assert queries_of(lambda: browser.get(address)) == few

    def test_margins_follow_the_value_of_a_credit(self, browser):
        row = CreditValue.objects.get()
        browser.post(
            reverse("admin:generations_creditvalue_change", args=[row.pk]), {"usd": "0.02"}
        )
        assert pricing.credit_value() == Decimal("0.02")
        assert Record.objects.get(event=Event.ADMIN_CHANGED).facts["after"] == {"usd": "0.0200"}
