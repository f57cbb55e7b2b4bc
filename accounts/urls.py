"""URLs of the account pages. They come before those of allauth."""

from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from accounts import access, views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/readings/", views.readings, name="account-readings"),
    path("account/mail/", views.account_mail, name="account-mail"),
    path("account/sessions/", include("allauth.usersessions.urls")),
    # Only admins change addresses, and each change is recorded, so allauth's page is hidden.
    path(
        "account/email/",
        access.checked(RedirectView.as_view(pattern_name="account")),
        name="account-email",
    ),
    path("account/language/", set_language, name="set-language"),
    path("notices/", views.notices, name="notices"),
    path("notices/read/", views.notices_read, name="notices-read"),
    path("notices/<uuid:uuid>/read/", views.notices_read, name="notice-read"),
    path("notices/<uuid:uuid>/mute/", views.notice_mute, name="notice-mute"),
    path("notices/kinds/<str:kind>/", views.notices_mute, name="notices-mute"),
]
