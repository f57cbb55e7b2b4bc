"""How many there are of something, as text."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def of_wanted(count: int, wanted: int) -> str:
    """`count` of `wanted` images. A provider may send more than were requested."""
    if count <= wanted:
        return _("%(count)d of %(wanted)d") % {"count": count, "wanted": wanted}
    more = count - wanted
    return _("%(wanted)d of %(wanted)d and %(more)d more") % {"wanted": wanted, "more": more}


def credits(count: int) -> str:
    return ngettext("%(count)d credit", "%(count)d credits", count) % {"count": count}


def images(count: int) -> str:
    return ngettext("%(count)d image", "%(count)d images", count) % {"count": count}


def records(count: int) -> str:
    return ngettext("%(count)d record", "%(count)d records", count) % {"count": count}


def runs(count: int) -> str:
    return ngettext("%(count)d run", "%(count)d runs", count) % {"count": count}


def uploads(count: int) -> str:
    return ngettext("%(count)d upload", "%(count)d uploads", count) % {"count": count}


def notices(count: int) -> str:
    return ngettext("%(count)d notice", "%(count)d notices", count) % {"count": count}
