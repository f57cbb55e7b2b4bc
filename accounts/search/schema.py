"""The table of an index: a model, so that Django knows the table, and its migration."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel
from django.db.migrations.state import ProjectState

from accounts.search import postgresql, sqlite


class IndexedText(models.Model):
    """The tokens of one row, under the same key. Only `Index` reads and writes them.

    No foreign key: SQLite's FTS5 has none.
    """

    row = models.BigIntegerField(primary_key=True, db_column="rowid")
    tokens = models.TextField()

    class Meta:
        abstract = True


class CreateSearchTable(CreateModel):
    """Create the table of a model that extends `IndexedText`, in the form that the database needs.

    On SQLite it is a virtual table: later migrations don't rebuild it, and it has no triggers.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model: Any = to_state.apps.get_model(app_label, self.name)
        backend = postgresql if schema_editor.connection.vendor == "postgresql" else sqlite
        for statement in backend.CREATE:
            schema_editor.execute(statement.format(table=model._meta.db_table))
