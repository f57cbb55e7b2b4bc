"""The snippets of a team: prompts and parts of prompts that people save, use and delete."""

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts import audit
from accounts.events import Event
from accounts.identifiers import uuid_to_look_up
from accounts.models import User
from generations.models import Snippet

MOST = 200  # of a team


class NotSaved(Exception):
    """A snippet can't be saved. `has_name` says that the name is taken; else there are too many."""

    def __init__(self, *, has_name: bool) -> None:
        super().__init__()
        self.has_name = has_name


def of_team(user: User) -> QuerySet[Snippet]:
    """The snippets that `user` may use, by name."""
    return Snippet.objects.visible_to(user).select_related("author").order_by(Lower("name"))


def text_of(user: User, identifier: str) -> str:
    """The text of a snippet of the team; empty if there is none."""
    found = Snippet.objects.visible_to(user).filter(uuid=uuid_to_look_up(identifier)).first()
    return found.text if found else ""


def save(user: User, name: str, text: str) -> Snippet:
    """Save `text` for the team. The same name and text again give the same snippet.

    Raises NotSaved.
    """
    try:
        return _saved_before(user, name, text) or _saved(user, name, text)
    except IntegrityError:  # the same press arrived twice at the same time
        if before := _saved_before(user, name, text):
            return before
        raise


def _saved_before(user: User, name: str, text: str) -> Snippet | None:
    before = Snippet.objects.visible_to(user).filter(name__iexact=name).first()
    if before and before.text != text:
        raise NotSaved(has_name=True)
    return before


@transaction.atomic
def _saved(user: User, name: str, text: str) -> Snippet:
    if Snippet.objects.visible_to(user).count() >= MOST:
        raise NotSaved(has_name=False)
    snippet = Snippet.objects.create(team=user.team, author=user, name=name, text=text)
    _record(Event.SNIPPET_SAVED, snippet, actor=user)
    return snippet


def may_delete(user: User, snippet: Snippet) -> bool:
    """Whether `user` wrote it or is an admin."""
    return snippet.author_id == user.pk or user.has_perm("generations.delete_snippet")


@transaction.atomic
def delete(snippet: Snippet, *, actor: User) -> None:
    _record(Event.SNIPPET_DELETED, snippet, actor=actor)
    snippet.delete()


def _record(event: Event, snippet: Snippet, *, actor: User) -> None:
    personal = {"name": snippet.name, "prompt": snippet.text}
    audit.record(event, actor=actor, subject=snippet, personal=personal)
