"""Keeps what a person chooses and writes in the composer, while they do."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts import access
from accounts.http import SignedInRequest, takes_body
from generations import drafts
from generations.drafts import DraftTooLong
from generations.forms import composer as composers
from generations.forms.composer import DraftState
from generations.forms.given import GivenValues
from generations.reading import feed

# Texts of the composer, and what a form adds to them.
MOST_BYTES = 1_000_000


@takes_body(MOST_BYTES)
@require_POST
@access.checked
def save(request: SignedInRequest) -> HttpResponse:
    """Keep the draft. The answer is the part of the composer that says what is kept."""
    state = keep(request, request.POST)
    context = {"draft": state, "scope": feed.scope_of(request.GET.get("scope", ""))}
    status = 422 if state.trouble else 200
    return render(request, "generations/_draft_state.html", context, status=status)


def keep(request: HttpRequest, given: Mapping[str, Any], *, sent: bool = False) -> DraftState:
    """Keep the form `given`; `sent` says that its request was accepted."""
    user: Any = request.user
    values = GivenValues.of(given)
    form, seen = values.one("idempotency_key"), values.one("draft_version")
    if not form:  # not the composer's form, or not all of it
        return composers.draft_state(drafts.saved(user), seen=seen)
    try:
        kept_values = drafts.values_of(values.values)
    except DraftTooLong as error:
        return composers.draft_state(drafts.saved(user), seen=seen, trouble=error.message)
    write = drafts.keep_after_submit if sent else drafts.keep
    kept = write(user, kept_values, form=form, seen=seen)
    return composers.draft_state(kept, seen=str(kept.version))
