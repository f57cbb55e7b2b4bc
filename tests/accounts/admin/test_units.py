"""Numbers in the forms of the admin: each says what it counts, beside the field."""

import re
from collections.abc import Iterator

import pytest
from django import forms
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.admin.amounts import AmountForm
from generations.models import ProviderAccount, RetentionRule
from generations.states import Status
from tests.generations.factories import make_generation, make_run

UNITS = (
    r"\b(credits?|USD|seconds|days?|pixels|bytes|images|generations|references|submits|place"
    r"|unit of the balance)\b"
)
NUMBERS = (forms.IntegerField, forms.DecimalField, forms.FloatField)


@pytest.fixture
def pages(superuser, sign_in) -> Iterator[dict]:
    """What the admin shows: each list, each form for a new row, and a form for a row of each."""
    account = {"provider": "demo", "slot": 1, "concurrency": 1, "per_minute": 1}
    ProviderAccount.objects.create(**account)
    RetentionRule.objects.create(kind="prompts", days=7)
    make_generation(make_run(superuser), Status.UNKNOWN)
    return contexts(sign_in(superuser))


def contexts(browser: Client) -> Iterator[dict]:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield browser.get(reverse(f"{name}_changelist")).context
        yield browser.get(reverse(f"{name}_add")).context
        for row in model._base_manager.all()[:1]:
            yield browser.get(reverse(f"{name}_change", args=[row.pk])).context


def forms_in(context: dict) -> list[forms.BaseForm]:
    if "cl" in context:
        return context["cl"].formset.forms if context["cl"].formset else []
    if "adminform" in context:
        return [context["adminform"].form]
    return [context["form"]] if "form" in context else []


def without_unit(form: forms.BaseForm) -> set[str]:
    return {
        f"{type(form).__name__} {name}"
        for name, field in form.fields.items()
        if isinstance(field, NUMBERS)
        and not re.search(UNITS, f"{field.label} {field.help_text}", re.IGNORECASE)
    }


@pytest.mark.django_db
def test_every_number_that_can_be_filled_in_has_its_unit(pages):
    shown = [form for context in pages for form in forms_in(context)]
    names = {name for form in shown for name in form.fields}
    assert {"quota", "per_minute", "warn_below", "days", "credits", "decision"} <= names
    assert set().union(*map(without_unit, [*shown, AmountForm()])) == set()


@pytest.mark.parametrize(("label", "is_missing"), [("Limit", True), ("Limit, credits", False)])
def test_a_number_without_a_unit_is_found(label, is_missing):
    form = type("Form", (forms.Form,), {"limit": forms.IntegerField(label=label)})
    assert bool(without_unit(form())) is is_missing
