"""How static files are stored: compressed, under names that hold a hash of their bytes."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's, which also puts the hashed names into `import` statements of our modules."""

    support_js_module_import_aggregation = True
