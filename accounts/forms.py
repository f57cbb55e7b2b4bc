"""The forms of the account page."""

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import MailChoice, User

TIME_ZONES = "time-zones"  # the identifier of the list that the page draws


class ProfileForm(forms.ModelForm):
    """The name by which a person wants to be called, and their language and time zone."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("Your team sees it beside your images."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=lambda: [("", _("As in the browser")), *settings.LANGUAGES],
        required=False,
        help_text=_("Of all pages, and of mails to you."),
    )
    time_zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        required=False,
        widget=forms.TextInput(
            attrs={"list": TIME_ZONES, "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    class Meta:
        model = User
        fields = ["name", "language", "time_zone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].help_text = _(
            "Write the name of a city to find it. Empty: %(zone)s, as in your team."
        ) % {"zone": self.instance.team.time_zone}


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


def time_zones() -> list[str]:
    """The names of all time zones, in alphabetical order."""
    return sorted(zoneinfo.available_timezones())
