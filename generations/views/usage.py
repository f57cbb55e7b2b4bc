"""What teams use: as a page, and as a table for spreadsheets."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import xlsxwriter
from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import access, audit
from accounts.events import Event
from accounts.evidence.tables import cell
from accounts.http import SignedInRequest
from generations.reading import usage as reading
from generations.usage import day_of

ROWS_A_PART, MOST_KNOWN = 500, 10_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@access.checked
def usage(request: SignedInRequest) -> HttpResponse:
    """A period of a team, or of all: `?from=&to=&team=&by=`."""
    page = reading.usage_page(request.user, request.GET.dict())
    shown = {
        "page": page,
        "chart": reading.chart_of(page.chart),
        "tables": [(label, reading.rows_of(groups)) for _name, label, groups in page.tables],
    }
    return render(request, "generations/usage.html", shown)


@require_safe
@access.checked
def as_csv(request: SignedInRequest) -> HttpResponseBase:
    return _table(request, "csv", _csv)


@require_safe
@access.checked
def as_xlsx(request: SignedInRequest) -> HttpResponseBase:
    return _table(request, "xlsx", _xlsx)


def _table(
    request: SignedInRequest,
    extension: str,
    make: Callable[[Iterable[tuple[Any, ...]]], HttpResponseBase],
) -> HttpResponseBase:
    """The totals of a period as a file, on record; a message instead if the period is invalid."""
    given = request.GET.dict()
    period, problem = reading.period_asked(given, day_of(request.user.team))
    scope = reading.scope_of(request.user, given)
    if problem or scope.usage(period)[: reading.MOST_ROWS + 1].count() > reading.MOST_ROWS:
        messages.error(request, problem or _("This table is too long. Choose a shorter period."))
        return redirect("usage")
    facts = {"from": period.first.isoformat(), "to": period.last.isoformat(), "format": extension}
    with transaction.atomic():
        audit.record(
            Event.USAGE_EXPORTED,
            actor=request.user,
            subject=scope.team or request.user,
            facts=facts | {"all_teams": scope.team is None},
        )
    response = make(reading.rows(scope, period))
    name = f"usage-{period.first}-{period.last}.{extension}"
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response


def _csv(rows: Iterable[tuple[Any, ...]]) -> HttpResponseBase:
    return StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")


def _lines(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """The text of the file, many rows at a time: each part that is sent costs time."""
    yield "\ufeff"  # without it, spreadsheets misread names
    known = lru_cache(maxsize=MOST_KNOWN, typed=True)(cell)  # most cells are like those above
    lines = (
        [known("" if v is None else v) for v in row] for row in chain([reading.HEADINGS], rows)
    )
    while part := list(islice(lines, ROWS_A_PART)):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(part)
        yield text.getvalue()


def _xlsx(rows: Iterable[tuple[Any, ...]]) -> HttpResponseBase:
    """A workbook. It is written row by row, so that memory does not grow with the rows."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # FileResponse closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, reading.HEADINGS)
        for number, (date, *rest) in enumerate(rows, 1):
            sheet.write_datetime(number, 0, date, day)
            sheet.write_row(number, 1, rest)
        sheet.autofilter(0, 0, 0, len(reading.HEADINGS) - 1)
    file.seek(0)
    return FileResponse(file, content_type=XLSX)
