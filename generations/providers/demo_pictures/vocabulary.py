"""From the words of a prompt to the subject of the picture: a fixed vocabulary, no model."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

SCENE_WORDS = {
    "ridges": """
        alp alps alpine canyon cliff fog foggy forest fir firs hike hiking hill hills horizon
        landscape landscapes mist misty mountain mountains peak peaks pine pines ridge ridges
        summit summits trail tree trees valley valleys wilderness wood woods
    """,
    "sea": """
        boat boats harbour harbor island islands lake lakes marine ocean sail sailing sailboat sea
        seas seascape ship yacht regatta
    """,
    "shore": """
        aerial beach beaches coast coastal coastline drone foam lagoon sand sandy seaside shore
        shoreline summer surf surfing tide tropical vacation
    """,
    "city": """
        apartment architecture building buildings city cities cityscape cyberpunk downtown office
        rooftop skyline skyscraper skyscrapers street streets tokyo tower towers town urban
    """,
    "still_life": """
        bottle bottles bowl bowls ceramic ceramics cone cosmetic cosmetics cream cup cups cylinder
        glass jar jug kitchen mug object objects orb orbs packaging packshot pedestal perfume
        pitcher plinth podium porcelain pot pottery product products serum sphere spheres still
        studio table tea teapot teapots vase vases vessel windowsill
    """,
    "botanical": """
        bloom blooming blooms blossom blossoms botanical bouquet daisies daisy fern floral flower
        flowers foliage garden gardens herb herbs jungle leaf leaves lily meadow monstera orchid
        palm peony petal petals plant plants poppies poppy rose roses spring sunflower tulip tulips
    """,
    "paper": """
        carved contour contours craft cutout dune dunes desert layered layers origami paper
        papercut relief terrain topographic topography
    """,
    "ink": """
        acrylic agate alcohol fluid ink inks liquid lava marble marbled marbling oil paint
        psychedelic swirl swirls watercolor watercolour
    """,
    "silk": """
        abstract cloth fabric fold folds gradient gradients satin silk smooth texture velvet
        wallpaper wave waves wavy
    """,
}

COLOUR_WORDS = {
    "red": "red crimson scarlet ruby cherry burgundy maroon vermilion",
    "rose": "pink rose blush magenta fuchsia coral salmon",
    "orange": "orange tangerine terracotta copper rust apricot peach amber",
    "gold": "gold golden yellow mustard honey saffron lemon ochre",
    "green": "green emerald olive sage moss jade forest lime",
    "teal": "teal turquoise aqua mint petrol seafoam",
    "sky": "azure cerulean powder ice icy",
    "blue": "blue navy cobalt indigo sapphire ultramarine",
    "violet": "violet purple lavender lilac plum mauve amethyst",
    "pastel": "pastel pastels candy",
    "brown": "brown chocolate coffee sepia bronze wooden",
    "linen": "white cream ivory beige linen neutral minimal minimalist",
    "noir": "black noir monochrome grey gray silver charcoal",
    "neon": "neon cyberpunk synthwave vaporwave retrowave",
}

# Weaker than colours: these words choose the palette only if the prompt names no colour.
MOOD_WORDS = {
    "dawn": "dawn sunrise morning dusk twilight evening",
    "red": "sunset autumn fall fire",
    "green": "spring meadow jungle",
    "gold": "summer harvest desert luxury",
    "sky": "winter snow fresh",
}

NIGHT_WORDS = frozenset(
    ("night", "midnight", "dark", "moody", "moon", "moonlit", "moonlight", "noir", "starry")
)

MOTIF_WORDS = {
    "forest": "forest fir firs pine pines tree trees wood woods",
    "boat": "boat boats sail sailing sailboat ship yacht regatta harbour harbor",
    "leaf": "leaf leaves foliage fern monstera palm jungle",
    "flower": """
        bloom blooms blossom blossoms bouquet daisy daisies flower flowers lily peony petal petals
        poppy poppies rose roses sunflower tulip tulips
    """,
    "sphere": "sphere spheres orb orbs ball balls",
    "teapot": "teapot teapots tea",
    "bottle": "bottle bottles perfume serum packaging packshot cosmetic cosmetics",
    "vase": "vase vases vessel",
    "bowl": "bowl bowls cream",
    "cup": "cup cups mug coffee",
    "jug": "jug pitcher jar",
    "plinth": "plinth podium pedestal product products",
    "cone": "cone cones",
    "column": "cylinder cylinders column columns",
}

# If no word helps, the prompt's hash chooses one of these.
DEFAULT_SCENES = ("paper", "ink", "silk")


def _by_word(vocabulary: Mapping[str, str]) -> dict[str, list[str]]:
    """The entries of a vocabulary that each word names."""
    index: dict[str, list[str]] = {}
    for name, words in vocabulary.items():
        for word in words.split():
            index.setdefault(word, []).append(name)
    return index


_SCENES, _COLOURS, _MOODS, _MOTIFS = map(
    _by_word, (SCENE_WORDS, COLOUR_WORDS, MOOD_WORDS, MOTIF_WORDS)
)


@dataclass(frozen=True)
class Subject:
    """What a prompt asks to see, in terms of this vocabulary.

    `palette` and `accent` are empty if the prompt names no colours; `digest` is the hash of its
    exact text.
    """

    scene: str
    palette: str
    accent: str
    night: bool
    motifs: tuple[str, ...]
    digest: str


def read(prompt: str, avoided: str = "") -> Subject:
    """What the picture for `prompt` shows. Words of the negative prompt `avoided` do not count."""
    digest = hashlib.sha256(f"{prompt}\n{avoided}".encode()).hexdigest()[:16]
    unwanted = set(_words(avoided))
    words = [word for word in _words(prompt) if word not in unwanted]
    colours = _found(_COLOURS, words) or _found(_MOODS, words)
    return Subject(
        scene=_scene(words, unwanted, digest),
        palette=colours[0] if colours else "",
        accent=colours[1] if len(colours) > 1 else "",
        night=not NIGHT_WORDS.isdisjoint(words),
        motifs=tuple(_found(_MOTIFS, words)),
        digest=digest,
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _found(vocabulary: Mapping[str, list[str]], words: list[str]) -> list[str]:
    """The entries that the words name, in the order of the words."""
    return list(dict.fromkeys(name for word in words for name in vocabulary.get(word, ())))


def _scene(words: list[str], unwanted: set[str], digest: str) -> str:
    """The scene with the most words in the prompt; of equals, the one that is named first."""
    named = Counter(name for word in words for name in _SCENES.get(word, ()))
    if named:
        return named.most_common(1)[0][0]
    choices = [name for name in DEFAULT_SCENES if name not in unwanted] or ["ridges"]
    return choices[int(digest, 16) % len(choices)]
