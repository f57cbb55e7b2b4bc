"""The forms of the account page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import MailChoice, User


class NameForm(forms.ModelForm):
    """The name by which a person wants to be called."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("Your team sees it beside your images."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    class Meta:
        model = User
        fields = ["name"]


class MailForm(forms.ModelForm):
    """When a person gets their notices by mail."""

    when = forms.ChoiceField(
        label=_("Notices by e-mail"),
        choices=MailChoice.When,
        help_text=_("Mails hold no prompts. The page “Notices” shows everything in any case."),
    )

    class Meta:
        model = MailChoice
        fields = ["when"]
