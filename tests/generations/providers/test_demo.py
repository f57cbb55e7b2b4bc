"""The demo engine, with a clock that the tests set."""

import base64
import io
import json

import pytest
from PIL import Image, ImageStat

from generations.providers import demo_pictures
from generations.providers.demo import SCRIPTED_TROUBLE, DemoProvider, Trouble
from generations.providers.demo_pictures import SCENES, Picture, read, vocabulary
from generations.providers.errors import Code, OutcomeUnknown, Refused, TaskFailed, Unavailable
from generations.providers.sizes import SEEDREAM_4_5_SIZES as SIZES
from generations.providers.types import (
    Accepted,
    GenerationRequest,
    InlineImage,
    InProgress,
    ReferenceInput,
    TaskRef,
)
from generations.providers.validation import validate

PROMPT = "Layered mountain ridges at dawn, low fog in the valleys"
ENGINE = DemoProvider.engines[0]

# As in the studio. While tests run they are smaller, see `tests/conftest.py`.
WORK_AREA, LARGE_WORK_AREA = demo_pictures.WORK_AREA, demo_pictures.LARGE_WORK_AREA

# One prompt for each scene, as people write them.
SCENE_PROMPTS = {
    "ridges": PROMPT,
    "sea": "A sailing boat on a calm sea, first light",
    "shore": "Beach from a drone, foam on the sand",
    "city": "City skyline after rain, wide street",
    "still_life": "Studio shot of a teapot and two cups",
    "botanical": "A garden of tulips and fern leaves",
    "paper": "Carved contours, paper relief",
    "ink": "Marbled ink swirls",
    "silk": "Abstract folds of satin",
}


class Clock:
    """A clock that moves when a test says so. It starts at a time when the engine is not busy."""

    def __init__(self) -> None:
        self.now = 1_000_006.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def demo(clock):
    return DemoProvider(clock)


def ask(prompt=PROMPT, **changes):
    fields = {
        "engine": ENGINE.name,
        "prompt": prompt,
        "resolution": "2K",
        "aspect_ratio": "21:9",
    }
    request = GenerationRequest(**(fields | changes))
    validate(ENGINE, request)
    return request


def submit(demo, request, key="key-1"):
    return demo.submit(demo.build_submit(request), timeout=60, idempotency_key=key)


def poll(demo, accepted):
    return demo.poll(TaskRef(task_id=accepted.task_id, model=ENGINE.model))


def bring(demo, clock, request, key="key-1"):
    """The result of a request, however long it takes."""
    accepted = submit(demo, request, key)
    clock.wait(600)
    return poll(demo, accepted)


def file_of(result):
    [image] = result.images
    assert isinstance(image, InlineImage)
    return image.data


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def small(prompt, *, seed=7, size=(240, 160), **changes):
    """A picture of a size that no provider offers, small so that many are made quickly."""
    return demo_pictures.render(Picture(read(prompt), seed, size, **changes), "png")


def mean(data):
    """The mean red, green and blue of a picture."""
    return ImageStat.Stat(opened(data).convert("RGB")).mean


def picture_file(colour, size=(90, 60)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def reference(data, n=1):
    return ReferenceInput(sha256=f"{n:064x}", width=90, height=60, data=data)


class TestTime:
    """The prompt draws nothing, because only the time counts."""

    WAITED_FOR = f"{PROMPT} {Trouble.NO_IMAGE}"

    def test_a_picture_takes_a_few_seconds(self, demo, clock):
        accepted = submit(demo, ask(self.WAITED_FOR))
        clock.wait(1.9)
        assert poll(demo, accepted) == InProgress()
        clock.wait(2.2)
        assert file_of(poll(demo, accepted))

    def test_seconds_vary_with_the_seed(self, demo, clock):
        tasks = [submit(demo, ask(self.WAITED_FOR, seed=seed)) for seed in (0, 100)]
        clock.wait(3)
        first, second = (poll(demo, task) for task in tasks)
        assert file_of(first)
        assert second == InProgress()

    def test_4k_takes_twice_as_long(self, demo, clock):
        accepted = submit(demo, ask(self.WAITED_FOR, resolution="4K", seed=0))
        clock.wait(3.9)
        assert poll(demo, accepted) == InProgress()
        clock.wait(0.2)
        assert file_of(poll(demo, accepted))

    def test_the_time_scale_multiplies_waiting(self, clock):
        demo = DemoProvider(clock, time_scale=0.01)
        accepted = submit(demo, ask(self.WAITED_FOR))
        assert poll(demo, accepted) == InProgress()
        clock.wait(0.041)
        assert file_of(poll(demo, accepted))

    def test_a_time_scale_of_zero_is_refused(self):
        with pytest.raises(ValueError, match="above 0"):
            DemoProvider(time_scale=0)

    def test_another_process_can_poll(self, demo, clock):
        accepted = submit(demo, ask())
        clock.wait(10)
        elsewhere = DemoProvider(clock)
        assert file_of(poll(elsewhere, accepted)) == file_of(poll(demo, accepted))


class TestPictures:
    @pytest.mark.parametrize("ratio", SIZES["2K"])
    def test_every_2k_format_has_its_exact_size(self, demo, clock, ratio):
        image = opened(file_of(bring(demo, clock, ask(aspect_ratio=ratio))))
        assert (image.format, image.size) == ("JPEG", SIZES["2K"][ratio])

    def test_the_answer_says_what_was_made(self, demo, clock):
        result = bring(demo, clock, ask(seed=11))
        assert (result.model, result.seed, result.cost_usd) == (ENGINE.model, 11, 0)
        assert (result.raw["scene"], result.raw["width"]) == ("ridges", 3136)
        assert json.dumps(dict(result.raw))

    def test_a_prompt_and_a_seed_always_give_the_same_file(self, demo, clock):
        first, again = (bring(demo, clock, ask(seed=5), key) for key in ("key-1", "key-2"))
        assert file_of(first) == file_of(again)

    def test_another_seed_gives_another_picture(self, demo, clock):
        first, second = (bring(demo, clock, ask(seed=seed)) for seed in (5, 6))
        assert file_of(first) != file_of(second)

    def test_without_a_seed_each_key_gives_its_own_picture(self, demo, clock):
        results = [bring(demo, clock, ask(), f"key-{n}") for n in range(4)]
        assert len({file_of(result) for result in results}) == 4
        assert len({result.seed for result in results}) == 4

    def test_a_seed_that_came_back_gives_the_picture_again(self, demo, clock):
        first = bring(demo, clock, ask())
        again = bring(demo, clock, ask(seed=first.seed), "key-2")
        assert file_of(first) == file_of(again)

    @pytest.mark.parametrize(
        "option", [{"negative_prompt": "fog"}, {"guidance_scale": 10.0}, {"prompt": PROMPT + "."}]
    )
    def test_every_option_makes_a_difference(self, demo, clock, option):
        plain, changed = bring(demo, clock, ask(seed=5)), bring(demo, clock, ask(seed=5, **option))
        assert file_of(plain) != file_of(changed)


class TestFullSize:
    """Composed on as many pixels as in the studio."""

    @pytest.fixture(autouse=True)
    def fine_pictures(self, monkeypatch):
        monkeypatch.setattr(demo_pictures, "WORK_AREA", WORK_AREA)
        monkeypatch.setattr(demo_pictures, "LARGE_WORK_AREA", LARGE_WORK_AREA)

    @pytest.mark.parametrize(
        ("resolution", "ratio", "output_format"),
        [("4K", "21:9", "jpeg"), ("4K", "9:16", "png"), ("2K", "1:1", "jpeg")],
    )
    def test_the_file_has_its_exact_size(self, demo, clock, resolution, ratio, output_format):
        request = ask(resolution=resolution, aspect_ratio=ratio, output_format=output_format)
        image = opened(file_of(bring(demo, clock, request)))
        assert (image.format, image.size) == (output_format.upper(), SIZES[resolution][ratio])


class TestScenes:
    @pytest.mark.parametrize(("scene", "prompt"), SCENE_PROMPTS.items())
    def test_the_words_choose_the_scene(self, scene, prompt):
        assert read(prompt).scene == scene

    def test_every_scene_has_a_prompt(self):
        assert SCENE_PROMPTS.keys() == SCENES.keys()

    @pytest.mark.parametrize("size", [(240, 160), (160, 240), (330, 140)])
    @pytest.mark.parametrize("prompt", SCENE_PROMPTS.values(), ids=SCENE_PROMPTS)
    def test_every_scene_can_be_painted_by_day_and_by_night(self, prompt, size):
        by_day, by_night = small(prompt, size=size), small(f"{prompt} at midnight", size=size)
        assert opened(by_day).size == opened(by_night).size == size
        # It is a picture and not a flat colour if it has more colours than a palette.
        assert len(set(opened(by_day).get_flattened_data())) > 256
        assert by_day != by_night

    @pytest.mark.parametrize(
        "thing", ["teapot", "cup", "bottle", "vase", "bowl", "jug", "plinth", "cone", "cylinder"]
    )
    def test_a_thing_that_is_named_is_painted(self, thing):
        subject = read(f"Studio shot of a {thing}")
        assert subject.scene == "still_life"
        assert len(subject.motifs) == 1
        assert small(f"Studio shot of a {thing}") != small("Studio shot of a thing")

    def test_words_of_the_negative_prompt_do_not_count(self):
        assert read("Mountains, sea", avoided="mountains").scene == "sea"
        assert read("A red vase", avoided="red").palette == ""

    @pytest.mark.parametrize("prompt", ["Quarterly results", "季度报告", "?!"])
    def test_without_a_known_word_there_is_still_a_picture(self, prompt):
        assert read(prompt).scene in SCENES
        assert read(prompt) == read(prompt)

    @pytest.mark.parametrize("prompt", SCENE_PROMPTS.values(), ids=SCENE_PROMPTS)
    def test_colour_words_colour_the_picture(self, prompt):
        crimson, cobalt = mean(small(f"{prompt}, crimson")), mean(small(f"{prompt}, cobalt blue"))
        assert crimson[0] / sum(crimson) > cobalt[0] / sum(cobalt) + 0.04
        assert cobalt[2] / sum(cobalt) > crimson[2] / sum(crimson) + 0.04

    def test_a_second_colour_becomes_the_contrast(self):
        one, other = read("Ink in teal and gold"), read("Ink in gold and teal")
        assert (one.palette, one.accent) == ("teal", "gold")
        assert (other.palette, other.accent) == ("gold", "teal")


class TestReferences:
    def test_a_reference_lends_its_colours(self, demo, clock):
        plain = bring(demo, clock, ask(seed=5))
        green = reference(picture_file((20, 160, 60)))
        leaning = bring(demo, clock, ask(seed=5, references=(green,)))
        share = [means[1] / sum(means) for means in (mean(file_of(plain)), mean(file_of(leaning)))]
        assert share[1] > share[0] + 0.05

    def test_the_body_has_no_bytes_of_a_reference(self, demo):
        body = demo.build_submit(ask(references=(reference(picture_file("navy")),))).body
        assert len(body) < 400

    def test_a_reference_that_is_not_an_image_is_refused(self, demo):
        broken = reference(b"\xff\xd8 no picture at all"), reference(picture_file("navy"), 2)
        with pytest.raises(Refused) as refused:
            submit(demo, ask(references=broken))
        assert refused.value.code == Code.REFERENCE_REJECTED

    def test_the_main_colours_come_first(self):
        image = Image.new("RGB", (80, 80), (200, 30, 30))
        image.paste((20, 30, 200), (0, 0, 80, 20))
        file = io.BytesIO()
        image.save(file, "PNG")
        main, second, *_others = demo_pictures.dominant_colours(file.getvalue())
        assert main[0] > main[2]
        assert second[2] > second[0]


class TestTasks:
    def test_the_same_request_gives_the_same_body(self, demo):
        assert demo.build_submit(ask(seed=3)) == demo.build_submit(ask(seed=3))

    def test_the_same_key_and_body_are_the_same_task_that_starts_anew(self, demo, clock):
        first = submit(demo, ask())
        clock.wait(1)
        again = submit(demo, ask())
        assert first.task_id != again.task_id
        assert identity(first) == identity(again)
        clock.wait(10)
        assert file_of(poll(demo, first)) == file_of(poll(demo, again))

    def test_another_key_or_body_is_another_task(self, demo):
        tasks = [submit(demo, ask()), submit(demo, ask(), "key-2"), submit(demo, ask(seed=1))]
        assert len({identity(task) for task in tasks}) == 3

    def test_task_ids_stay_short(self, demo):
        words = " ".join(vocabulary.MOTIF_WORDS.values())
        prompt = f"{Trouble.NO_IMAGE} botanical pastel chocolate midnight {words}".ljust(5000, "!")
        ramp = Image.linear_gradient("L")
        colourful = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
        file = io.BytesIO()
        colourful.save(file, "PNG")
        references = tuple(reference(file.getvalue(), n) for n in range(14))
        options = {"seed": 2**31 - 1, "guidance_scale": 9.5, "output_format": "jpeg"}
        accepted = submit(demo, ask(prompt, resolution="4K", references=references, **options))
        assert len(accepted.task_id) < 400

    def test_task_ids_do_not_have_the_prompt(self, demo):
        accepted = submit(demo, ask("Unreleased product, mountain"))
        _, _, details = accepted.task_id.partition(".")
        assert b"nreleased" not in base64.urlsafe_b64decode(details + "==")

    @pytest.mark.parametrize(
        "task_id",
        ["", "nonsense", "1f.", "1f.%%%", "1f.bm90IGpzb24", "1f.W10", "1f.bnVsbA", "zz.é"],
    )
    def test_an_unknown_id_fails(self, demo, task_id):
        with pytest.raises(TaskFailed) as failed:
            demo.poll(TaskRef(task_id=task_id, model=ENGINE.model))
        assert failed.value.code == Code.NOT_FOUND

    @pytest.mark.parametrize(
        ("found", "forged"),
        [
            ("[3136,1344]", "[99999,99999]"),
            ('"ridges"', '"nowhere"'),
            ('"dawn"', '"infra-red"'),
            (",7,[", ",Infinity,["),
            ("[],null]", '["zzzzzz"],null]'),
        ],
    )
    def test_a_forged_id_fails(self, demo, clock, found, forged):
        accepted = submit(demo, ask(seed=7))
        name, _, details = accepted.task_id.partition(".")
        text = base64.urlsafe_b64decode(details + "==").decode()
        assert found in text
        packed = base64.urlsafe_b64encode(text.replace(found, forged).encode()).decode()
        clock.wait(10)
        with pytest.raises(TaskFailed):
            poll(demo, Accepted(f"{name}.{packed}"))

    def test_cancelling_is_always_accepted(self, demo):
        accepted = submit(demo, ask())
        assert demo.cancel(TaskRef(task_id=accepted.task_id, model=ENGINE.model)) is True


def identity(accepted):
    return accepted.task_id.partition(".")[0]


class TestScriptedTrouble:
    def test_every_trouble_is_described(self):
        assert set(SCRIPTED_TROUBLE) == set(Trouble)
        assert all(str(description).endswith(".") for description in SCRIPTED_TROUBLE.values())

    def test_blocked_is_refused_at_once(self, demo):
        with pytest.raises(Refused) as refused:
            submit(demo, ask(f"{PROMPT} [Demo: Blocked]"))
        assert refused.value.code == Code.CONTENT_POLICY

    def test_busy_passes(self, demo, clock):
        request = ask(f"{PROMPT} {Trouble.BUSY}")
        clock.now = 1_000_000.0
        with pytest.raises(Unavailable) as busy:
            submit(demo, request)
        assert (busy.value.code, busy.value.retry_after) == (Code.RATE_LIMITED, 2)
        clock.wait(5)
        assert submit(demo, request).task_id

    def test_a_lost_answer_comes_with_the_same_key_later(self, demo, clock):
        request = ask(f"{PROMPT} {Trouble.LOST}")
        clock.now = 1_000_004.0
        with pytest.raises(OutcomeUnknown):
            submit(demo, request)
        clock.wait(2)
        assert submit(demo, request).task_id

    def test_slow_takes_a_minute(self, demo, clock):
        accepted = submit(demo, ask(f"{PROMPT} {Trouble.SLOW}"))
        clock.wait(59)
        assert poll(demo, accepted) == InProgress()
        clock.wait(2)
        assert file_of(poll(demo, accepted))

    def test_fails_ends_without_a_picture(self, demo, clock):
        accepted = submit(demo, ask(f"{PROMPT} {Trouble.FAILS}"))
        assert poll(demo, accepted) == InProgress()
        clock.wait(10)
        with pytest.raises(TaskFailed) as failed:
            poll(demo, accepted)
        assert failed.value.code == Code.PROVIDER_ERROR

    def test_half_fails_for_some_keys_and_always_for_those(self, demo, clock):
        request = ask(f"{PROMPT} {Trouble.HALF}")
        keys = [f"key-{n}" for n in range(6)]
        ends = [self.ends_well(demo, clock, request, key) for key in keys]
        assert set(ends) == {True, False}
        bad = keys[ends.index(False)]
        assert not self.ends_well(demo, clock, request, bad)

    def ends_well(self, demo, clock, request, key):
        try:
            return bool(file_of(bring(demo, clock, request, key)))
        except TaskFailed:
            return False

    def test_noimage_delivers_something_else(self, demo, clock):
        data = file_of(bring(demo, clock, ask(f"{PROMPT} {Trouble.NO_IMAGE}")))
        with pytest.raises(OSError, match="cannot identify"):
            opened(data)
