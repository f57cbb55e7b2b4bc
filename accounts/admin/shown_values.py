"""Two admins at once: a value is saved only in the place of the value that the page showed."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.admin.amounts import CreditsField
from accounts.admin.recorded import RecordedAdmin


class Stale(Exception):
    """Somebody else has changed a value since the page was drawn."""


class ShownValuesForm(forms.ModelForm):
    """A form whose fields in `conditional` carry the value that was shown.

    If the row has another value by now, the form says so, and can be sent again to replace it.
    """

    conditional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.conditional:
            if name in self.fields and self.instance.pk:
                self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name, value in self.shown_before().items():
            current = getattr(self.instance, name)
            if value != current:
                self._show(name, current)
                self.add_error(name, _stale(current))
        return cleaned

    def shown_before(self) -> dict[str, Any]:
        """The values that the page showed of the fields that are changed now, by name."""
        names = set(self.changed_data) & set(self.conditional) if self.instance.pk else set()
        return {name: self._shown(name) for name in sorted(names)}

    def _shown(self, name: str) -> Any:
        bound = self[name]
        widget = bound.field.hidden_widget()
        text = widget.value_from_datadict(self.data, self.files, bound.html_initial_name)
        try:
            return bound.field.to_python(text)
        except ValidationError:
            return text

    def _show(self, name: str, current: Any) -> None:
        given: Any = self.data
        data = given.copy()
        data[self[name].html_initial_name] = "" if current is None else str(current)
        self.data = data


class QuotaFields(ShownValuesForm):
    """Quotas as fields, each empty or a whole number of credits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.conditional) & self.fields.keys():
            given = self.fields[name]
            self.fields[name] = CreditsField(
                label=given.label, help_text=given.help_text, required=False, widget=given.widget
            )
            self.fields[name].show_hidden_initial = bool(self.instance.pk)


class ShownValuesAdmin(RecordedAdmin):
    """An admin whose forms are `ShownValuesForm`: the comparison holds until the row is saved."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and isinstance(form, ShownValuesForm):
            _hold(obj, form)
        super().save_model(request, obj, form, change)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except Stale:
            return self._told(request)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Stale:
            return self._told(request)

    def _told(self, request: HttpRequest) -> HttpResponse:
        text = _("Nothing was saved: somebody else has just changed a value. Look at it again.")
        self.message_user(request, text, messages.ERROR)
        return redirect(request.get_full_path())


def _hold(row: models.Model, form: ShownValuesForm) -> None:
    """Lock the row if it still has the values that were shown. Raises Stale."""
    shown = form.shown_before()
    # Writing the same values locks the row on every database.
    if shown and not type(row)._base_manager.filter(pk=row.pk, **shown).update(**shown):
        raise Stale


def _stale(current: Any) -> str:
    if current is None:
        return _(
            "Nothing was saved: somebody has emptied this meanwhile. Save again to replace that."
        )
    text = _(
        "Nothing was saved: somebody has set this to %(current)s meanwhile. Save again to replace "
        "that."
    )
    return text % {"current": current}
