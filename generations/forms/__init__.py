"""Input: what a person may ask for, checked, and handed on as a value. Nothing is written here."""

from generations.forms.compose import ComposeForm, OriginalForm

__all__ = ["ComposeForm", "OriginalForm"]
