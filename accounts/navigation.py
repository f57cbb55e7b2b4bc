"""The links to the pages of the studio, in the side bar and on small screens.

Each page has them, and they differ only by the page, the rights and the language. So they are drawn
once for each of these, and kept in the memory of the process.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.template import loader
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts.models import User

# The rights by which links are shown.
RIGHTS = (
    "accounts.view_record",
    "generations.see_label_law",
    "generations.see_team_usage",
    "generations.view_image",
    "generations.view_provideraccount",
)
# Of some 10 kB each.
MOST_KEPT = 300


@dataclass(frozen=True)
class Navigation:
    """As HTML: the links in the side bar, the bar on small screens, and what it has no room for."""

    rail: SafeString
    tabs: SafeString
    more: SafeString


def navigation_for(user: User, current: str) -> Navigation:
    """What `user` may open. `current` is the name of the URL of the page that shows it."""
    rights = frozenset(filter(user.has_perm, RIGHTS))
    return _drawn(current, rights, user.is_staff, (get_language(), get_script_prefix()))


@lru_cache(maxsize=MOST_KEPT)
def _drawn(
    current: str, rights: frozenset[str], is_staff: bool, around: tuple[object, ...]
) -> Navigation:
    context = {"current": current, "rights": rights, "is_staff": is_staff}
    return Navigation(
        *(
            loader.render_to_string(f"{name}.html", context)
            for name in ("_rail", "_tabbar", "_more_links")
        )
    )
