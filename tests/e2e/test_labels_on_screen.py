"""Everybody who sees an image made in the studio sees that it is AI-generated, at any size.

Either the badge in the image is large enough on the screen, or its text stands beside the image.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from playwright.sync_api import Page, expect

from generations import submission
from generations.labelling import Badge
from generations.models import Reference, Run, RunReference
from generations.paths import compare_path
from generations.states import Status
from tests.access.studio import addresses
from tests.generations.asking import request
from tests.generations.factories import (
    make_finished_run,
    make_generation,
    make_image,
    make_reference,
    make_run,
)
from tests.generations.labelling.one import capitals
from tests.generations.labelling.test_badge import contrast
from tests.generations.telling import tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = [(1536, 3072), (3840, 1280), (3024, 1296), (1024, 1024), (832, 1248)]
SCREENS = [(1440, 900), (390, 844)]
LEGIBLE = 12  # CSS pixels of a capital letter that can be read
CONTRAST = 4.5  # WCAG 2.2, 1.4.3
FILES = ("rendition", "reference")  # URL names under which images are served

# What is visible of each image, in CSS pixels. A frame holds one image and what belongs to it.
LOOK = """
async () => {
  const frames = ".frame, .stage, .reference, .strip a, .thumbnail, .compare-image";
  const images = [...document.images].filter((image) => image.checkVisibility());
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map((image) => image.decode()));
  const box = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const colours = (element) => {
    const { color, backgroundColor } = getComputedStyle(element);
    return { text: color, glass: backgroundColor };
  };
  return images.map((image) => {
    const frame = image.closest(frames);
    const chip = frame?.querySelector(".ai-chip");
    const visible = chip?.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const controls = [...(frame?.querySelectorAll("a, button, input, select, summary") ?? [])];
    return {
      path: new URL(image.src).pathname,
      natural: [image.naturalWidth, image.naturalHeight],
      fit: getComputedStyle(image).objectFit,
      box: box(image),
      frame: frame && box(frame),
      chip: visible ? { box: box(chip), label: chip.textContent.trim(), ...colours(chip) } : null,
      controls: controls.filter((each) => !each.matches(":has(img)")).map(box),
    };
  });
}
"""


@dataclass(frozen=True)
class Shown:
    """One image on a page. Boxes are left, top, right and bottom in CSS pixels."""

    path: str
    natural: tuple[int, int]
    fit: str
    box: list[float]
    frame: list[float] | None
    chip: dict | None
    controls: list[list[float]]

    @property
    def scale(self) -> float:
        """CSS pixels for each pixel of the file, if the image is shown whole."""
        left, top, right, bottom = self.box
        return min((right - left) / self.natural[0], (bottom - top) / self.natural[1])

    @property
    def is_whole(self) -> bool:
        return self.fit == "contain" and self.frame is not None and within(self.box, self.frame)

    @property
    def is_legible(self) -> bool:
        width, height = self.natural
        high = capitals(Badge(), width=width, height=height) * self.scale
        return self.is_whole and high >= LEGIBLE

    @property
    def has_chip(self) -> bool:
        """Whether the badge's text stands in the frame and covers nothing that can be pressed."""
        if not (self.chip and self.frame and self.chip["label"] == Badge().text):
            return False
        box = self.chip["box"]
        covered = any(overlap(box, control) for control in self.controls)
        return within(box, self.frame) and not covered and self.is_clear

    @property
    def is_clear(self) -> bool:
        """Whether the text can be read over any image, even the brightest."""
        *glass, opacity = rgba(self.chip["glass"])
        if opacity == 0 and not overlap(self.chip["box"], self.box):
            return True  # plain text on the page; axe checks its colours
        over_white = tuple(value * opacity + 255 * (1 - opacity) for value in glass)
        return contrast(tuple(rgba(self.chip["text"])), over_white) >= CONTRAST

    @property
    def is_covered(self) -> bool:
        """Whether the chip covers the lower half of the image, where the badge is."""
        left, top, right, bottom = self.box
        lower = [left, (top + bottom) / 2, right, bottom]
        return self.chip is not None and overlap(self.chip["box"], lower)


def rgba(colour: str) -> list[float]:
    """Red, green, blue and opacity of a colour as a browser computes it."""
    values = [float(value) for value in re.findall(r"[\d.]+", colour)]
    return values if len(values) == len("rgba") else [*values, 1]


def within(inner: list[float], outer: list[float]) -> bool:
    return (
        inner[0] >= outer[0] - 1
        and inner[1] >= outer[1] - 1
        and inner[2] <= outer[2] + 1
        and inner[3] <= outer[3] + 1
    )


def overlap(one: list[float], other: list[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def shown_on(page: Page) -> list[Shown]:
    """The renditions and references that the page shows."""
    found = [Shown(**each) for each in page.evaluate(LOOK)]
    return [each for each in found if is_file_of_an_image(each.path)]


def is_file_of_an_image(path: str) -> bool:
    try:
        return resolve(path).url_name in FILES
    except Resolver404:
        return False


def is_upload(shown: Shown) -> bool:
    """Whether it is an image that a person uploaded."""
    uuid = resolve(shown.path).kwargs["uuid"]
    return Reference.objects.filter(uuid=uuid, image=None).exists()


def look(page: Page, name: str) -> None:
    """Check that the page shows images, each labelled at every size of the screen."""
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        found = shown_on(page)
        assert found, name
        for shown in found:
            said = f"{name} at {width}: {shown}"
            if is_upload(shown):
                assert shown.chip is None, said
            else:
                assert shown.is_whole, said
                assert shown.is_legible or shown.has_chip, said
                assert not (shown.is_legible and shown.is_covered), said


def make_runs(user) -> tuple[Run, Run]:
    """Two finished runs.

    The first has an image of each size, made from an upload and from an image made in the studio.
    The composer offers the images of the second when its request is sent again.
    """
    number = len(SIZES)
    mixed = make_run(user, wanted=number, delivered=number)
    generation = make_generation(mixed, Status.SUCCEEDED, wanted=number, delivered=number)
    images = [make_image(generation, index, size=size) for index, size in enumerate(SIZES)]
    ours = make_reference(user, image=images[0], rights=Reference.Rights.GENERATED)
    for position, reference in enumerate([make_reference(user), ours]):
        RunReference.objects.create(run=mixed, reference=reference, position=position)
    tell(mixed)
    asked = request(seed=7)
    known = {"options": asked.options, "work_digest": submission.work_digest(asked)}
    return mixed, make_finished_run(user, images=4, files=True, **known)


def pages_with_images(user) -> set[str]:
    """The addresses of the studio that answer with a page that shows images."""
    client = Client()
    client.force_login(user)
    found = set()
    for address in addresses(user).values():
        answer = client.get(address)
        text = answer.getvalue().decode(errors="ignore")
        if answer.status_code == HTTPStatus.OK and "<html" in text and shows_images(text):
            found.add(address)
    return found


def shows_images(html: str) -> bool:
    return any(map(is_file_of_an_image, re.findall(r'<img\b[^>]*?src="([^"?]+)', html)))


def test_every_image_on_every_page_is_labelled(page, superuser, enter, live_server):
    enter(page, superuser)
    mixed, again = make_runs(superuser)
    found = pages_with_images(superuser)
    assert {reverse("studio"), reverse("gallery"), reverse("log")} < found
    images = [reverse("image", args=[image.uuid]) for image in mixed.images.all()]
    stories = [reverse("log-image", args=[image.uuid]) for image in mixed.images.all()]
    for address in [*found, *images, *stories, reverse("story", args=[mixed.uuid])]:
        page.goto(live_server.url + address)
        look(page, address)

    page.goto(live_server.url + compare_path(image.uuid for image in list(mixed.images.all())[:4]))
    look(page, "the comparison")

    page.goto(f"{live_server.url}{reverse('studio')}?reuse={mixed.uuid}")
    expect(page.locator(".composer-prompt img")).to_have_count(2)
    look(page, "the composer with references")
    page.locator(".frame-done .frame-link").first.click()
    expect(page.locator("#lightbox .stage img")).to_be_visible()
    look(page, "the dialog")

    page.goto(f"{live_server.url}{reverse('studio')}?reuse={again.uuid}")
    page.get_by_role("button", name=re.compile("^Generate")).click()
    expect(page.locator("#composer-made img")).to_have_count(4)
    look(page, "the offer of images that are there")
