"""The form on the page of a person's credits with which they ask for more."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.credit_requests import LONGEST_NOTE
from accounts.ledger import MAX_CREDITS
from generations.forms.fields import TextField


class AskForm(forms.Form):
    """How many credits, and what for. `mark` names the button that lacked them, if any."""

    credits = forms.IntegerField(label=_("Credits"), min_value=1, max_value=MAX_CREDITS)
    note = TextField(
        label=_("What for"),
        max_length=LONGEST_NOTE,
        required=False,
        help_text=_("Admins read it, and the log keeps it."),
    )
    mark = forms.CharField(required=False, widget=forms.HiddenInput)
