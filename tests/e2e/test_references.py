"""References in a browser: dropped, pasted, chosen, ordered, kept; and help for the prompt."""

import base64
import re

import pytest
from playwright.sync_api import expect

from generations import snippets
from generations.models import Reference, RunReference
from tests.e2e.accessibility import look
from tests.e2e.test_composer import choose_engine
from tests.generations.asking import prepare_uploads
from tests.generations.factories import image_file, make_reference, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Let `target` have an event with files, as a drop or a paste brings them.
GIVE = """([selector, kind, files]) => {
  const transfer = new DataTransfer();
  for (const [name, type, data] of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const target = document.querySelector(selector);
  const options = { bubbles: true, cancelable: true };
  if (kind === "paste") {
    target.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
  } else {
    for (const name of ["dragover", "drop"]) {
      target.dispatchEvent(new DragEvent(name, { ...options, dataTransfer: transfer }));
    }
  }
}"""


def give(page, kind, *files, to=".composer-row"):
    named = [(name, "image/png", base64.b64encode(data).decode()) for name, data in files]
    page.evaluate(GIVE, [to, kind, named])


def picture(name, height):
    return name, image_file((64, height))


def names(page):
    """The names of the chosen references in the order in which the form sends them."""
    titles = page.locator("[data-handle]").evaluate_all("all => all.map((each) => each.title)")
    return [title.removesuffix(".png") for title in titles]


@pytest.fixture
def studio(page, alice, enter):
    enter(page, alice)
    return page


def drag(page, source, target):
    """Drag as a hand does. The browser tells of the target only after a second movement over it."""
    source.hover()
    page.mouse.down()
    target.hover()
    target.hover()
    page.mouse.up()


def test_dropped_pasted_and_chosen_files_are_ordered_kept_and_sent(
    apixo_key, studio, alice, complaints
):
    choose_engine(studio, "demo")
    expect(studio.locator("#references-aside")).to_have_count(0)
    expect(studio.get_by_label("Resolution", exact=True)).to_be_visible()
    give(studio, "drop", picture("a.png", 40), picture("b.png", 41), ("empty.png", b""))
    expect(studio.locator("#upload-troubles")).to_contain_text("“empty.png” is empty.")
    expect(studio.locator("[data-handle] img")).to_have_count(2)  # before a worker has cleaned them
    give(studio, "paste", picture("c.png", 42), to="#composer textarea")
    expect(studio.locator("[data-handle]")).to_have_count(3)
    give(studio, "drop", picture("again.png", 40))
    expect(studio.locator("#upload-troubles")).to_contain_text("“again.png” is there already")
    give(studio, "drop", ("note.txt", b"hello"))
    expect(studio.locator("#upload-troubles")).to_contain_text("not a JPEG, PNG or WebP")
    assert names(studio) == ["a", "b", "c"]

    handle = studio.locator("[data-handle]").nth(2)
    handle.focus()
    handle.press("ArrowLeft")
    expect(studio.locator("[data-handle]").nth(1)).to_have_attribute("title", "c.png")
    expect(studio.locator("[data-handle]").nth(1)).to_be_focused()
    drag(studio, studio.locator("[data-handle]").nth(2), studio.locator("[data-handle]").nth(0))
    expect(studio.locator("[data-handle]").nth(0)).to_have_attribute("title", "b.png")

    choose_engine(studio, "APIXO")
    expect(studio.locator("#references-aside")).to_contain_text("3 references are set aside")
    choose_engine(studio, "demo")
    expect(studio.locator("[data-handle]")).to_have_count(3)
    prepare_uploads()
    studio.reload()
    choose_engine(studio, "demo")
    expect(studio.locator("[data-handle] img")).to_have_count(3)
    assert names(studio) == ["b", "a", "c"]

    studio.locator("#composer-references summary").click()
    studio.get_by_label("Rights to uploads").select_option("own")
    expect(studio.get_by_role("button", name="Declare for 3 files")).to_be_visible()
    look(studio)
    studio.keyboard.press("Escape")
    studio.get_by_label("Prompt", exact=True).fill("a red fox")
    studio.get_by_role("button", name=re.compile("^Generate")).click()
    expect(studio.locator("[data-status=pending]")).to_have_count(1)
    used = RunReference.objects.order_by("position").values_list("reference__file_name", flat=True)
    assert list(used) == ["b.png", "a.png", "c.png"]
    assert set(Reference.objects.values_list("rights", flat=True)) == {"own"}
    assert complaints == []


def test_the_library_and_the_prompts_open_over_the_composer(studio, alice, complaints):
    make_reference(alice, file_name="harbour.png")
    make_run(alice, prompt="the first prompt")
    make_run(alice, prompt="the second prompt")
    snippets.save(alice, "Dusk", "soft dusk light")
    studio.locator("#composer-references summary").click()
    studio.get_by_role("link", name="From the library").click()
    item = studio.locator("#picker").get_by_role("button", name="harbour.png")
    item.click()
    expect(item).to_have_attribute("aria-pressed", "true")
    look(studio)
    studio.set_viewport_size({"width": 390, "height": 844})
    look(studio)
    studio.set_viewport_size({"width": 1440, "height": 900})
    studio.keyboard.press("Escape")
    expect(studio.locator("[data-handle]")).to_have_count(1)

    prompt = studio.get_by_label("Prompt", exact=True)
    prompt.fill("my own")
    for key, shown in (("Up", "the second prompt"), ("Up", "the first prompt")):
        prompt.press(f"Alt+Arrow{key}")
        expect(prompt).to_have_value(shown)
    prompt.press("Alt+ArrowDown")
    prompt.press("Alt+ArrowDown")
    expect(prompt).to_have_value("my own")
    studio.get_by_role("link", name="Snippets and earlier prompts").click()
    look(studio)
    studio.get_by_role("link", name="Dusk").click()
    expect(prompt).to_have_value("my own soft dusk light")
    prompt.fill("a hand holding a poster that says HELLO")
    expect(studio.locator("[data-hint]:visible")).to_have_count(2)
    look(studio)
    studio.locator("#hint-text [data-dismiss-hint]").click()
    expect(studio.locator("#hint-text")).to_be_hidden()
    prompt.fill("🌙" * 4800)
    expect(studio.locator("#prompt-length")).to_contain_text("4800 of 5000")
    assert complaints == []


def test_a_photo_of_a_phone_and_a_whole_folder_are_answered_in_words(studio, complaints):
    choose_engine(studio, "demo")
    troubles = studio.locator("#upload-troubles")
    give(studio, "drop", ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0"))
    expect(troubles).to_contain_text("This is a HEIC photo. Save it as JPEG.")
    give(studio, "drop", *(picture(f"{number}.png", 64 + number) for number in range(60)))
    expect(troubles).to_contain_text("60 files are too many at once. The first")
    expect(studio.locator("#uploads li")).to_have_count(0)
    expect(studio.locator("[data-handle]").first).to_be_visible()
    assert complaints == []
