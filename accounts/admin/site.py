"""The admin site: its name, its one sign-in page, and only lists whose changes are recorded."""

# Imported first, so that the lists that they register can be removed below.
import allauth.account.admin
import allauth.usersessions.admin  # noqa: F401
import django.contrib.auth.admin  # noqa: F401
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.account.views import logout
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

TITLE = "Seedream Studio"


def change_password(request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
    """Redirect to the studio's own page, which ends other sessions and writes a record."""
    return redirect("account_change_password")


@require_POST
def sign_out(request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
    """Sign out as everywhere in the studio, which writes a record."""
    return logout(request)


admin.site.site_title = admin.site.site_header = TITLE
admin.site.index_title = _("People, credits and providers")
# The lists need the width; the heading leads back to all of them.
admin.site.enable_nav_sidebar = False
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.logout = sign_out  # type: ignore[method-assign, assignment]
admin.site.password_change = change_password  # type: ignore[method-assign, assignment]

# `accounts.groups` defines the groups; addresses and sessions are changed with their person.
for model in (EmailAddress, EmailConfirmation, Group, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
