from datetime import UTC, datetime

import pytest

from generations.labelling import LabelFacts


@pytest.fixture
def facts() -> LabelFacts:
    return LabelFacts(
        image_id="0192f0c1-7b94-7b92-92fd-4d16a9a4e9e9",
        system="Seedream 4.5",
        system_version="seedream-4-5-251128",
        credit="Example Ltd, made with AI",
        producer="example-ltd",
        made_at=datetime(2026, 8, 2, 10, 30, 15, tzinfo=UTC),
    )
