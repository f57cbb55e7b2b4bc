"""What the owner of a database can do to the rows that a story shows.

Each function takes a random number generator and changes a row behind the studio's back. There are
such damages only if an app compares its rows with their records (`accounts.evidence.live.register`).
"""

from accounts.evidence import live
from accounts.models import Entry
from generations.models import Generation, Run


def prompt_changed(chance):
    _any(chance, Run.objects.all()).update(prompt="another prompt")


def person_changed(chance):
    row = _any(chance, Run.objects.all())
    other = type(row.get().user).objects.exclude(pk=row.get().user_id).order_by("pk").first()
    row.update(user=other) if other else row.update(prompt="another prompt")


def campaign_changed(chance):
    _any(chance, Run.objects.all()).update(engine="demo/another")


def entry_flipped(chance):
    """The ledger is compared by the digests that records name, in every studio."""
    _any(chance, Entry.objects.filter(digest__isnull=False)).update(amount=77)


def generation_flipped(chance):
    _any(chance, Generation.objects.all()).update(provider="fal")


ROWS = (prompt_changed, person_changed, campaign_changed, generation_flipped)
DAMAGES = (entry_flipped, *(ROWS if live._comparisons else ()))


def _any(chance, rows):
    key = chance.choice(list(rows.order_by("pk").values_list("pk", flat=True)))
    return rows.model.objects.filter(pk=key)
