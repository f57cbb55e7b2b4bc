"""Static files can be collected, and our modules find each other under their hashed names."""

import re

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from whitenoise.compress import Compressor


def test_modules_import_each_other_by_their_hashed_names(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "seedream_site.static_files.StaticFilesStorage"},
    }
    monkeypatch.setattr(Compressor, "compress", lambda self, path: [])

    call_command("collectstatic", verbosity=0, interactive=False)

    [module] = tmp_path.glob("js/references.*.js")
    imported = re.findall(r'from\s*"\./([^"]+)"', module.read_text())
    assert imported
    assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name) for name in imported)
    assert all((tmp_path / "js" / name).exists() for name in imported)
    assert staticfiles_storage.url("js/app.js") != "/static/js/app.js"
