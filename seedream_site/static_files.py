"""How static files are stored: compressed, under names that hold a hash of their bytes."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's, which also puts the hashed names into `import` statements of our modules.

    Modules of packages are left alone: some import what is not among their files.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )
