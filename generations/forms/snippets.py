"""Saving a snippet: its name, and the prompt that it holds."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations import snippets
from generations.forms.fields import TextField
from generations.models.snippet import LONGEST_NAME, LONGEST_SNIPPET


class SnippetForm(forms.Form):
    """A script fills `prompt` from the composer when the dialog with this form opens."""

    name = TextField(
        label=gettext_lazy("Name"),
        max_length=LONGEST_NAME,
        error_messages={"required": gettext_lazy("Give the snippet a name.")},
    )
    prompt = TextField(
        label=gettext_lazy("Text"),
        max_length=LONGEST_SNIPPET,
        widget=forms.Textarea(attrs={"rows": 3, "data-from-composer": True}),
        error_messages={"required": gettext_lazy("Write the text to save first.")},
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{"auto_id": "snippet-%s", **kwargs})  # type: ignore[arg-type]

    def refuse(self, error: snippets.NotSaved) -> None:
        """Say beside the name why the snippet was not saved."""
        message = _("Your team has a snippet of this name. Choose another name.")
        if not error.has_name:
            message = _(
                "Nothing was saved: your team keeps %(most)d snippets. Delete one first."
            ) % {"most": snippets.MOST}
        self.add_error("name", message)
