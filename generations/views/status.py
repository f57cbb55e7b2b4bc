"""The page Status, for admins."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.http import SignedInRequest
from generations.reading import first_steps, studio_status


@require_safe
@access.checked
def status(request: SignedInRequest) -> HttpResponse:
    """The checks of `/readyz` with what to do, and the workers, waiting work and disks.

    Below it, the first steps of an administrator.
    """
    context = {"status": studio_status.status(), "steps": first_steps.steps(request.user)}
    return render(request, "generations/status.html", context)
