"""The settings with which c2pa reads and signs; neither ever asks anything of the network.

A context does not survive a fork, so each process makes its own when it first needs one.
"""

import os
from functools import lru_cache
from typing import Any

import c2pa

# The assertion that is ours. Its label begins with a domain read backwards, as C2PA 2.2, 6.2.1,
# requires of assertions that the standard does not define.
OWN_ASSERTION = "org.seedream-studio.image"
MINING_ASSERTION = "cawg.training-mining"
# Without this list, c2pa-rs counts what we say as gathered: as hearsay.
_CREATED = ["c2pa.actions.v2", "c2pa.ingredient.v3", MINING_ASSERTION, OWN_ASSERTION]
# Purposes that a signing certificate may have (C2PA 2.2, 14.4.2): e-mail protection, document
# signing, claim signing; and time stamps, of the certificates of authorities.
PURPOSES = "1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n1.3.6.1.4.1.62558.2.1\n1.3.6.1.5.5.7.3.8\n"
# Each root that somebody verifies with has a context; the studio has one set of roots at a time.
_MOST_CONTEXTS = 4


def context(roots: str) -> c2pa.Context:
    """This process's context that trusts the certificates `roots`, in PEM; threads may share it."""
    return _context(os.getpid(), roots)


@lru_cache(maxsize=_MOST_CONTEXTS)
def _context(_pid: int, roots: str) -> c2pa.Context:
    return c2pa.Context(c2pa.Settings.from_dict(_settings(roots)))


def _settings(roots: str) -> dict[str, Any]:
    trust = {"trust_config": PURPOSES} | ({"user_anchors": roots} if roots else {})
    return {
        # Not after signing: `signing` reads each file back, with more questions than c2pa's own.
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "trust": trust,
        # c2pa's thumbnail of a WebP has 0.9 MB.
        "builder": {"thumbnail": {"enabled": False}, "created_assertion_labels": _CREATED},
    }
