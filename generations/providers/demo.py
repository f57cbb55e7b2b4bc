"""The demo engine: a provider of our own that needs no key and no network and keeps no state.

It behaves like a real service that takes an idempotency key: it accepts a request, takes a few
seconds, and returns a picture. `demo_pictures` draws it from the prompt, so the same prompt,
options and seed always give the same bytes.

Everything about a task is in its id: when it started, how long it takes and what to draw. The same
key and body sent twice give ids that differ only in the start; the first part of the id, the
identity, is the same. This makes nothing twice, because the studio keeps only one id of a
generation, and nothing is drawn before somebody polls.

Words in square brackets in the prompt make it fail, to try out how the studio reacts;
`SCRIPTED_TROUBLE` lists them. `[demo: busy]` and `[demo: lost]` depend on the clock, because a
service without state cannot count: they fail in the first half of every ten seconds.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generations.providers import demo_pictures
from generations.providers.base import ImageProvider, OnImage
from generations.providers.capabilities import (
    Capabilities,
    Engine,
    NumberRange,
    PollSchedule,
    ReferenceDelivery,
    SuggestedPrice,
)
from generations.providers.demo_pictures import SCENES, Picture, Subject
from generations.providers.demo_pictures.colour import from_hex, to_hex
from generations.providers.demo_pictures.palettes import PALETTES
from generations.providers.errors import (
    Code,
    OutcomeUnknown,
    Refused,
    TaskFailed,
    Unavailable,
)
from generations.providers.sizes import SEEDREAM_4_5_SIZES
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InlineImage,
    InProgress,
    Payload,
    Result,
    TaskRef,
)

MODEL = "demo-seedream-4-5"
LARGEST_SEED = 2**31 - 1


class Trouble(StrEnum):
    """What a prompt can make go wrong."""

    BLOCKED = "[demo: blocked]"
    BUSY = "[demo: busy]"
    LOST = "[demo: lost]"
    SLOW = "[demo: slow]"
    FAILS = "[demo: fails]"
    HALF = "[demo: half]"
    NO_IMAGE = "[demo: noimage]"


SCRIPTED_TROUBLE: Mapping[str, str | Promise] = MappingProxyType(
    {
        Trouble.BLOCKED: _("The content filter refuses the request at once."),
        Trouble.BUSY: _("The provider is too busy for five of every ten seconds."),
        Trouble.LOST: _(
            "The request is accepted, but the answer is lost in five of every ten seconds."
        ),
        Trouble.SLOW: _("The image takes a minute."),
        Trouble.FAILS: _("The provider accepts the request and then fails."),
        Trouble.HALF: _("About every second image fails."),
        Trouble.NO_IMAGE: _("The provider delivers a file that is not an image."),
    }
)

# In seconds, all multiplied by the time scale; a 4K picture takes twice as long.
SHORTEST, LONGEST = 2.0, 4.0
SLOW = 60.0
WINDOW = 10.0
RETRY_AFTER = 2.0

# How much is kept of the references and of a long prompt, because a task id must stay short.
MOST_COLOURS = 6
MOST_MOTIFS = 4


@dataclass(frozen=True)
class _Task:
    """The content of a task id; times in seconds, `started` since 1970."""

    identity: str
    started: float
    seconds: float
    trouble: str
    output_format: str
    picture: Picture

    @property
    def ends(self) -> float:
        return self.started + self.seconds

    @property
    def is_odd(self) -> bool:
        return int(self.identity, 16) % 2 == 1


class DemoProvider(ImageProvider):
    """The demo engine; `clock` gives seconds since 1970, `time_scale` multiplies all waiting."""

    name = "demo"
    label = "Demo engine"
    engines = (
        Engine(
            name="demo/seedream-4-5",
            label="Seedream 4.5 (demo)",
            model=MODEL,
            capabilities=Capabilities(
                prompt_limit=5000,
                max_images=10,
                sizes=SEEDREAM_4_5_SIZES,
                max_references=14,
                reference_delivery=ReferenceDelivery.INLINE,
                negative_prompt=True,
                seed=NumberRange(0, LARGEST_SEED),
                guidance_scale=NumberRange(1, 10, step=0.5),
                output_formats=("jpeg", "png"),
                takes_idempotency_key=True,
                can_cancel=True,
                deterministic_by_seed=True,
                polls={tier: PollSchedule(first=1.0, interval=1.0) for tier in SEEDREAM_4_5_SIZES},
                typical_seconds={"2K": 4, "4K": 8},
            ),
            prices=(
                SuggestedPrice("2K", 2, Decimal("0.00")),
                SuggestedPrice("4K", 4, Decimal("0.00")),
            ),
            about=_(
                "Only to try the studio out: it draws simple scenes from a few words that it "
                "knows, and does not understand the prompt."
            ),
        ),
    )

    def __init__(self, clock: Callable[[], float] = time.time, time_scale: float = 1.0) -> None:
        if time_scale <= 0:
            raise ValueError("The time scale of the demo engine must be above 0.")
        self._clock = clock
        self._time_scale = time_scale

    def build_submit(self, request: GenerationRequest) -> Payload:
        """The request as JSON, with the main colours of each reference instead of its bytes.

        The pictures use only the colours of a reference, and request bodies are kept. A reference
        that is not an image has no colours, and `submit` refuses it.
        """
        width, height = SEEDREAM_4_5_SIZES[request.resolution][request.aspect_ratio]
        options = {
            "model": MODEL,
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "width": width,
            "height": height,
            "seed": request.seed,
            "guidance_scale": request.guidance_scale,
            "output_format": request.output_format,
            "references": [_main_colours(reference.data) for reference in request.references],
        }
        given = {name: value for name, value in options.items() if value not in (None, [])}
        return Payload.of_json("/images", given)

    def submit(
        self,
        payload: Payload,
        *,
        timeout: float,
        idempotency_key: str = "",
        on_image: OnImage | None = None,
    ) -> Accepted:
        order = json.loads(payload.body)
        trouble = _trouble(order["prompt"])
        if not all(order.get("references", [])):
            raise Refused("A reference is not a picture.", code=Code.REFERENCE_REJECTED)
        if trouble == Trouble.BLOCKED:
            raise Refused(code=Code.CONTENT_POLICY, raw_code="demo_blocked")
        if trouble == Trouble.BUSY and self._is_bad_moment():
            wait = RETRY_AFTER * self._time_scale
            raise Unavailable(code=Code.RATE_LIMITED, raw_code="demo_busy", retry_after=wait)
        if trouble == Trouble.LOST and self._is_bad_moment():
            raise OutcomeUnknown(raw_code="demo_lost")
        identity = hashlib.sha256(idempotency_key.encode() + b"\n" + payload.body).hexdigest()[:16]
        return Accepted(_task_id(self._task(order, trouble, identity)), request_id=identity)

    def poll(self, task: TaskRef) -> InProgress | Result:
        """Draw the picture when its time has come. Raises TaskFailed, also for unknown ids."""
        found = _read_task_id(task.task_id)
        if self._clock() < found.ends:
            return InProgress()
        if found.trouble == Trouble.FAILS or (found.trouble == Trouble.HALF and found.is_odd):
            raise TaskFailed(raw_code="demo_failed", request_id=found.identity)
        return _result(found)

    def cancel(self, task: TaskRef) -> bool:
        """Always accepted. Nothing is remembered, so a later poll still returns the picture."""
        return True

    def _task(self, order: Mapping[str, Any], trouble: str, identity: str) -> _Task:
        seed = order.get("seed")
        colours = [colour for reference in order.get("references", []) for colour in reference]
        picture = Picture(
            subject=demo_pictures.read(order["prompt"], order.get("negative_prompt", "")),
            # Without a seed each key gives another picture, so that a run shows variety.
            seed=int(identity, 16) % LARGEST_SEED if seed is None else seed,
            size=(order["width"], order["height"]),
            tint=tuple(tuple(colour) for colour in colours[:: len(colours) // MOST_COLOURS + 1]),
            guidance=order.get("guidance_scale"),
        )
        return _Task(
            identity=identity,
            started=round(self._clock(), 3),
            seconds=round(_seconds(picture, trouble) * self._time_scale, 3),
            trouble=trouble,
            output_format=order.get("output_format", "jpeg"),
            picture=picture,
        )

    def _is_bad_moment(self) -> bool:
        window = WINDOW * self._time_scale
        return self._clock() % window < window / 2


def _main_colours(data: bytes) -> list[list[int]]:
    """The main colours of a reference; an empty list if it is not an image."""
    try:
        return [list(colour) for colour in demo_pictures.dominant_colours(data)]
    except ValueError:
        return []


def _trouble(prompt: str) -> str:
    """The first scripted trouble that the prompt has, or an empty string."""
    text = prompt.lower()
    return next((marker for marker in Trouble if marker in text), "")


def _seconds(picture: Picture, trouble: str) -> float:
    if trouble == Trouble.SLOW:
        return SLOW
    seconds = SHORTEST + (LONGEST - SHORTEST) * (picture.seed % 101) / 100
    return 2 * seconds if picture.size in SEEDREAM_4_5_SIZES["4K"].values() else seconds


def _result(task: _Task) -> Result:
    picture = task.picture
    if task.trouble == Trouble.NO_IMAGE:
        data = b"This is not the picture you are waiting for."
    else:
        data = demo_pictures.render(picture, task.output_format)
    facts = {
        "id": task.identity,
        "model": MODEL,
        "seed": picture.seed,
        "width": picture.size[0],
        "height": picture.size[1],
        "scene": picture.subject.scene,
        "seconds": task.seconds,
    }
    return Result(
        images=(InlineImage(data),),
        model=MODEL,
        cost_usd=Decimal("0.00"),
        request_id=task.identity,
        seed=picture.seed,
        raw=facts,
    )


def _task_id(task: _Task) -> str:
    """`identity.details`: the details are JSON in URL-safe base64."""
    picture, subject = task.picture, task.picture.subject
    details = [
        task.started,
        task.seconds,
        task.trouble,
        task.output_format,
        subject.scene,
        subject.palette,
        subject.accent,
        subject.night,
        subject.motifs[:MOST_MOTIFS],
        subject.digest,
        picture.seed,
        picture.size,
        [to_hex(colour) for colour in picture.tint],
        picture.guidance,
    ]
    text = json.dumps(details, separators=(",", ":")).encode()
    return f"{task.identity}.{base64.urlsafe_b64encode(text).decode().rstrip('=')}"


def _read_task_id(task_id: str) -> _Task:
    """The inverse of `_task_id`. Raises TaskFailed for an invalid id."""
    try:
        return _unpacked(task_id)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TaskFailed(code=Code.NOT_FOUND, raw_code="demo_no_such_task") from error


def _unpacked(task_id: str) -> _Task:
    identity, _dot, packed = task_id.partition(".")
    text = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    started, seconds, trouble, output_format, *about, seed, size, tint, guidance = json.loads(text)
    scene, palette, accent, night, motifs, digest = about
    picture = Picture(
        subject=Subject(scene, palette, accent, bool(night), tuple(map(str, motifs)), str(digest)),
        seed=int(seed),
        size=tuple(size),
        tint=tuple(from_hex(colour) for colour in tint),
        guidance=None if guidance is None else float(guidance),
    )
    int(identity, 16)
    known = {size for sizes in SEEDREAM_4_5_SIZES.values() for size in sizes.values()}
    if scene not in SCENES or picture.size not in known or not {palette, accent} <= {"", *PALETTES}:
        raise ValueError("This can't be drawn.")
    return _Task(identity, float(started), float(seconds), trouble, output_format, picture)
