"""The proof of the credits, and the corrections of what it found, for admins."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.http import SignedInRequest
from accounts.models import Entry
from generations import proof as proving
from generations.models import Finding
from generations.reading import proofs as reading


@require_safe
@access.checked
def proof(request: SignedInRequest) -> HttpResponse:
    """When the credits were last proved, over how much, and what was found."""
    return render(request, "generations/proof.html", {"page": reading.page(request.user)})


@require_POST
@access.checked
def correct(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Correct a finding by entries that carry `reason`."""
    finding = get_object_or_404(Finding, uuid=uuid)
    reason = request.POST.get("reason", "").strip()
    try:
        Entry._meta.get_field("reason").run_validators(reason)
        proving.correct(finding, actor=request.user, reason=reason)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    except proving.CorrectionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Corrected by an entry, with your reason, on the record."))
    return redirect("credits-proof")
