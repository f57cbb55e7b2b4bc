"""Asking for an export of the log: the filters of its page, and a format."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.models import User
from generations.exports.log import LOG
from generations.forms.log import LogForm
from generations.models import Campaign

LONGEST_QUERY = 4000  # characters


class ExportForm(forms.Form):
    """The format of an export, and the query string of the page of the log from which it comes."""

    format = forms.ChoiceField(
        label=_("Format"),
        choices=[(each.name, each.label) for each in LOG.formats],
        help_text=_(
            "A ZIP holds a program that verifies it without the studio. JSON Lines are for "
            "programs. A CSV table is for spreadsheets, and cuts very long texts."
        ),
    )
    query = forms.CharField(
        label=_("Filters"), max_length=LONGEST_QUERY, required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        query = str(self["query"].value() or "")[:LONGEST_QUERY]
        self.log = LogForm(QueryDict(query), reader=reader)

    def clean_query(self) -> str:
        query: str = self.cleaned_data["query"]
        if not self.log.is_valid():
            raise ValidationError(
                [error for errors in self.log.errors.values() for error in errors]
            )
        return query

    @property
    def options(self) -> dict[str, Any]:
        """What `generations.exports.log` needs, of a valid form."""
        return {
            "filters": self.log.given,
            "words": self.log.in_words,
            "asked": self.log.asked.as_json(),
        }


class LabelReportForm(forms.Form):
    """Of which campaign a label report is."""

    campaign = forms.ModelChoiceField(
        label=_("Campaign"),
        queryset=Campaign.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("All images"),
    )

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = Campaign.objects.all()
        seen = every if audit.reads_whole_log(reader) else Campaign.objects.visible_to(reader)
        self.fields["campaign"].queryset = seen.order_by("name")  # type: ignore[attr-defined]

    @property
    def options(self) -> dict[str, Any]:
        """What `generations.exports.labels` needs, of a valid form."""
        campaign = self.cleaned_data["campaign"]
        words = [campaign.name if campaign else str(_("All images"))]
        filters = {"campaign": campaign.name} if campaign else {}
        return {
            "campaign": str(campaign.uuid) if campaign else "",
            "words": words,
            "filters": filters,
        }
