"""How static files are stored: compressed, under names that hold a hash of their bytes."""

import posixpath
import re
from collections.abc import Callable

from whitenoise.storage import CompressedManifestStaticFilesStorage

# The sheet that only imports others, and its lines that do.
IMPORTING = "css/studio.css"
IMPORT = r"""@import "(?P<url>[^"]+)";"""


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's, which also puts imported sheets in the place of the imports in one sheet.

    One file arrives sooner than twenty: a browser shows nothing before it has all. Hashed names
    also replace those in `import` statements of our modules. Modules of packages are left alone:
    some import what is not among their files.
    """

    patterns = (
        (IMPORTING, ((IMPORT, "imported"),)),
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[re.Match[str]], str]:
        """What replaces a match of a pattern in the file `name`: for an import, that file."""
        if template != "imported":
            return super().url_converter(name, hashed_files, template)
        return lambda match: self._text(posixpath.join(posixpath.dirname(name), match["url"]))

    def _text(self, name: str) -> str:
        with self.open(name) as file:
            return file.read().decode()
