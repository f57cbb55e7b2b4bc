"""Whether a provider's manifest may leave in our files: not if a prompt stands in it.

C2PA 2.2, 18 and 8.4: manifests are JUMBF boxes, whose assertions are CBOR, JSON or files. A prompt
may stand in any of them, so the bytes are searched, and what c2pa decodes of them.
"""

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import c2pa

from generations.imaging import mime_type
from generations.imaging.containers import chunks, sniff
from generations.labelling.manifests.contexts import context
from generations.labelling.manifests.credentials import can_be_opened, is_store

# So many bytes of a prompt in a row are taken for a part of it: two English words, four Chinese
# characters.
DISTINCTIVE = 12
# A shorter prompt is looked for whole. What is shorter than this occurs in any text.
LEAST = 3
# Comparisons of bytes for one file: a fraction of a second. Beyond it, fewer parts are looked for.
_MOST_WORK = 300_000_000
# Kinds of data that are prompts (C2PA 2.2, 18.11.10), and the field of IPTC 2025.1.
_PROMPT_TYPES = {"c2pa.types.generator.prompt"}
_PROMPT_NAMES = ("prompt",)


def may_leave(original: bytes, secrets: Sequence[str] | None) -> bool:
    """Whether the manifests of a file hold no prompt, as far as a program can tell.

    `secrets` are the texts that must not leave; None if they are not known any more. True for a
    file without a manifest, or with one that can't be opened and so never leaves.
    """
    if not can_be_opened(original):
        return True
    if secrets is None:
        return False
    try:
        texts = list(_texts(_decoded(original)))
    except (c2pa.C2paError, ValueError, TypeError, RecursionError):
        return False
    if any(_is_of_a_prompt(name, value) for name, value in texts):
        return False
    words = "\n".join(value for _name, value in texts)
    return not (_holds(_plain(words), secrets) or _holds(_stores(original), secrets))


def _decoded(original: bytes) -> Any:
    image_format = sniff(original)
    if image_format is None:
        raise ValueError("no image")
    file = io.BytesIO(original)
    with c2pa.Reader(mime_type(image_format), file, context=context("")) as reader:
        return [json.loads(reader.detailed_json()), json.loads(reader.json())]


def _texts(told: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text with the name under which it stands."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from _texts(value, key)
    elif isinstance(told, list):
        for value in told:
            yield from _texts(value, name)
    elif isinstance(told, str):
        yield name, told


def _is_of_a_prompt(name: str, value: str) -> bool:
    is_named_so = any(each in name.casefold() for each in _PROMPT_NAMES)
    return bool(value.strip()) and (is_named_so or value in _PROMPT_TYPES)


def _stores(original: bytes) -> bytes:
    """The manifests' bytes. A JPEG cuts them into segments, each with a head of 16 bytes."""
    parts = [bytes(chunk.body) for chunk in chunks(original) if is_store(chunk)]
    heads = 16 if sniff(original) == "JPEG" else 0
    return b"".join(part[heads:] for part in parts).lower()


def _holds(data: bytes, secrets: Sequence[str]) -> bool:
    return any(part in data for secret in secrets for part in _parts(_plain(secret), len(data)))


def _parts(secret: bytes, size: int) -> list[bytes]:
    if len(secret) <= DISTINCTIVE:
        return [secret] if len(secret) >= LEAST else []
    starts = len(secret) - DISTINCTIVE + 1
    step = 1 + starts * size // _MOST_WORK
    return [secret[start : start + DISTINCTIVE] for start in range(0, starts, step)]


def _plain(text: str) -> bytes:
    """Without what a program may change in passing: capitals and kinds of space."""
    return " ".join(text.split()).encode().lower()
