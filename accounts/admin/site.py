"""The admin site: its name, its one door, and nothing in it that goes unrecorded."""

# Imported so that what they register can be taken out again, whichever app comes first.
import allauth.account.admin
import allauth.usersessions.admin  # noqa: F401
import django.contrib.auth.admin  # noqa: F401
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

TITLE = "Seedream Studio"


def change_password(request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
    """The studio's own page, which ends other sessions and writes a record."""
    return redirect("account_change_password")


admin.site.site_title = admin.site.site_header = TITLE
admin.site.index_title = _("People, credits and providers")
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.password_change = change_password  # type: ignore[method-assign, assignment]

# Groups are what `accounts.groups` says; addresses and sessions follow their person.
for model in (EmailAddress, EmailConfirmation, Group, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
