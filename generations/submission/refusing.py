"""Requests that were refused before anything was sent: the prompt goes on record all the same."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from accounts.audit import tallies
from accounts.errors import AccountsError, InsufficientCredits
from accounts.events import Event
from accounts.models import User
from generations.imaging import UnusableImage
from generations.models import Run
from generations.providers.answers import short, storable
from generations.providers.errors import UnsupportedOption
from generations.submission.asking import BudgetRefused, KeyReused, SubmissionRefused, digest_of
from generations.submission.identical import AlreadyMade

LONGEST_PROMPT = 50_000
MOST_MESSAGES = 20
# Whatever refuses a request. Each has the `message` that the person is told.
REFUSALS = (AccountsError, SubmissionRefused, UnsupportedOption, UnusableImage)


@contextmanager
def refusals_recorded(
    user: User, *, prompt: str, negative_prompt: str, engine: str
) -> Iterator[None]:
    """Record a refusal that is raised within the block, and raise it again."""
    with _recorded(user, {"prompt": prompt, "negative_prompt": negative_prompt}, engine, {}):
        yield


@contextmanager
def refusals_of_more(run: Run, *, actor: User, remedy: str = "") -> Iterator[None]:
    """As `refusals_recorded`, for the images that a run lacks; `remedy` is empty for a retry."""
    texts = {"prompt": run.prompt, "negative_prompt": run.options.get("negative_prompt") or ""}
    facts = {"of": str(run.uuid)} | ({"remedy": remedy} if remedy else {})
    with _recorded(actor, texts, run.engine, facts):
        yield


@contextmanager
def _recorded(
    user: User, texts: Mapping[str, str], engine: str, facts: dict[str, str]
) -> Iterator[None]:
    try:
        yield
    except REFUSALS as error:
        field = getattr(error, "field", None)
        record_refusal(
            user,
            **texts,
            engine=engine,
            why=why(error),
            fields=[field] if field else [],
            messages=[str(error.message)],
            facts=facts,
        )
        raise


def why(error: Exception) -> str:
    """Why a request was refused, as the record says it."""
    known = {
        AlreadyMade: "already_made",
        BudgetRefused: "budget_used_up",
        KeyReused: "key_reused",
        InsufficientCredits: "insufficient_credits",
        UnusableImage: "unusable_image",
    }
    return next((word for kind, word in known.items() if isinstance(error, kind)), "refused")


def record_refusal(
    user: User,
    *,
    prompt: str,
    negative_prompt: str,
    engine: str,
    why: str,
    fields: Sequence[str],
    messages: Sequence[str],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Record that `user` asked for `prompt` and was refused. Nothing is recorded without a prompt.

    The same prompt, refused again for the same reason within ten minutes, is counted.
    """
    texts = {"prompt": _kept(prompt), "negative_prompt": _kept(negative_prompt)}
    if not any(texts.values()):
        return
    about = {**(facts or {}), "why": why, "fields": list(fields), "engine": short(engine)}
    tallies.note(
        Event.RUN_REFUSED,
        address=digest_of({**about, **texts}),
        actor=user,
        subject=user,
        facts=about,
        personal={**texts, "messages": [short(text) for text in messages[:MOST_MESSAGES]]},
    )


def _kept(text: str) -> str:
    return storable(text.strip()[:LONGEST_PROMPT])
