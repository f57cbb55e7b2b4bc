"""The account's own pages, before those that allauth brings."""

from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/sessions/", include("allauth.usersessions.urls")),
    # Addresses are an admin's to change, on the record: allauth's page for it is out of reach.
    path("account/email/", RedirectView.as_view(pattern_name="account")),
    path("credits/", views.credits, name="credits"),
]
