"""Orders to label images again, in the Django admin."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from accounts.admin.long_lists import LongListMixin
from accounts.http import actor_of
from accounts.identifiers import uuid_of
from accounts.models import Team
from generations.models import Campaign, Image, Relabelling
from generations.relabelling import asking, choosing
from generations.relabelling.choosing import Choice, Only, Scope
from generations.relabelling.troubles import SENTENCES

MODELS: dict[str, Any] = {Scope.TEAM: Team, Scope.CAMPAIGN: Campaign, Scope.IMAGE: Image}
SHA256 = re.compile(r"[0-9a-f]{64}")


class RelabelForm(forms.Form):
    """Which images to label again."""

    scope = forms.ChoiceField(
        label=_("Of what"), choices=Scope.choices, widget=forms.RadioSelect, initial=Scope.CAMPAIGN
    )
    what = forms.CharField(
        label=_("Which"),
        max_length=300,
        required=False,
        help_text=_(
            "The identifier, or the address of a page with the identifier in it. For a team or "
            "campaign, its name will do. Empty for all images."
        ),
    )
    only = forms.ChoiceField(label=_("Only those"), choices=Only.choices, required=False)
    certificate = forms.CharField(
        label=_("Certificate"),
        max_length=100,
        required=False,
        help_text=_("Its SHA-256, if only files signed with one certificate are to be replaced."),
    )

    def clean_certificate(self) -> str:
        text: str = self.cleaned_data["certificate"].lower().replace(":", "").strip()
        if bool(text) != (self.cleaned_data.get("only") == Only.CERTIFICATE):
            raise ValidationError(_("Give it if, and only if, you choose files signed with it."))
        if text and not SHA256.fullmatch(text):
            raise ValidationError(_("Write 64 hexadecimal digits."))
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                subject = _find(cleaned["scope"], cleaned["what"].strip())
            except ValidationError as error:
                self.add_error("what", error)
            else:
                only, certificate = cleaned["only"], cleaned["certificate"]
                cleaned["choice"] = Choice(cleaned["scope"], subject, only, certificate)
        return cleaned


def _find(scope: str, text: str) -> Any:
    """The row that `text` names. Raises ValidationError."""
    if scope == Scope.ALL:
        if text:
            raise ValidationError(_("Leave it empty for all images."))
        return choosing.everything()
    model = MODELS[scope]
    identifier = next(filter(None, map(uuid_of, text.replace("/", " ").split())), None)
    if identifier:
        found = model.objects.filter(uuid=identifier)
    else:
        found = model.objects.none() if scope == Scope.IMAGE else model.objects.filter(name=text)
    rows = list(found[:2])
    if not rows:
        raise ValidationError(_("Nothing of this kind has this identifier or name."))
    if len(rows) > 1:
        raise ValidationError(_("Several have this name: give the identifier."))
    return rows[0]


@admin.register(Relabelling)
class RelabellingAdmin(LongListMixin, ReadOnlyAdmin):
    """What is labelled again, and how far it is. Adding one counts the images and orders it."""

    actions = ("stop", "resume")
    list_display = ("asked_at", "scope", "progress", "state", "only", "subject", "trouble_in_words")
    list_filter = ("status", "scope", "why")
    fields = (
        *("scope", "subject", "only", "certificate", "why", "asked_by", "asked_at"),
        *("state", "progress", "done", "unchanged", "left_out", "which", "trouble_in_words"),
        *("moved_at", "done_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.add_relabelling")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.change_relabelling")

    @admin.display(description=_("state"))
    def state(self, order: Relabelling) -> str:
        return str(Relabelling.Status(order.status).label)

    @admin.display(description=_("progress"))
    def progress(self, order: Relabelling) -> str:
        so_far = order.done + order.unchanged + order.left_out
        return gettext("%(done)d of %(total)d") % {"done": so_far, "total": order.total}

    @admin.display(description=_("why it waits"))
    def trouble_in_words(self, order: Relabelling) -> str:
        return str(SENTENCES.get(order.trouble, ""))

    @admin.display(description=_("which were left out, and why"))
    def which(self, order: Relabelling) -> str:
        rows = ((uuid, SENTENCES.get(why, why)) for uuid, why in order.left)
        return format_html_join("", "{}: {}<br>", rows)

    @admin.action(description=_("Stop"), permissions=["steer"])
    def stop(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = actor_of(request)
        number = sum(asking.stop(order, actor=actor) for order in queryset)
        told = ngettext("%(n)d order is stopped.", "%(n)d orders are stopped.", number)
        self.message_user(request, told % {"n": number}, messages.SUCCESS)

    @admin.action(description=_("Go on with stopped orders"), permissions=["steer"])
    def resume(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = actor_of(request)
        number = sum(asking.resume(order, actor=actor) for order in queryset)
        told = ngettext("%(n)d order goes on.", "%(n)d orders go on.", number)
        self.message_user(request, told % {"n": number}, messages.SUCCESS)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else None
        form = RelabelForm(given, initial=request.GET.dict())
        if not form.is_valid():
            return self._page(request, form=form, preview=None)
        choice = form.cleaned_data["choice"]
        if "confirm" not in request.POST:
            return self._page(request, form=form, preview=asking.preview(choice))
        try:
            asking.ask(choice, actor=actor_of(request))
        except asking.AlreadyAsked:
            form.add_error(None, gettext("The same is being labelled again already."))
            return self._page(request, form=form, preview=None)
        told = _("A worker labels them, new images first. This list says how far it is.")
        self.message_user(request, told, messages.SUCCESS)
        return redirect("admin:generations_relabelling_changelist")

    def _page(
        self, request: HttpRequest, *, form: RelabelForm, preview: asking.Preview | None
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Label images again"),
            "opts": self.opts,
            "form": form,
            "preview": preview,
        }
        return TemplateResponse(request, "admin/generations/relabel.html", context)
