"""Quotas as a table: the download, and the import with a page that says first what changes."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.http import content_disposition_header
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.admin import quota_import, quota_table
from accounts.admin.people_list import PeopleList
from accounts.admin.quota_import import Plan
from accounts.admin.quota_table import MOST_BYTES
from accounts.csv_files import InvalidTable
from accounts.events import Event
from accounts.http import actor_of
from accounts.phrases import listed


class TableForm(forms.Form):
    """The file with the table."""

    file = forms.FileField(
        label=_("Table (CSV)"), error_messages={"required": _("Choose a file first.")}
    )


class QuotaPages(PeopleList):
    """The pages for tables of quotas, beside the list of people."""

    @method_decorator(require_safe)
    def export_quotas(self, request: HttpRequest) -> HttpResponseBase:
        """The quotas of all people whom the admin sees, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        people = self.get_queryset(request).select_related("team").order_by("email", "pk")
        with transaction.atomic():
            facts = {"people": people.count()}
            who = actor_of(request)
            audit.record(Event.QUOTAS_EXPORTED, actor=who, subject=who, facts=facts)
        response = StreamingHttpResponse(
            quota_table.written(people), content_type="text/csv; charset=utf-8"
        )
        name = f"quotas-{localdate():%Y-%m-%d}.csv"
        response["Content-Disposition"] = content_disposition_header(True, name) or ""
        return response

    @method_decorator(csrf_exempt)  # `_import` checks the token: the check reads the file
    def import_quotas(self, request: HttpRequest) -> HttpResponseBase:
        """Read a table, say what each line would change, and do so once it is confirmed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            request.upload_handlers = [MemoryFileUploadHandler(request)]
        return self._import(request)

    @method_decorator(csrf_protect)
    def _import(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST":
            return self._import_page(request, TableForm())
        if "table" in request.POST:
            return self._confirmed(request)
        form = TableForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._import_page(request, form)
        try:
            text = quota_table.text_of(form.cleaned_data["file"].read(MOST_BYTES + 1))
            plan = quota_import.planned(quota_table.lines_of(text), actor=actor_of(request))
        except InvalidTable as error:
            form.add_error("file", error.message)
            return self._import_page(request, form)
        return self._import_page(request, form, plan=plan, text=text)

    def _confirmed(self, request: HttpRequest) -> HttpResponseBase:
        text, state = request.POST["table"], request.POST.get("state", "")
        form = TableForm()
        try:
            lines = quota_table.lines_of(quota_table.text_of(text.encode()))
            plan = quota_import.apply(lines, state=state, actor=actor_of(request))
        except InvalidTable as error:
            self.message_user(request, error.message, messages.ERROR)
            return self._import_page(request, form)
        if plan is None:
            self.message_user(request, _("The quotas were imported."), messages.SUCCESS)
            return redirect("admin:accounts_user_changelist")
        problem = _(
            "Nothing was imported: something has changed since you looked. This is what the "
            "table would do now."
        )
        self.message_user(request, problem, messages.ERROR)
        return self._import_page(request, form, plan=plan, text=text)

    def _import_page(
        self, request: HttpRequest, form: forms.Form, *, plan: Plan | None = None, text: str = ""
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import quotas"),
            "opts": self.opts,
            "form": form,
            "plan": plan,
            "table": text,
            "most": quota_table.MOST_LINES,
            "changes": quota_import.MOST_CHANGES,
            "columns": listed(*quota_table.READ),
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/accounts/quota_import.html", context, status=status)
