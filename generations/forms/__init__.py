"""What people may ask for, checked and returned as values. Nothing is written here."""

from generations.forms.compose import ComposeForm, OriginalForm

__all__ = ["ComposeForm", "OriginalForm"]
