"""How many of the requested images have come, as text."""

from django.utils.translation import gettext as _


def of_wanted(count: int, wanted: int) -> str:
    """`count` of `wanted` images. A provider may send more than were requested."""
    if count <= wanted:
        return _("%(count)d of %(wanted)d") % {"count": count, "wanted": wanted}
    more = count - wanted
    return _("%(wanted)d of %(wanted)d and %(more)d more") % {"wanted": wanted, "more": more}
