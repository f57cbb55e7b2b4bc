"""What a record keeps of the exchange with a provider: of the request, and of the answer.

Text is in the payload of the record, which can be erased, and so are hashes that could confirm a
guess about it. Pictures in a body are replaced by their hash and length. The rest of a body is kept
letter by letter, up to `MOST_TEXT` characters.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from generations.imaging.containers import sniff
from generations.models import Generation, ProviderAccount
from generations.providers.answers import Answer, short, storable
from generations.providers.base import ImageProvider
from generations.providers.types import GenerationRequest, Payload

MOST_VALUES = 100
MOST_TEXT = 100_000
# The headers that matter when an answer is questioned: none holds a key or a cookie.
HEADERS = (
    "content-type",
    "date",
    "retry-after",
    "x-request-id",
    "x-fal-request-id",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
# A JSON string that may be a picture in base64, with or without the start of a data URI. The slash
# may be escaped in JSON.
_LONG_STRING = re.compile(r'"((?:data:[\w.+/\\-]+;base64,)?)([A-Za-z0-9+/=_\\-]{64,})"')


def values(raw: Mapping[str, Any]) -> dict[str, str]:
    """The values of an answer as texts of limited length, at most 100."""
    return {short(name): short(value) for name, value in islice(raw.items(), MOST_VALUES)}


def facts_of_request(
    generation: Generation,
    account: ProviderAccount,
    adapter: ImageProvider,
    request: GenerationRequest,
    payload: Payload,
) -> dict[str, Any]:
    """The facts of a request that is about to be sent."""
    address = urlsplit(adapter.endpoint(payload.path))
    return {
        "engine": request.engine,
        "attempt": generation.attempt,
        "token": str(generation.submit_token),
        "provider": account.provider,
        "slot": account.slot,
        "key": account.key_fingerprint,
        # Without the query, which may hold the address for webhooks.
        "endpoint": short(address._replace(query="").geturl()),
        "references": [reference.sha256 for reference in request.references],
        "seed": request.seed,
        "studio": settings.STUDIO_VERSION,
    }


def text_of_request(payload: Payload) -> dict[str, Any]:
    """The personal values of a request: address, headers and body as sent, without the key."""
    return {
        "path": payload.path[:MOST_TEXT],
        "headers": values(payload.headers),
        **_body("body", payload.body),
    }


def facts_of_answer(answer: Answer | None) -> dict[str, Any]:
    """The facts of an answer; none if nothing was answered over HTTP."""
    if answer is None:
        return {}
    told = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    return {"status": answer.status, "headers": values(told), "complete": answer.complete}


def text_of_answer(answer: Answer | None) -> dict[str, Any]:
    """The personal values of an answer: its body."""
    return _body("answer_body", answer.body) if answer else {}


def without_pictures(text: str) -> str:
    """`text` with `{"sha256": …, "bytes": …}` in place of each picture in base64."""
    return _LONG_STRING.sub(_hashed, text)


def _body(name: str, body: bytes) -> dict[str, Any]:
    text = storable(without_pictures(body.decode(errors="replace")))
    return {
        name: text[:MOST_TEXT],
        f"{name}_sha256": hashlib.sha256(body).hexdigest(),
        f"{name}_bytes": len(body),
        **({f"{name}_cut": True} if len(text) > MOST_TEXT else {}),
    }


def _hashed(found: re.Match[str]) -> str:
    """The hash and length of a picture; the text itself if it is none."""
    letters = found[2].replace("\\", "").translate(str.maketrans("-_", "+/"))
    try:
        data = base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return found[0]
    if not found[1] and sniff(data) is None:
        return found[0]
    return json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
