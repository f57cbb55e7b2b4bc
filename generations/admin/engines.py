"""The list of engines and the defaults of teams in the Django admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.recorded import RecordedAdmin
from accounts.phrases import listed
from generations.models import EngineSetting, TeamDefault
from generations.providers import registry
from generations.providers.capabilities import CUSTOM, Capabilities


def _label(engine: str) -> str:
    known = registry.known_engines().get(engine)
    return registry.full_label(known) if known else engine


class RowForm(forms.ModelForm):
    """An engine in a row of the list, whose controls have no label beside them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        about = {"engine": _label(self.instance.engine)}
        labels = {
            "is_on": _("%(engine)s is switched on") % about,
            "position": _("Place of %(engine)s in the list") % about,
        }
        for name in self.fields.keys() & labels.keys():
            self.fields[name].widget.attrs["aria-label"] = labels[name]


@admin.register(EngineSetting)
class EngineSettingAdmin(RecordedAdmin):
    """Which engines people are offered, in which order, and with which words."""

    list_display = ("engine_label", "is_on", "position", "is_default", "name", "note", "has_key")
    list_editable = ("is_on", "position")
    readonly_fields = ("engine_label",)
    fields = ("engine_label", "is_on", "position", "is_default", "name", "note", "teams")
    plain_text_fields = frozenset({"engine", "name"})

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[forms.ModelForm]:
        return RowForm

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **kwargs | {"widget": forms.CheckboxSelectMultiple}
        )

    @admin.display(description=_("engine"), ordering="engine")
    def engine_label(self, row: EngineSetting) -> str:
        return f"{_label(row.engine)} ({row.engine})"

    @admin.display(description=_("has a key"), boolean=True)
    def has_key(self, row: EngineSetting) -> bool:
        return row.engine in registry.engines()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TeamDefaultForm(forms.ModelForm):
    engine = forms.ChoiceField(label=_("Engine"))

    class Meta:
        model = TeamDefault
        fields = ("team", "engine", "resolution", "aspect_ratio", "num_images")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "engine" in self.fields:
            choices = [(name, _label(name)) for name in registry.known_engines()]
            self.fields["engine"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse what the engine can't do: people would get something else than is written here."""
        cleaned = super().clean() or {}
        engine = registry.known_engines().get(cleaned.get("engine", ""))
        if engine:
            self._check(cleaned, engine.capabilities)
        return cleaned

    def _check(self, cleaned: dict[str, Any], able: Capabilities) -> None:
        resolutions = [each for each in able.resolutions if each != CUSTOM]
        if cleaned.get("resolution") and cleaned["resolution"] not in resolutions:
            self._refuse("resolution", resolutions)
            return
        resolution = cleaned.get("resolution") or next(iter(resolutions), "")
        ratios = able.aspect_ratios(resolution)
        if cleaned.get("aspect_ratio") and cleaned["aspect_ratio"] not in ratios:
            self._refuse("aspect_ratio", ratios)
        if (cleaned.get("num_images") or 0) > able.max_images:
            message = _("This engine makes %(most)d images at most.")
            self.add_error("num_images", message % {"most": able.max_images})

    def _refuse(self, field: str, choices: Any) -> None:
        message = _("This engine has %(choices)s.")
        self.add_error(field, message % {"choices": listed(*choices)})


@admin.register(TeamDefault)
class TeamDefaultAdmin(RecordedAdmin):
    """What the composer starts with for a team. What a person chose themselves goes first."""

    form = TeamDefaultForm
    list_display = ("team", "engine", "resolution", "aspect_ratio", "num_images")
    list_select_related = ("team",)
    plain_text_fields = frozenset({"engine", "resolution", "aspect_ratio"})
