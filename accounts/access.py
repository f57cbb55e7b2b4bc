"""Who may open which URL: one table for the whole studio, and the decorator that enforces it.

The URLs of `generations` are listed here by name, because `accounts` is the lower layer. The
decorator `checked` wraps the studio's own views for people who have signed in, and enforces
permissions. Views of allauth and of Django's admin, and views for machines, check for themselves;
their rows say what they require, and tests compare each row with what happens.

A permission decides which pages a person may open. A queryset (`visible_to`) decides which rows
they see there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import User

MAKE_IMAGES = "generations.add_run"
SEE_IMAGES = "generations.view_image"
SEE_ORIGINALS = "generations.download_original"
READ_LOG = "accounts.view_record"
SEE_PROVIDERS = "generations.view_provideraccount"
SEE_LABEL_LAW = "generations.see_label_law"
SEE_NOTICES = "accounts.view_notice"
SEE_USAGE = "generations.see_team_usage"
SEE_ENTRIES = "accounts.view_entry"
CHANGE_CREDITS = "accounts.change_allowance"

SAFE = ("GET", "HEAD", "OPTIONS")

View = Callable[..., Any]


@dataclass(frozen=True)
class Requirement:
    """What a URL requires: the permissions `rights`, and `to_send` as well for unsafe methods.

    With `staff`, only people who may enter the admin, which Django checks. With `hidden`, a missing
    permission gives 404, otherwise 403 with what to do.
    """

    rights: tuple[str, ...] = ()
    to_send: tuple[str, ...] = ()
    signed_in: bool = True
    staff: bool = False
    hidden: bool = False


ANYONE = Requirement(signed_in=False)
# Anyone with the token in the URL, which the view checks.
TOKEN = Requirement(signed_in=False)
SIGNED_IN = Requirement()
STAFF = Requirement(staff=True)
SEE_PRICES = Requirement(staff=True, rights=("generations.view_price",))
ADD_PRICES = Requirement(staff=True, rights=("generations.add_price",))
IMAGES = Requirement(rights=(SEE_IMAGES,))
MAKING = Requirement(rights=(SEE_IMAGES, MAKE_IMAGES))
LOG = Requirement(rights=(READ_LOG,), hidden=True)
NOTICES = Requirement(rights=(SEE_NOTICES,))
USAGE = Requirement(rights=(SEE_USAGE,))


def _in_admin(app: str, model: str) -> dict[str, Requirement]:
    """The pages of one model in the admin, with the permission that Django asks for on each."""
    needs = {"changelist": "view", "add": "add", "history": "view", "delete": "delete"}
    pages = {
        f"admin:{app}_{model}_{page}": Requirement(staff=True, rights=(f"{app}.{right}_{model}",))
        for page, right in (needs | {"change": "view"}).items()
    }
    return pages | {f"admin/{app}/{model}/<path:object_id>/": STAFF}


# By the name of the URL. Patterns stand for URLs without a name, which only tests look up.
TABLE: dict[str, Requirement] = {
    # The studio
    # Open to everyone who has signed in: the page says what to do if a permission is missing.
    "studio": Requirement(to_send=(SEE_IMAGES, MAKE_IMAGES)),
    "composer": MAKING,
    "draft": MAKING,
    "draft-other": MAKING,
    "live": IMAGES,
    "feed-older": IMAGES,
    "feed-news": IMAGES,
    # A run leaves one's own feed; the author's leaves everybody's.
    "dismissed-runs": IMAGES,
    "run-dismiss": IMAGES,
    "run-restore": IMAGES,
    "run-try-again": MAKING,
    "run-remedy": MAKING,
    "run-instead": MAKING,
    "generation-cancel": IMAGES,  # of one's own: it spends nothing
    # Images and files
    "gallery": IMAGES,
    "gallery-counts": IMAGES,
    "gallery-density": IMAGES,
    "gallery-views": IMAGES,
    "gallery-view-delete": IMAGES,
    # The view asks for `may_make` where an act changes what the team sees.
    "gallery-act": IMAGES,
    "zips": IMAGES,
    "zip-download": IMAGES,
    "zip-delete": IMAGES,
    "compare": IMAGES,
    "image": IMAGES,
    "image-labels": IMAGES,
    "image-uses": IMAGES,
    "image-variation": MAKING,
    "image-download": IMAGES,
    "image-convert": IMAGES,
    "conversion": IMAGES,
    "conversion-download": IMAGES,
    "image-original": Requirement(rights=(SEE_IMAGES, SEE_ORIGINALS), hidden=True),
    "rendition": IMAGES,
    "reference": IMAGES,
    # References and prompts, for the composer
    "references": MAKING,
    "reference-upload": MAKING,
    "reference-rights": MAKING,
    "reference-remove": MAKING,
    "prompts": MAKING,
    "prompts-own": MAKING,
    "snippet-delete": MAKING,
    "inspect": IMAGES,
    # The log, and how keys and studio are doing
    "log": LOG,
    "log-searches": LOG,
    "log-search-delete": LOG,
    "seal": LOG,
    "seal-keys": LOG,
    "story": LOG,
    "log-image": LOG,
    "exports": LOG,
    "export-download": LOG,
    "export-delete": LOG,
    "label-reports": LOG,
    "label-law": Requirement(rights=(SEE_LABEL_LAW,)),
    # What teams use: the own one, or all with `generations.view_usageday`
    "usage": USAGE,
    "usage-csv": USAGE,
    "usage-xlsx": USAGE,
    # Whether the credits add up
    "credits-proof": Requirement(rights=(SEE_ENTRIES,)),
    "credits-proof-correct": Requirement(rights=(SEE_ENTRIES, CHANGE_CREDITS)),
    "providers": Requirement(rights=(SEE_PROVIDERS,)),
    "studio-status": Requirement(rights=(SEE_PROVIDERS,)),
    # One's own notices; those about the studio require `SEE_NOTICES`.
    "notices": SIGNED_IN,
    "notices-read": SIGNED_IN,
    "notice-read": SIGNED_IN,
    "notices-mute": NOTICES,
    "notice-mute": NOTICES,
    # Machines
    "reference-link": TOKEN,
    "webhook": TOKEN,
    "healthz": ANYONE,
    "readyz": ANYONE,
    # One's own account
    "account": SIGNED_IN,
    "account-email": SIGNED_IN,
    "account-readings": SIGNED_IN,
    "account-mail": SIGNED_IN,
    "credits": SIGNED_IN,
    "credits-csv": SIGNED_IN,
    "credits-ask": MAKING,
    "credits-withdraw": SIGNED_IN,
    "composer-ask": MAKING,
    "usersessions_list": SIGNED_IN,
    "account_change_password": SIGNED_IN,
    "account_email": SIGNED_IN,
    "account_reauthenticate": SIGNED_IN,
    "account_set_password": SIGNED_IN,
    # Signing in
    "account_confirm_email": TOKEN,
    "account_confirm_login_code": ANYONE,
    "account_email_verification_sent": ANYONE,
    "account_inactive": ANYONE,
    "account_login": ANYONE,
    "set-language": ANYONE,  # of this browser
    "account_logout": ANYONE,
    "account_reset_password": ANYONE,
    "account_reset_password_done": ANYONE,
    "account_reset_password_from_key": TOKEN,
    "account_reset_password_from_key_done": ANYONE,
    "account_signup": ANYONE,
    # The admin
    "admin:index": STAFF,
    "admin:app_list": STAFF,
    "admin:autocomplete": STAFF,
    "admin:jsi18n": STAFF,
    "admin:login": ANYONE,
    "admin:logout": STAFF,
    "admin:password_change": STAFF,
    "admin:password_change_done": STAFF,
    "admin:view_on_site": STAFF,
    "admin/(?P<url>.*)$": STAFF,
    **_in_admin("accounts", "allowance"),
    **_in_admin("accounts", "creditrequest"),
    "admin:accounts_creditrequest_decide": Requirement(
        staff=True, rights=("accounts.change_allowance",)
    ),
    **_in_admin("accounts", "entry"),
    **_in_admin("accounts", "plannedquota"),
    **_in_admin("accounts", "outlet"),
    "admin:accounts_outlet_test": Requirement(staff=True, rights=("accounts.change_outlet",)),
    **_in_admin("accounts", "posting"),
    **_in_admin("accounts", "team"),
    **_in_admin("accounts", "user"),
    "admin:accounts_user_top_up": Requirement(staff=True, rights=("accounts.change_allowance",)),
    "admin:accounts_user_quotas_csv": Requirement(staff=True, rights=("accounts.view_user",)),
    "admin:accounts_user_quotas": Requirement(staff=True, rights=("accounts.change_user",)),
    "admin:accounts_user_sign_out": Requirement(staff=True, rights=("accounts.change_user",)),
    **_in_admin("generations", "budget"),
    **_in_admin("generations", "budgetmonth"),
    **_in_admin("generations", "creditvalue"),
    **_in_admin("generations", "enginesetting"),
    **_in_admin("generations", "erasure"),
    **_in_admin("generations", "generation"),
    **_in_admin("generations", "labelpolicy"),
    "admin:generations_labelpolicy_preview": Requirement(
        staff=True, rights=("generations.view_labelpolicy",)
    ),
    **_in_admin("generations", "legalhold"),
    **_in_admin("generations", "price"),
    "admin:generations_price_book": SEE_PRICES,
    "admin:generations_price_export": SEE_PRICES,
    "admin:generations_price_several": ADD_PRICES,
    "admin:generations_price_import": ADD_PRICES,
    "admin:generations_price_confirm": ADD_PRICES,
    **_in_admin("generations", "provideraccount"),
    **_in_admin("generations", "relabelling"),
    **_in_admin("generations", "retentionrule"),
    **_in_admin("generations", "teamdefault"),
}


def may_make(user: User | AnonymousUser) -> bool:
    """Whether `user` may ask for images, so whether pages offer what leads to that."""
    return user.has_perms(MAKING.rights)


def page_of_person(person: User | None, viewer: User) -> str:
    """The address of `person` in the admin; empty if `viewer` may not open it."""
    may_open = viewer.is_staff and viewer.has_perm("accounts.view_user")
    if person is None or not may_open or (person.is_superuser and not viewer.is_superuser):
        return ""
    return reverse("admin:accounts_user_change", args=[person.pk])


def checked(view: View) -> View:
    """Wrap `view` in a check of what the table requires for the requested URL.

    Redirects anonymous people to the sign-in page. Raises PermissionDenied or Http404 if a
    permission is missing, and KeyError if the URL has no row, so that a forgotten row opens
    nothing.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert request.resolver_match is not None  # noqa: S101  # Django sets it before any view
        _refuse_without_right(request, TABLE[request.resolver_match.view_name])
        return view(request, *args, **kwargs)

    wrapped = login_required(guarded)
    wrapped.is_checked = True  # type: ignore[attr-defined]
    return wrapped


def _refuse_without_right(request: HttpRequest, required: Requirement) -> None:
    needed = required.rights
    if request.method not in SAFE:
        needed += required.to_send
    if request.user.has_perms(needed):
        return
    raise Http404 if required.hidden else PermissionDenied
