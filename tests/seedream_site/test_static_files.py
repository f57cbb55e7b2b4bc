"""Static files can be collected, and our modules find each other under their hashed names."""

import re

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from whitenoise.compress import Compressor


@pytest.fixture
def collected(settings, tmp_path, monkeypatch):
    """The folder into which all static files were collected."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "seedream_site.static_files.StaticFilesStorage"},
    }
    monkeypatch.setattr(Compressor, "compress", lambda self, path: [])

    call_command("collectstatic", verbosity=0, interactive=False)
    return tmp_path


def test_modules_import_each_other_by_their_hashed_names(collected):
    [module] = collected.glob("js/references.*.js")
    imported = re.findall(r'from\s*"\./([^"]+)"', module.read_text())
    assert imported
    assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name) for name in imported)
    assert all((collected / "js" / name).exists() for name in imported)
    assert staticfiles_storage.url("js/app.js") != "/static/js/app.js"


def test_the_sheets_of_every_page_are_one_file_with_hashed_names(collected):
    [sheet] = collected.glob("css/studio.*.css")
    text = sheet.read_text()
    assert "@import" not in text
    assert "@layer reset, tokens" in text
    assert re.search(r"geist-latin-wght-normal\.[0-9a-f]{12}\.woff2", text)
