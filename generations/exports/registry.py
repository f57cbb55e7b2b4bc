"""All kinds of exports, and the names of their files."""

from generations import storage
from generations.exports.images import IMAGES
from generations.exports.kinds import Format, Kind
from generations.exports.labels import LABELS
from generations.exports.log import LOG
from generations.models import Export

KINDS = {kind.name: kind for kind in (LOG, LABELS, IMAGES)}


def kind_of(export: Export) -> Kind:
    return KINDS[export.kind]


def format_of(export: Export) -> Format:
    return kind_of(export).format(export.format)


def stored_name(export: Export) -> str:
    """The name of the file in storage."""
    return storage.export_name(export.uuid, format_of(export).extension)


def file_name(export: Export) -> str:
    """The name under which a browser saves the file."""
    return f"{kind_of(export).file_name(export)}.{format_of(export).extension}"
