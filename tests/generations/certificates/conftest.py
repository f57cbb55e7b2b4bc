"""A studio that signs, with keys and certificates of its own."""

import os

import pytest

from generations import certificates
from generations.certificates import stamping
from generations.labelling.manifests.credentials import read_credentials
from tests.authority import Authority
from tests.generations.imaging.images import make_file
from tests.generations.labelling.conftest import facts  # noqa: F401


@pytest.fixture
def keys(db, settings, tmp_path):
    """The folder of keys of a studio that signs. It does not exist yet."""
    settings.LABEL_SIGNING = True
    settings.DATA_DIR = tmp_path
    return tmp_path / "keys"


@pytest.fixture
def sign(keys, facts):  # noqa: F811
    """`sign()`: a small picture after signing, as the worker gets it back."""

    def sign(data=None):
        signer = certificates.signer()
        return signer.sign(data or make_file("JPEG"), facts, b"") if signer else None

    return sign


@pytest.fixture
def credentials_of():
    """`credentials_of(signed)`: what a reader says that knows the studio's roots."""
    return lambda signed: read_credentials(signed.data, roots=certificates.roots())


@pytest.fixture
def authority(settings, tmp_path):
    """A time-stamping authority, which the studio asks."""
    folder = tmp_path / "authority"
    folder.mkdir()
    with Authority(folder).serving() as authority:
        settings.LABEL_TIMESTAMP_URL = authority.url
        yield authority
    # The process goes on: it takes a second to start.
    stamping._helper(os.getpid())._rests_until = 0.0
