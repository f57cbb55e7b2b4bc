"""Proves that a provider checks our key, by repeating the same request with an invented key.

This is for providers at which no free request proves a key. One answer is not enough there: any
server answers 404 or 400 to what it does not know. Only a server that refuses an invented key
checks keys.
"""

from collections.abc import Callable
from copy import copy
from http import HTTPStatus

from generations.providers.answers import Answer
from generations.providers.errors import Code, Refused, Unavailable
from generations.providers.http import HttpProvider

# It has the format of fal's keys (id:secret); the other providers treat it as an unknown key.
MADE_UP_KEY = "00000000-0000-0000-0000-000000000000:00000000000000000000000000000000"
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def prove_key(adapter: HttpProvider, answer: Answer, ask: Callable[[HttpProvider], Answer]) -> str:
    """Return a sentence that says why the adapter's key counts as accepted.

    `ask` sends the request with the adapter that it is given; `answer` is what it returned for
    `adapter`. Raises `Refused` with `Code.MISDIRECTED` if an invented key gets an answer with the
    same status, because then nobody knows whether the key is right. Raises `Unavailable` if this
    cannot be found out now.
    """
    other = ask(_with_made_up_key(adapter))
    if other.status in REFUSED and answer.status not in REFUSED:
        return (
            f"key accepted: the same request with a made-up key was refused ({other.status}), "
            f"with this key it was not ({answer.status})"
        )
    if other.status == answer.status:
        raise Refused(code=Code.MISDIRECTED, raw_code=f"{answer.status} to any key")
    raise Unavailable(code=Code.BAD_RESPONSE, raw_code=f"{other.status} to a made-up key")


def _with_made_up_key(adapter: HttpProvider) -> HttpProvider:
    other = copy(adapter)
    other._api_key = MADE_UP_KEY
    return other
