"""What an engine's capabilities say about a request, besides whether it is valid."""

import pytest

from generations.providers.capabilities import Capabilities, NumberRange


class TestSeeds:
    """The positions of a run have consecutive seeds."""

    ABLE = Capabilities(prompt_limit=20, max_images=9, sizes={}, seed=NumberRange(-1, 100))

    @pytest.mark.parametrize(
        ("asked", "position", "seed"),
        [(7, 0, 7), (7, 3, 10), (-1, 0, -1), (100, 0, 100), (100, 1, -1), (99, 3, 0), (7, 102, 7)],
    )
    def test_after_the_largest_comes_the_smallest(self, asked, position, seed):
        assert self.ABLE.seed_at(position, asked=asked) == seed

    def test_a_seed_is_optional(self):
        assert self.ABLE.seed_at(3, asked=None) is None

    def test_without_seeds_the_requested_one_is_left_for_validation(self):
        assert Capabilities(20, 9, {}).seed_at(3, asked=7) == 7
