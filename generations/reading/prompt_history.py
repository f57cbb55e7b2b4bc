"""The prompts that a person has asked for, newest first, each once."""

from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from generations.models import Run
from generations.paths import reuse_path

# The newest runs that are looked at, and the most prompts that are given.
LOOKED_AT = 300
MOST = 50


@dataclass(frozen=True)
class Asked:
    """A prompt, and the path of the studio with the composer filled from its newest run."""

    prompt: str
    reuse: str


def own_prompts(user: User) -> list[Asked]:
    """The newest prompts of `user`, and of nobody else."""
    own = Run.objects.filter(user=user, team_id=user.team_id, erased_at__isnull=True)
    rows = own.order_by("-created_at", "-id").values_list("prompt", "uuid")[:LOOKED_AT]
    newest: dict[str, UUID] = {}
    for prompt, uuid in rows:
        newest.setdefault(prompt, uuid)
    return [Asked(prompt, reuse_path(uuid)) for prompt, uuid in list(newest.items())[:MOST]]
