"""Pages and their fragments: one context, two templates; htmx's headers say which one to draw."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from accounts.http import SignedInRequest


def is_partial(request: SignedInRequest) -> bool:
    """Whether htmx wants a fragment, not a whole page of which it selects a part."""
    return request.htmx.request_type == "partial"


def page_or_fragment(
    request: SignedInRequest, page: str, fragment: str, context: dict[str, Any]
) -> HttpResponse:
    """Draw `fragment` if htmx asks for one, else `page`, which includes it."""
    response = render(request, fragment if is_partial(request) else page, context)
    patch_vary_headers(response, ["HX-Request", "HX-Request-Type"])
    return response


def see_other(name: str, **query: str) -> HttpResponseRedirect:
    """Redirect with 303, so that a reload does not send the form again."""
    given = {key: value for key, value in query.items() if value}
    return see_other_path(reverse(name) + (f"?{urlencode(given)}" if given else ""))


def see_other_path(path: str) -> HttpResponseRedirect:
    """As `see_other`, to a path of the studio."""
    response = HttpResponseRedirect(path)
    response.status_code = 303
    return response
