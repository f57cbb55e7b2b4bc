"""Erasures, legal holds and retention rules in the Django admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin, RecordedAdmin, rights
from accounts.admin.long_lists import LongListMixin
from accounts.forgetting import is_forgotten
from accounts.http import actor_of
from accounts.identifiers import uuid_of
from accounts.models import User
from accounts.phrases import sentences
from generations import holds
from generations.erasing import asking, retention, work
from generations.erasing.targets import Target
from generations.erasing.troubles import SENTENCES, ErasureRefused
from generations.models import Campaign, Erasure, LegalHold, RetentionRule, Run
from generations.models.erasing import LONGEST_REASON

NAME_NOBODY = _("Goes into the log, and stays there: name nobody and quote nothing.")
WHAT = _(
    "The identifier, or the address of a page with the identifier in it. For a person, the e-mail "
    "address will do."
)
WHAT_IS_HELD = _(
    "The identifier, or the address of a page with the identifier in it. For a person, the e-mail "
    "address will do; for a campaign, its name."
)


def find(scope: str, text: str) -> Any:
    """The person, run, campaign or image that `text` names. Raises ValidationError."""
    text = text.strip()
    parts = text.replace("/", " ").split()
    identifier = next(filter(None, map(uuid_of, parts)), None)
    rows = holds.MODELS[scope].objects
    if identifier:
        found = rows.filter(uuid=identifier)
    elif scope == holds.Scope.PERSON:
        found = rows.filter(email__iexact=text)
    elif scope == holds.Scope.CAMPAIGN:
        found = rows.filter(name__iexact=text)
    else:
        found = rows.none()
    try:
        return found.get()
    except rows.model.DoesNotExist as error:
        raise ValidationError(_("Nothing of this kind has this identifier.")) from error
    except rows.model.MultipleObjectsReturned as error:
        raise ValidationError(
            _("Several teams have one of this name: give its identifier.")
        ) from error


def in_words(row: Any) -> str:
    """What an admin knows a person, run, campaign or image by. No prompt."""
    if isinstance(row, User):
        return f"{row.name or row.email} ({row.email})"
    if isinstance(row, Campaign):
        return f"{row.name}, {row.team}"
    about = {"person": row.user} if isinstance(row, Run) else {"person": row.run.user}
    about |= {
        "time": date_format(timezone.localtime(row.created_at), "DATETIME_FORMAT"),
        "uuid": row.uuid,
    }
    if isinstance(row, Run):
        return gettext("Run of %(person)s, %(time)s (%(uuid)s)") % about
    return gettext("Image of %(person)s, %(time)s (%(uuid)s)") % about


class EraseForm(forms.Form):
    """What to erase, and why."""

    scope = forms.ChoiceField(
        label=_("Kind"),
        choices=[each for each in Erasure.Scope.choices if each[0] != Erasure.Scope.RULE],
        widget=forms.RadioSelect,
    )
    what = forms.CharField(label=_("Which"), max_length=300, help_text=WHAT)
    pictures = forms.BooleanField(
        label=_("Images too"),
        required=False,
        help_text=_(
            "Of a person or run: delete the images and uploads as well. Otherwise the labelled "
            "images stay."
        ),
    )
    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON, help_text=NAME_NOBODY)

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if {"scope", "what"} <= cleaned.keys():
            try:
                row = find(cleaned["scope"], cleaned["what"])
                self._refuse(row)
            except ValidationError as error:
                self.add_error("what", error)
            else:
                pictures = cleaned.get("pictures") or cleaned["scope"] == Erasure.Scope.IMAGE
                cleaned["target"] = Target(cleaned["scope"], row, bool(pictures))
        return cleaned

    def _refuse(self, row: Any) -> None:
        if not isinstance(row, User):
            return
        if row == self.actor:
            raise ValidationError(_("You can't erase yourself. Ask somebody else."))
        if rights.is_above(row, self.actor):
            raise ValidationError(_("This person has permissions that you don't have."))
        if is_forgotten(row):
            raise ValidationError(_("This person is erased."))


class HoldForm(forms.ModelForm):
    what = forms.CharField(label=_("Which"), max_length=300, help_text=WHAT_IS_HELD)

    class Meta:
        model = LegalHold
        fields = ("scope", "reason")
        widgets = {"scope": forms.RadioSelect}
        help_texts = {"reason": NAME_NOBODY}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "scope" in self.fields:
            self.fields["scope"].choices = LegalHold.Scope.choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if {"scope", "what"} <= cleaned.keys():
            try:
                cleaned["row"] = find(cleaned["scope"], cleaned["what"])
            except ValidationError as error:
                self.add_error("what", error)
        return cleaned


class LiftForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON, help_text=NAME_NOBODY)


@admin.register(Erasure)
class ErasureAdmin(LongListMixin, ReadOnlyAdmin):
    """What was and is being erased. Adding one asks what and why, shows it, and orders it."""

    actions = ("resume",)
    list_display = ("asked_at", "scope", "subject", "state", "trouble_in_words", "asked_by")
    list_filter = ("status", "scope")
    list_select_related = ("asked_by",)
    fields = (
        *("scope", "subject", "pictures", "asked_by", "asked_at", "state", "trouble_in_words"),
        *("records", "runs", "images", "uploads", "files_kept"),
        *("emptied_at", "done_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.add_erasure")

    def has_resume_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.change_erasure")

    @admin.display(description=_("state"))
    def state(self, erasure: Erasure) -> str:
        return str(Erasure.Status(erasure.status).label)

    @admin.display(description=_("why it waits"))
    def trouble_in_words(self, erasure: Erasure) -> str:
        return str(SENTENCES.get(erasure.trouble, ""))

    @admin.action(description=_("Go on with stopped erasures"), permissions=["resume"])
    def resume(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = actor_of(request)
        number = sum(work.resume(erasure, actor=actor) for erasure in queryset)
        told = ngettext("%(n)d erasure goes on.", "%(n)d erasures go on.", number)
        self.message_user(request, told % {"n": number}, messages.SUCCESS)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else None
        form = EraseForm(given, initial=request.GET.dict(), actor=actor_of(request))
        if not form.is_valid():
            return self._page(request, form=form, preview=None)
        target = form.cleaned_data["target"]
        if "confirm" not in request.POST:
            return self._page(request, form=form, preview=asking.preview(target))
        return self._ask(request, form, target)

    def _ask(self, request: HttpRequest, form: EraseForm, target: Target) -> HttpResponse:
        try:
            asking.ask(target, reason=form.cleaned_data["reason"], actor=actor_of(request))
        except ErasureRefused as refused:
            form.add_error(None, refused.message)
        except asking.AlreadyAsked:
            form.add_error(None, gettext("It is being erased, or stands in the list as stopped."))
        else:
            told = _("A worker erases it now. This list says how far it has come.")
            self.message_user(request, told, messages.SUCCESS)
            return redirect("admin:generations_erasure_changelist")
        return self._page(request, form=form, preview=None)

    def _page(
        self, request: HttpRequest, *, form: EraseForm, preview: asking.Preview | None
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erase for good") if preview else _("Erase a person, a run or an image"),
            "opts": self.opts,
            "form": form,
            "preview": preview,
            "what": in_words(preview.target.row) if preview else "",
        }
        return TemplateResponse(request, "admin/generations/erase.html", context)


@admin.register(LegalHold)
class LegalHoldAdmin(LongListMixin, ReadOnlyAdmin):
    """What must not be erased. A hold is placed here, and lifted with a reason."""

    form = HoldForm
    actions = ("lift",)
    list_display = ("placed_at", "scope", "what", "reason", "placed_by", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "scope")
    list_select_related = ("placed_by",)
    fields = ("scope", "what", "reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("scope", "what", "reason") if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.add_legalhold")

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generations.change_legalhold")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with what each hold is about, in a query for each kind."""
        shown: Any = super().get_changelist_instance(request)
        rows = list(shown.result_list)
        subjects = holds.subjects_of(rows)
        for hold in rows:
            hold.row = subjects.get(hold.subject)
        shown.result_list = rows
        return shown

    @admin.display(description=_("held"))
    def what(self, hold: Any) -> str:
        row = hold.row if hasattr(hold, "row") else holds.subject_of(hold)
        return in_words(row) if row else str(hold.subject)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        hold = holds.place(
            given["scope"], given["row"], reason=given["reason"], actor=actor_of(request)
        )
        obj.pk = hold.pk
        obj.refresh_from_db()

    def record_addition(self, request: HttpRequest, row: Any) -> None:
        """Write nothing: the hold has its own record."""

    @admin.action(description=_("Lift holds"), permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet) -> TemplateResponse | None:
        form = LiftForm(request.POST if "apply" in request.POST else None)
        if form.is_valid():
            why = form.cleaned_data["reason"]
            lifted = [holds.lift(hold, reason=why, actor=actor_of(request)) for hold in queryset]
            told = ngettext("%(n)d hold is lifted.", "%(n)d holds are lifted.", sum(lifted))
            self.message_user(request, told % {"n": sum(lifted)}, messages.SUCCESS)
            return None
        return TemplateResponse(
            request, "admin/accounts/amount.html", self._context(request, form, queryset)
        )

    def _context(self, request: HttpRequest, form: LiftForm, rows: QuerySet) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": _("Lift holds"),
            "form": form,
            "rows": rows,
            "opts": self.opts,
            "action": request.POST["action"],
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }


@admin.register(RetentionRule)
class RetentionRuleAdmin(RecordedAdmin):
    """After how many days what is erased, and what that would be now."""

    list_display = ("kind", "campaign", "days", "is_active", "due_now")
    list_select_related = ("campaign__team",)
    fields = ("kind", "campaign", "days", "is_active", "due_now")
    readonly_fields = ("due_now",)

    @admin.display(description=_("would be erased now"))
    def due_now(self, rule: RetentionRule) -> str:
        if rule.pk is None:
            return gettext("Save the rule first, not active. Then this says what it would erase.")
        return sentences(_due_in_words(retention.due_of(rule)), _left_out())


def _due_in_words(due: retention.Due) -> str:
    if not due.oldest:
        return gettext("nothing")
    about = {
        "n": due.count,
        "most": retention.COUNTED_MOST,
        "day": date_format(timezone.localtime(due.oldest), "DATE_FORMAT"),
    }
    if due.is_more:
        return gettext("more than %(most)d, the oldest of %(day)s") % about
    return gettext("%(n)d, the oldest of %(day)s") % about


def _left_out() -> str:
    number = holds.in_force()
    told = gettext("(Legal holds in force: %(n)d. What they cover stays.)")
    return told % {"n": number} if number else ""
