"""What people may ask for, checked and returned as values. Nothing is written here."""

from generations.forms.compose import ComposeForm, OriginalForm
from generations.forms.exports import ExportForm, LabelReportForm
from generations.forms.inspection import InspectionForm
from generations.forms.log import LogForm, SavedSearchForm
from generations.forms.tidying import TidyingForm

__all__ = [
    "ComposeForm",
    "ExportForm",
    "InspectionForm",
    "LabelReportForm",
    "LogForm",
    "OriginalForm",
    "SavedSearchForm",
    "TidyingForm",
]
