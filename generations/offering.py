"""Which engines people are offered: those of the registry, as admins have set them."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps as installed_apps
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from generations.models import EngineSetting
from generations.providers import registry
from generations.providers.capabilities import Engine

# Between two positions, so that an engine can be put between two others.
STEP = 10


@dataclass(frozen=True)
class OfferedEngine:
    """An engine that a person may choose, with the name and the note that admins gave it."""

    engine: Engine
    label: str
    note: str = ""
    is_default: bool = False

    @property
    def provider(self) -> str:
        """The provider's name for people to read."""
        return registry.adapter_class(self.engine.provider).label

    @property
    def full_label(self) -> str:
        """Name and provider, so that no two engines look the same."""
        if self.label == self.engine.label:
            return registry.full_label(self.engine)
        return f"{self.label}, {self.provider}"


def offered_to(user: User) -> dict[str, OfferedEngine]:
    """The engines that `user` may choose, by name, in the order of the list. One query."""
    engines = registry.engines()
    rows = {row.engine: row for row in _with_team(EngineSetting.objects.all(), user.team_id)}
    ordered = [name for name in rows if name in engines]
    ordered += [name for name in engines if name not in rows]
    return {
        name: _offered(engines[name], rows.get(name))
        for name in ordered
        if name not in rows or _is_offered(rows[name])
    }


def why_not_offered(name: str, user: User) -> str:
    """Why `user` may not choose the engine `name`, which is set up here; empty if they may."""
    row = _with_team(EngineSetting.objects.filter(engine=name), user.team_id).first()
    if row is None or _is_offered(row):
        return ""
    if row.is_on:
        return _("This engine is not offered to your team. Choose another.")
    return _("An admin has switched this engine off. Choose another.")


def add_rows(**kwargs: Any) -> None:
    """Receiver of `post_migrate`: add a row for each engine of the registry that has none.

    Does nothing as long as only some migrations have been applied, and the table is missing.
    """
    try:
        model = (kwargs.get("apps") or installed_apps).get_model("generations", "EngineSetting")
    except LookupError:
        return
    rows = model.objects.using(kwargs.get("using", DEFAULT_DB_ALIAS))
    known = dict(rows.values_list("engine", "position"))
    missing = [name for name in registry.known_engines() if name not in known]
    last = max(known.values(), default=0)
    rows.bulk_create(
        model(engine=name, position=last + STEP * number)
        for number, name in enumerate(missing, start=1)
    )


def _with_team(rows: QuerySet[EngineSetting], team_id: int | None) -> Any:
    """The rows, with `has_teams` and `has_team`: whether any team, and this one, was chosen."""
    chosen = EngineSetting.teams.through.objects.filter(enginesetting=OuterRef("pk"))
    return rows.annotate(has_teams=Exists(chosen), has_team=Exists(chosen.filter(team=team_id)))


def _is_offered(row: Any) -> bool:
    return row.is_on and (row.has_team or not row.has_teams)


def _offered(engine: Engine, row: EngineSetting | None) -> OfferedEngine:
    if row is None:
        return OfferedEngine(engine, engine.label)
    return OfferedEngine(engine, row.name or engine.label, row.note, row.is_default)
