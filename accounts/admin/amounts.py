"""Amounts in the admin: the field for credits, and the page that asks before a bulk action."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.errors import InvalidAmount
from accounts.ledger import MAX_CREDITS
from accounts.models import Entry

# Called with a row and the values of the form by name.
Apply = Callable[..., object]
WHOLE_NUMBER = re.compile(r"\d{1,12}", re.ASCII)


def whole_number(text: str, *, least: int = 0) -> int:
    """The number of credits that `text` names. Raises ValidationError, and says what to write.

    Stricter than Django, which reads 1.000 as 1.
    """
    if not WHOLE_NUMBER.fullmatch(text) or not least <= int(text) <= MAX_CREDITS:
        raise ValidationError(
            gettext("Write a whole number of credits from %(least)d to %(most)d.")
            % {"least": least, "most": MAX_CREDITS}
        )
    return int(text)


class CreditsField(forms.IntegerField):
    """Credits: a whole number within bounds, or None if the field is empty and need not be."""

    def __init__(self, *, least: int = 0, **kwargs: Any) -> None:
        self.least = least
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> int | None:
        text = "" if value is None else str(value).strip()
        return whole_number(text, least=self.least) if text else None

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        attrs: dict[str, Any] = super().widget_attrs(widget)
        if isinstance(widget, forms.NumberInput):
            attrs |= {"min": self.least, "max": MAX_CREDITS}
        return attrs


def reason_field(**values: Any) -> forms.CharField:
    return forms.CharField(
        max_length=Entry._meta.get_field("reason").max_length,
        help_text=_("Goes into the log, and is shown to the person."),
        **{"label": _("Reason")} | values,
    )


def last_day_field() -> forms.DateField:
    return forms.DateField(
        label=_("Last day (optional)"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text=_("What is unused then is taken back. Empty: the end of the month."),
    )


class AmountForm(forms.Form):
    """A number of credits and the reason, which the person concerned reads."""

    credits = CreditsField(label=_("Credits for each"))
    reason = reason_field()

    def __init__(self, *args: Any, rows: Iterable[Any] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    def described(self) -> list[str]:
        """Each row in words, below the fields."""
        return [str(row) for row in self.rows]


class TopUpsForm(AmountForm):
    """Credits to add, until when, and the name of this form, by which it counts once."""

    ends_on = last_day_field()
    token = forms.UUIDField(required=False, widget=forms.HiddenInput, initial=uuid4)

    field_order = ("credits", "ends_on", "reason", "token")


def ask_amount(
    modeladmin: ModelAdmin,
    request: HttpRequest,
    rows: QuerySet,
    *,
    title: str | Promise,
    apply: Apply,
    form_class: type[AmountForm] = AmountForm,
) -> TemplateResponse | None:
    """Ask with a form, then `apply(row, **values of the form)` to all rows or to none.

    Returns the page until a valid form is sent, and then None. If `apply` raises InvalidAmount, the
    page shows its message beside the field.
    """
    form = form_class(request.POST if "apply" in request.POST else None, rows=rows)
    if form.is_valid() and _applied(form, rows, apply):
        count = len(rows)
        done = ngettext("%(title)s: done for %(n)d.", "%(title)s: done for %(n)d.", count)
        modeladmin.message_user(request, done % {"title": title, "n": count}, messages.SUCCESS)
        return None
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": title,
        "form": form,
        "rows": rows,
        "opts": modeladmin.opts,
        "action": request.POST["action"],
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/accounts/amount.html", context)


def _applied(form: AmountForm, rows: QuerySet, apply: Apply) -> bool:
    try:
        with transaction.atomic():
            for row in rows:
                apply(row, **form.cleaned_data)
    except InvalidAmount as error:
        form.add_error("credits", error.message)
        return False
    return True
