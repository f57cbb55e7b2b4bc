"""The page that asks for credits and a reason before a bulk action."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.errors import InvalidAmount
from accounts.models import Entry

Apply = Callable[[Any, int, str], object]


class AmountForm(forms.Form):
    """A number of credits and the reason, which the person concerned reads."""

    credits = forms.IntegerField(label=_("Credits for each"), min_value=0)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=Entry._meta.get_field("reason").max_length,
        help_text=_("Goes into the log, and is shown to the person."),
    )


def ask_amount(
    modeladmin: ModelAdmin,
    request: HttpRequest,
    rows: QuerySet,
    *,
    title: str | Promise,
    apply: Apply,
) -> TemplateResponse | None:
    """Ask for credits and a reason, then `apply(row, credits, reason)` to all rows or to none.

    Returns the page until a valid form is sent, and then None. If `apply` raises InvalidAmount, the
    page shows its message beside the field.
    """
    form = AmountForm(request.POST if "apply" in request.POST else None)
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
                apply(row, form.cleaned_data["credits"], form.cleaned_data["reason"])
    except InvalidAmount as error:
        form.add_error("credits", error.message)
        return False
    return True
