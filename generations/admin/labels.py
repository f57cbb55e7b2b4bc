"""Label policies in the Django admin, with a preview of the badge that is being chosen."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.admin.recorded import RecordedAdmin
from generations import label_policies
from generations.labelling import SAMPLES, Source, sample
from generations.models import Campaign, LabelPolicy

SHOWN = ("team", "campaign", "badge", "corner", "size", "safe_area")
_SAMPLE_NAMES = {
    "light": _("light"),
    "dark": _("dark"),
    "busy": _("busy"),
    "portrait": _("9:16"),
    "wide": _("3:1"),
}
_SECONDS = 300  # for which a browser keeps a preview


class _CampaignField(forms.ModelChoiceField):
    """Names the team too: two teams may have campaigns of the same name."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.team}: {obj}"


class LabelPolicyForm(forms.ModelForm):
    class Meta:
        model = LabelPolicy
        fields = (*SHOWN, "credit", "producer_name", "producer_code", "mining")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not any(cleaned.get(name) for name in label_policies.FIELDS) and not self.errors:
            raise ValidationError(_("Choose something: a policy without a choice says nothing."))
        if "_show" in self.data:
            raise ValidationError(_("Nothing is saved yet. Below is what you have chosen."))
        return cleaned


class PreviewForm(forms.Form):
    """The choices to show, whether or not they could be saved beside the other policies."""

    made = forms.ChoiceField(choices=[(source.value, "") for source in Source], required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= forms.fields_for_model(LabelPolicy, SHOWN)

    def image(self, name: str) -> bytes:
        """The sample picture with the badge, as a JPEG; for a valid form."""
        chosen = dict(self.cleaned_data)
        source = Source(chosen.pop("made") or Source.GENERATED)
        policy = LabelPolicy(**chosen)
        team = policy.campaign.team_id if policy.campaign else None
        is_widest = policy.team is None and policy.campaign is None
        wider = [] if is_widest else label_policies.policies_of(team_id=team, campaign_id=None)
        return sample(name, label_policies.merged([policy, *wider]).badge(source))


@admin.register(LabelPolicy)
class LabelPolicyAdmin(RecordedAdmin):
    """What labels look like and say, for the studio, a team or a campaign."""

    form = LabelPolicyForm
    change_form_template = "admin/generations/label_policy.html"
    list_display = ("holds_for", "badge", "corner", "size", "safe_area", "producer_code", "mining")
    list_select_related = ("team", "campaign__team")
    fieldsets = (
        (_("Where it holds"), {"fields": ("team", "campaign")}),
        (
            _("What files say"),
            {"fields": ("credit", "producer_name", "producer_code", "mining")},
        ),
        (_("Badge"), {"fields": ("badge", "corner", "size", "safe_area")}),
    )
    # They are written into every file that leaves, so there is nothing to erase.
    plain_text_fields = frozenset({"credit", "producer_name", "producer_code"})

    @admin.display(description=_("holds for"))
    def holds_for(self, policy: LabelPolicy) -> str:
        return str(policy) if policy.team or policy.campaign else gettext("the whole studio")

    def formfield_for_choice_field(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        empty = [("", _("— as the next wider policy says"))]
        kwargs["choices"] = db_field.get_choices(blank_choice=empty)
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "campaign":
            rows = Campaign.objects.select_related("team").order_by("team__name", "name")
            kwargs |= {"queryset": rows, "form_class": _CampaignField}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview)
        name = "generations_labelpolicy_preview"
        return [path("preview/<str:name>/", preview, name=name), *super().get_urls()]

    @method_decorator(require_safe)
    def preview(self, request: HttpRequest, name: str) -> HttpResponse:
        """A sample picture with the badge that the query string describes. Changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if name not in SAMPLES:
            raise Http404
        form = PreviewForm(request.GET)
        if not form.is_valid():
            return HttpResponseBadRequest(gettext("There is no such badge."))
        response = HttpResponse(form.image(name), "image/jpeg")
        response["Cache-Control"] = f"private, max-age={_SECONDS}"
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        query = _query(context["adminform"].form)
        context["samples"] = [
            {
                "label": label,
                "address": reverse("admin:generations_labelpolicy_preview", args=[name]),
                "query": query,
                "width": SAMPLES[name][0] // 2,
                "height": SAMPLES[name][1] // 2,
            }
            for name, label in _SAMPLE_NAMES.items()
        ]
        return super().render_change_form(request, context, *args, **kwargs)


def _query(form: forms.BaseForm) -> str:
    """What is chosen in the form, saved or not, as a query string for a preview.

    A form that may only be read has no fields; then it is what is saved.
    """
    saved = forms.model_to_dict(getattr(form, "instance", LabelPolicy()), SHOWN)
    values = {name: form[name].value() if name in form.fields else saved[name] for name in SHOWN}
    chosen = {name: value for name, value in values.items() if value not in (None, "")}
    return urlencode({**chosen, "made": Source.GENERATED.value})
