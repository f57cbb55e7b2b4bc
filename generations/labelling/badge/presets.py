"""The badges that can be chosen: their words, by how an image was made.

English words as the Code of Practice on marking AI content of 10 June 2026 uses them. GB
45438-2025, 5.2, asks for an AI element and for 生成 (generated) or 合成 (synthesised), so an icon
or English words alone do not meet it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from generations.labelling.badge.drawing import Badge, Corner
from generations.labelling.badge.icon import Icon
from generations.labelling.sources import Source

DEFAULT_PRESET = "english"


@dataclass(frozen=True)
class Preset:
    """A badge that can be chosen by name.

    `version` is increased when its words or its drawing change, so that older files can be found
    and made again. `modified` is what it says of an image that was made from somebody's picture.
    """

    name: str
    version: int
    generated: str
    modified: str
    has_icon: bool = False

    def words(self, source: Source) -> str:
        """What it says of an image that was made in this way."""
        return self.generated if source == Source.GENERATED else self.modified

    def badge(
        self,
        source: Source,
        *,
        corner: Corner = "bottom-right",
        size: float = 0.025,
        clear_of_stories: bool = False,
        icon_file: bytes = b"",
    ) -> Badge:
        """The badge for an image. Raises ValueError where `Badge` does, and for a bad icon file."""
        icon = Icon(icon_file) if self.has_icon else None
        return Badge(self.words(source), corner, size, icon, clear_of_stories)


_ALL = (
    Preset("english", 1, "AI-generated", "AI-modified"),
    Preset("chinese", 1, "AI生成", "AI合成"),
    Preset("bilingual", 1, "AI生成\nAI-generated", "AI合成\nAI-modified"),
    Preset("eu", 1, "AI-generated", "AI-modified", has_icon=True),
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
