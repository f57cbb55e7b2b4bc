"""The notices that say that notices don't arrive at the outlet."""

from django.utils.translation import gettext_lazy as _

from accounts import outlets
from accounts.notices import Kind, declare

NOT_SENT = declare(
    Kind(
        outlets.FAILS,
        _("Notices that don't arrive at the outlet"),
        _("Notices don't arrive at the outlet"),
        _(
            "%(reason)s Open the outlet in the admin, correct it and send a test. Notices that "
            "were given up are listed there; they are also here and in your mail. This ends when a "
            "notice or a test arrives."
        ),
        page="admin:accounts_outlet_changelist",
    )
)

STAND_STILL = declare(
    Kind(
        "outlet:late",
        _("Notices that wait for the outlet"),
        _("Notices have waited for 15 minutes to be sent to the outlet"),
        _("Check that the program “beat” and the worker that talks to providers are working."),
        page="studio-status",
    )
)
