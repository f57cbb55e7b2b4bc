"""No word of a prompt leaves in a provider's manifest; a manifest without one is carried whole."""

import hashlib

import pytest

from generations.labelling import ENGLISH, RECIPES, Labels, Original, label
from generations.labelling.manifests.credentials import TRUSTED, read_credentials
from generations.labelling.manifests.disclosing import may_leave
from tests.generations.imaging.images import FORMATS, make_file
from tests.generations.labelling.signers import CREATED, PROVIDER, make_signer, upstream

PROMPT = "A lighthouse of salt on the Norwegian coast, at dusk"
CHINESE = "挪威海岸边一座盐做的灯塔，黄昏时分"


def saying(label_of_assertion="org.example.made", image_format="JPEG", actions=(CREATED,), **data):
    """A provider's file whose signed manifest says this."""
    assertions = [{"label": label_of_assertion, "data": data}] if data else []
    return upstream().sign(make_file(image_format), actions=actions, assertions=assertions)


class TestMayLeave:
    @pytest.mark.parametrize("image_format", FORMATS)
    def test_a_manifest_without_a_prompt(self, image_format):
        assert may_leave(saying(image_format=image_format, model="Upstream Model 7"), [PROMPT])

    @pytest.mark.parametrize("image_format", FORMATS)
    @pytest.mark.parametrize(
        ("secret", "said"),
        [
            (PROMPT, PROMPT),
            (PROMPT, "the task was: lighthouse of salt"),
            (PROMPT, "A LIGHTHOUSE\n  OF SALT on the coast"),
            (CHINESE, "画一座盐做的灯塔"),
            ("a fox", "made: a fox"),
        ],
    )
    def test_not_one_with_a_part_of_it(self, image_format, secret, said):
        original = saying(image_format=image_format, note=said)

        assert not may_leave(original, ["", secret])

    def test_not_one_with_a_part_that_was_split_among_segments_of_a_jpeg(self):
        # Segments hold some 65,000 bytes; the text is longer than a step between the tries.
        for filler in range(64_300, 65_700, 200):
            assert not may_leave(saying(note="x" * filler + f"{PROMPT}, " * 4), [PROMPT])

    @pytest.mark.parametrize(
        "data",
        [{"Prompt": "something else"}, {"parameters": {"revised_prompt": ["rewritten by them"]}}],
    )
    def test_not_one_with_a_field_for_prompts(self, data):
        assert not may_leave(saying(**data), [PROMPT])

    def test_not_one_in_an_action(self):
        action = CREATED | {"parameters": {"com.example.prompt": "rewritten by them"}}

        assert not may_leave(saying(actions=(action,)), [PROMPT])

    def test_not_one_in_a_manifest_below(self):
        below = saying(note=PROMPT)

        assert not may_leave(upstream().sign(make_file("JPEG"), parent=below), [PROMPT])

    def test_none_if_the_prompt_is_not_known_any_more(self):
        assert not may_leave(saying(model="Upstream Model 7"), None)

    def test_a_file_without_a_manifest(self):
        assert may_leave(make_file("PNG"), None)


@pytest.mark.parametrize("image_format", FORMATS)
def test_files_name_the_original_by_its_hash_and_hold_no_word(facts, image_format):
    original, signer = saying(image_format=image_format, prompt=PROMPT), make_signer()

    files = label(
        Original(original),
        facts=facts,
        recipes=RECIPES,
        labels=Labels(ENGLISH, signer=signer),
        secrets=[PROMPT],
    )

    for file in files:
        found = read_credentials(file.data, roots=signer.roots)
        assert (found.state, found.depth) == (TRUSTED, 1)
        assert [each.name for each in found.actions] == ["c2pa.opened", "c2pa.edited"]
        (parent,) = found.ingredients
        assert parent.relationship == "parentOf"
        assert parent.sha256 == hashlib.sha256(original).hexdigest()
        assert not parent.has_manifest
        assert PROMPT[:12].encode() not in file.data
        assert PROVIDER.encode() not in file.data


def test_without_a_prompt_the_manifest_is_carried_whole(facts):
    original, signer = saying(model="Upstream Model 7"), make_signer()

    (file,) = label(
        Original(original),
        facts=facts,
        recipes=RECIPES[:1],
        labels=Labels(ENGLISH, signer=signer),
        secrets=[PROMPT],
    )

    assert read_credentials(file.data, roots=signer.roots).depth == 2
