"""The price book in the admin: what is in force, and changes of several prices at once.

Each change is first shown as it would be. The page that shows it holds the new prices, signed, and
the version of the book; they are added only if nobody has added a price in between.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.recorded import RecordedAdmin
from accounts.http import actor_of
from generations import pricing
from generations.admin.words import engine_in_words, tier_in_words
from generations.models import Price
from generations.pricing import Line, changing, sheets
from generations.pricing.changing import FIGURES, BookChanged, Change, NewPrice
from generations.pricing.defaults import EXTRAS

SALT = "generations.price_book"
# A preview that is older shows what may no longer be so.
PREVIEW_SECONDS = 3600
MOST_LINES = 300


class FigureForm(forms.ModelForm):
    """One line of the book: its figures, and whether a percentage applies to it."""

    chosen = forms.BooleanField(required=False)

    class Meta:
        model = Price
        fields = FIGURES

    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line = line
        about = {"engine": engine_in_words(line.engine), "tier": tier_in_words(line.tier)}
        for name, field in self.fields.items():
            label = _("Choose") if name == "chosen" else str(field.label)
            about["what"] = label
            field.required = field.required and name not in EXTRAS
            field.widget.attrs["aria-label"] = _("%(engine)s, %(tier)s: %(what)s") % about
        # A tier without a price may stay without one.
        self.empty_permitted = line.price is None
        self.use_required_attribute = not self.empty_permitted

    def differs(self, figures: Mapping[str, Any]) -> bool:
        """Whether `figures` are others than those in force."""
        price = self.line.price
        return price is None or any(getattr(price, name) != figures[name] for name in FIGURES)

    def validate_unique(self) -> None:
        """Nothing is saved from here; `changing.add` decides."""

    def validate_constraints(self) -> None:
        """As above."""


class SeveralForm(forms.Form):
    """From when the new prices are valid, and by how much chosen ones are raised."""

    valid_from = forms.SplitDateTimeField(
        label=gettext_lazy("Valid from"),
        required=False,
        widget=forms.SplitDateTimeWidget(
            date_attrs={"type": "date"},
            time_attrs={"type": "time"},
            date_format="%Y-%m-%d",
            time_format="%H:%M",
        ),
        help_text=gettext_lazy("UTC. Empty: from now on."),
    )
    per_cent = forms.DecimalField(
        label=gettext_lazy("Raise credits by, per cent"),
        required=False,
        min_value=-90,
        max_value=1000,
        decimal_places=2,
        help_text=gettext_lazy(
            "Of the chosen lines, or of all if none is chosen. Rounded to whole credits, so that "
            "small prices may stay as they are. Below zero lowers them."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = _("Valid from: date"), _("Valid from: time")
        widgets = self.fields["valid_from"].widget.widgets
        for widget, label in zip(widgets, labels, strict=True):
            widget.attrs["aria-label"] = label


class SheetForm(forms.Form):
    """A table with prices."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy("Export the book, change the figures, and import it here."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )


class PriceBookMixin(RecordedAdmin):
    """The pages of the book. Those that look need the right to see prices, the others to add."""

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "book/": (self.book_page, "book"),
            "book/export/": (self.export_page, "export"),
            "book/several/": (self.several_page, "several"),
            "book/import/": (self.import_page, "import"),
            "book/confirm/": (self.confirm_page, "confirm"),
        }
        own = [
            path(route, self.admin_site.admin_view(page), name=f"generations_price_{name}")
            for route, (page, name) in pages.items()
        ]
        return [*own, *super().get_urls()]

    @method_decorator(require_safe)
    def book_page(self, request: HttpRequest) -> HttpResponse:
        """The prices in force, those to come, the last bills and the margins."""
        _demand(self.has_view_permission(request))
        return _page(self, request, "book", _("Price book"), lines=_shown(pricing.book()))

    @method_decorator(require_safe)
    def export_page(self, request: HttpRequest) -> HttpResponseBase:
        """The prices in force as CSV, as `import_page` reads it."""
        _demand(self.has_view_permission(request))
        table = sheets.written(pricing.book())
        response = StreamingHttpResponse(table, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="prices.csv"'
        return response

    def several_page(self, request: HttpRequest) -> HttpResponse:
        """A grid of all prices; sent, it shows the changes."""
        _demand(self.has_add_permission(request))
        lines = pricing.book()[:MOST_LINES]
        data = request.POST if request.method == "POST" else None
        several = SeveralForm(data)
        forms_of_lines = [_figure_form(number, line, data) for number, line in enumerate(lines)]
        if data is not None and all([several.is_valid(), *(f.is_valid() for f in forms_of_lines)]):
            new = _asked(several, forms_of_lines)
            if problems := sorted({text for each in new for text in each.problems()}):
                several.add_error(None, problems)
            else:
                return _preview(self, request, changing.changes(new))
        return _page(
            self,
            request,
            "several",
            _("Change several prices"),
            form=several,
            rows=list(zip(_shown(lines), forms_of_lines, strict=True)),
        )

    @method_decorator(csrf_exempt)  # `_import` checks the token: the check reads the file
    def import_page(self, request: HttpRequest) -> HttpResponse:
        """A file with prices; sent, it shows the changes."""
        _demand(self.has_add_permission(request))
        # Everywhere else, files are dropped. The limit for a request bounds it.
        request.upload_handlers = [TemporaryFileUploadHandler(request)]
        return self._import(request)

    @method_decorator(csrf_protect)
    def _import(self, request: HttpRequest) -> HttpResponse:
        is_sent = request.method == "POST"
        form = SheetForm(request.POST, request.FILES) if is_sent else SheetForm()
        if form.is_valid():
            content = form.cleaned_data["file"].read(sheets.MOST_BYTES + 1)
            try:
                new = sheets.read(content, pricing.book())
                return _preview(self, request, changing.changes(new))
            except sheets.BadSheet as error:
                form.add_error("file", error.problems)
        return _page(self, request, "import", _("Import prices"), form=form)

    @method_decorator(require_POST)
    def confirm_page(self, request: HttpRequest) -> HttpResponse:
        """Add the prices that the page before has shown."""
        _demand(self.has_add_permission(request))
        try:
            shown = signing.loads(request.POST.get("shown", ""), salt=SALT, max_age=PREVIEW_SECONDS)
            new = [NewPrice.from_plain(each) for each in shown["new"]]
            rows = changing.add(new, seen=shown["seen"], actor=actor_of(request))
        except signing.BadSignature:
            messages.error(request, _("This page was open too long. Nothing was added; try again."))
        except BookChanged:
            messages.error(
                request,
                _("Somebody has added a price in the meantime. Nothing was added; look again."),
            )
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            for row in rows:
                self.record_addition(request, row)
            _tell(request, len(rows))
        return redirect("admin:generations_price_book")


def _demand(is_allowed: bool) -> None:
    if not is_allowed:
        raise PermissionDenied


def _tell(request: HttpRequest, count: int) -> None:
    text = ngettext("%(count)d price was added.", "%(count)d prices were added.", count)
    messages.success(request, text % {"count": count})


def _figure_form(number: int, line: Line, data: Any) -> FigureForm:
    price = line.price
    initial = {name: getattr(price, name) for name in FIGURES} if price else {}
    return FigureForm(data, prefix=f"line-{number}", line=line, initial=initial)


def _asked(several: SeveralForm, forms_of_lines: list[FigureForm]) -> list[NewPrice]:
    """The prices that differ from those in force, as the grid and the percentage say."""
    per_cent, moment = several.cleaned_data["per_cent"], several.cleaned_data["valid_from"]
    some = any(form.cleaned_data.get("chosen") for form in forms_of_lines)
    new = []
    for form in forms_of_lines:
        if form.cleaned_data.get("credits") is None:
            continue
        figures: dict[str, Any] = {name: form.cleaned_data[name] or Decimal(0) for name in FIGURES}
        if per_cent and (form.cleaned_data["chosen"] or not some) and not form.differs(figures):
            figures["credits"] = changing.raised(form.line, per_cent)
        if form.differs(figures):
            offer = form.line.engine, form.line.tier
            new.append(NewPrice(*offer, **figures, valid_from=moment))
    return new


def _preview(page: ModelAdmin, request: HttpRequest, changes: list[Change]) -> HttpResponse:
    return _page(
        page,
        request,
        "preview",
        _("New prices"),
        changes=[_shown_change(each) for each in changes],
        shown=signed([each.new for each in changes]),
        confirm=reverse("admin:generations_price_confirm"),
    )


def signed(new: list[NewPrice]) -> str:
    """The prices and the version of the book, for the page that shows them before they are added.

    `PriceBookMixin.confirm_page` accepts nothing else.
    """
    shown = {"seen": changing.version(), "new": [each.as_plain() for each in new]}
    return signing.dumps(shown, salt=SALT, compress=True)


def _shown(lines: list[Line]) -> list[dict[str, Any]]:
    return [_shown_line(line) for line in lines]


def _shown_line(line: Line) -> dict[str, Any]:
    return {
        "line": line,
        "engine": engine_in_words(line.engine),
        "tier": tier_in_words(line.tier),
    }


def _shown_change(change: Change) -> dict[str, Any]:
    return _shown_line(change.line) | {
        "new": change.new,
        "after": change.after,
        "passed": change.line.next and change.line.next.valid_from,
    }


def _page(
    page: ModelAdmin, request: HttpRequest, name: str, title: str, **context: Any
) -> TemplateResponse:
    common = {
        **page.admin_site.each_context(request),
        "title": title,
        "opts": page.opts,
        "now": timezone.now(),
        "credit_usd": pricing.credit_value(),
        "can_add": page.has_add_permission(request),
    }
    template = f"admin/generations/prices_{name}.html"
    return TemplateResponse(request, template, {**common, **context})
