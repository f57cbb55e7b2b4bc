"""What labels files get today: from the settings, and from the newest files themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team
from generations.jobs.execution import renditions
from generations.labelling import FULL, LABEL_VERSION
from generations.models import Image, Rendition, RetentionRule

# The newest files that are looked at, and the most teams that are listed.
NEWEST, MOST_TEAMS = 300, 50
# Measures for labelling of AI-generated content (China, 2025), article 9: six months.
KEPT_DAYS = 183
# GB 45438-2025, 5.2.
CHINESE_HEIGHT = 0.05
OK, PART, OPEN = "ok", "warn", "bad"


@dataclass(frozen=True)
class Share:
    """How many of the newest labelled files have something."""

    having: int
    of: int

    @property
    def tone(self) -> str:
        if not self.of:
            return PART
        return OK if self.having == self.of else PART if self.having else OPEN

    def __str__(self) -> str:
        if not self.of:
            return _("no file yet")
        if self.having == self.of:
            return _("all of the newest %(of)d files") % {"of": self.of}
        if not self.having:
            return _("none of the newest %(of)d files") % {"of": self.of}
        return _("%(having)d of the newest %(of)d files") % {"having": self.having, "of": self.of}


@dataclass(frozen=True)
class Badge:
    """The badge of a team's newest image; `share` is the height of its capitals as a share of the
    shortest side, None if it was not measured."""

    team: str
    text: str
    corner: str
    share: float | None

    @property
    def is_chinese(self) -> bool:
        """Whether it is what GB 45438-2025, 5.2, asks for: words and height."""
        names_ai = "AI" in self.text or "人工智能" in self.text
        says_made = "生成" in self.text or "合成" in self.text
        return names_ai and says_made and (self.share or 0) >= CHINESE_HEIGHT

    def __str__(self) -> str:
        text = " / ".join(self.text.split("\n"))
        if self.share is None:
            return text
        return _("%(text)s, %(share).1f %% of the shortest side") % {
            "text": text,
            "share": 100 * self.share,
        }


@dataclass(frozen=True)
class Labels:
    """What labels files get. `signs` and `authority` are None where the studio can't tell."""

    signed: Share
    stamped: Share
    marked: Share
    old: bool
    signs: bool | None
    own_chain: bool
    authority: str | None
    badges: list[Badge]
    says: dict[str, str]
    short_rules: list[str]

    @property
    def is_chinese(self) -> bool:
        return bool(self.badges) and all(badge.is_chinese for badge in self.badges)


def now() -> Labels:
    """Read it now. The cost does not grow with the images."""
    files = list(Rendition.objects.order_by("-pk")[:NEWEST])
    signed = [row for row in files if row.certificate]
    newest = _newest(Image.objects.all())
    return Labels(
        signed=Share(len(signed), len(files)),
        stamped=Share(sum(row.is_stamped is True for row in signed), len(files)),
        marked=Share(sum(row.mark_key is not None for row in files), len(files)),
        old=any(row.label_version < LABEL_VERSION for row in files),
        signs=getattr(settings, "LABEL_SIGNING", None),
        own_chain=not getattr(settings, "LABEL_CHAIN", ""),
        authority=_host(getattr(settings, "LABEL_TIMESTAMP_URL", None)),
        badges=list(_badges(Team.objects.order_by("name")[:MOST_TEAMS])),
        says=renditions.label_in_words(newest) if newest else {},
        short_rules=[
            str(rule) for rule in RetentionRule.objects.filter(is_active=True, days__lt=KEPT_DAYS)
        ],
    )


def _host(address: str | None) -> str | None:
    return address if address is None else (urlsplit(address).hostname or "")


def _newest(images: QuerySet[Image]) -> Image | None:
    about = ("generation__run", "run", "team", "delivery")
    return images.filter(erased_at__isnull=True).select_related(*about).order_by("-pk").first()


def _badges(teams: Iterable[Team]) -> Iterable[Badge]:
    for team in teams:
        if image := _newest(Image.objects.filter(team=team)):
            full = image.renditions.filter(recipe=FULL.name).first()
            yield _badge(team, image, [full] if full else [])


def _badge(team: Team, image: Image, files: Sequence[Rendition]) -> Badge:
    said = renditions.label_in_words(image)
    heights = [row.capitals / min(row.width, row.height) for row in files if row.capitals]
    return Badge(
        team=team.name,
        text=said.get("badge", ""),
        corner=said.get("badge_corner", ""),
        share=heights[0] if heights else None,
    )
