"""What the owner of a database can do to rows that a story shows, behind the studio's back.

Each function takes a random number generator and changes a row.
"""

from accounts.models import Entry
from generations.models import Run


def prompt_changed(chance):
    _any(chance, Run.objects.all()).update(prompt="another prompt")


def engine_changed(chance):
    _any(chance, Run.objects.all()).update(engine="demo/another")


def entry_flipped(chance):
    """Records name their entries by hash, so this is found without any comparison."""
    _any(chance, Entry.objects.filter(digest__isnull=False)).update(amount=77)


DAMAGES = (entry_flipped, prompt_changed, engine_changed)


def _any(chance, rows):
    key = chance.choice(list(rows.order_by("pk").values_list("pk", flat=True)))
    return rows.model.objects.filter(pk=key)
