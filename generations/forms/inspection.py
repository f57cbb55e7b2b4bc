"""The form of the page that says what is in a file."""

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

# As large as the largest image that the studio takes from a provider.
MAX_BYTES = 64_000_000


class InspectionForm(forms.Form):
    """A file to look into. Nothing of it is kept."""

    file = forms.FileField(
        label=_("File"),
        help_text=format_lazy(
            _("JPEG, PNG or WebP, at most {most}. Nothing of it is kept."),
            most=filesizeformat(MAX_BYTES),
        ),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        size = file.size or 0
        if size > MAX_BYTES:
            message = _("The file is %(size)s. Choose one of at most %(most)s.")
            sizes = {"size": filesizeformat(size), "most": filesizeformat(MAX_BYTES)}
            raise ValidationError(message, code="too_large", params=sizes)
        return file
