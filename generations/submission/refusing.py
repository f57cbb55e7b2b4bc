"""Requests that were refused before anything was sent: the prompt goes on record all the same."""

from collections.abc import Sequence

from accounts.audit import tallies
from accounts.events import Event
from accounts.models import User
from generations.providers.answers import short, storable
from generations.submission.asking import digest_of

LONGEST_PROMPT = 50_000
MOST_MESSAGES = 20


def record_refusal(
    user: User,
    *,
    prompt: str,
    negative_prompt: str,
    engine: str,
    why: str,
    fields: Sequence[str],
    messages: Sequence[str],
) -> None:
    """Record that `user` asked for `prompt` and was refused. Nothing is recorded without a prompt.

    The same prompt, refused again for the same reason within ten minutes, is counted.
    """
    texts = {"prompt": _kept(prompt), "negative_prompt": _kept(negative_prompt)}
    if not any(texts.values()):
        return
    tallies.note(
        Event.RUN_REFUSED,
        address=digest_of({"why": why, "fields": list(fields), "engine": engine, **texts}),
        actor=user,
        subject=user,
        facts={"why": why, "fields": list(fields), "engine": short(engine)},
        personal={**texts, "messages": [short(text) for text in messages[:MOST_MESSAGES]]},
    )


def _kept(text: str) -> str:
    return storable(text.strip()[:LONGEST_PROMPT])
