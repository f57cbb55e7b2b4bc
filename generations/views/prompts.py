"""Help with prompts: one's own prompts, and the snippets of the team."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations import snippets
from generations.forms.snippets import SnippetForm
from generations.models import Snippet
from generations.reading.prompt_history import own_prompts
from generations.views.rendering import page_or_fragment, see_other


@require_http_methods(["GET", "HEAD", "POST"])
@access.checked
def prompts(request: SignedInRequest) -> HttpResponse:
    """The page of prompts; for htmx, what the composer's dialog shows. A POST saves a snippet."""
    return _save(request) if request.method == "POST" else _page(request, SnippetForm())


@require_safe
@access.checked
def own(request: SignedInRequest) -> HttpResponse:
    """One's own prompts, newest first, for the keys Alt+Up and Alt+Down."""
    return JsonResponse({"prompts": [each.prompt for each in own_prompts(request.user)]})


@require_POST
@access.checked
def delete(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Delete a snippet that one wrote, or as an admin."""
    snippet = get_object_or_404(Snippet.objects.visible_to(request.user), uuid=uuid)
    if not snippets.may_delete(request.user, snippet):
        messages.error(request, _("Only its author or an admin can delete a snippet."))
    else:
        snippets.delete(snippet, actor=request.user)
        messages.success(request, _("The snippet is deleted."))
    return see_other("prompts")


def _save(request: SignedInRequest) -> HttpResponse:
    form = SnippetForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        snippets.save(request.user, form.cleaned_data["name"], form.cleaned_data["prompt"])
    except snippets.NotSaved as error:
        form.refuse(error)
        return _page(request, form, status=422)
    if request.htmx:
        return _page(request, SnippetForm(), is_saved=True)
    messages.success(request, _("The snippet is saved."))
    return see_other("prompts")


def _page(
    request: SignedInRequest, form: SnippetForm, *, status: int = 200, is_saved: bool = False
) -> HttpResponse:
    listed = [
        (snippet, snippets.may_delete(request.user, snippet))
        for snippet in snippets.of_team(request.user)
    ]
    context = {
        "form": form,
        "snippets": listed,
        "is_saved": is_saved,
        "own": own_prompts(request.user),
    }
    response = page_or_fragment(
        request, "generations/prompts.html", "generations/_snippets.html", context
    )
    response.status_code = status
    return response
