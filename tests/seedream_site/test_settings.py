"""How settings follow from the environment."""

import os
import runpy
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured

from seedream_site.launch import PROJECT


@pytest.fixture
def settings_of(tmp_path):
    """`settings_of(NAME=value)`: the settings in an environment with these variables only."""

    def settings_of(**given):
        environment = {"SECRET_KEY": "x", "DATA_DIR": str(tmp_path), **given}
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch("environ.Env.read_env"),
        ):
            return runpy.run_path(str(PROJECT / "seedream_site" / "settings.py"))

    return settings_of


def test_over_https_cookies_are_bound_to_the_host_by_their_name(settings_of):
    settings = settings_of(PUBLIC_URL="https://studio.example.com")
    assert settings["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert settings["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert settings["SESSION_COOKIE_SECURE"]
    assert "SESSION_COOKIE_DOMAIN" not in settings


def test_without_https_cookies_have_plain_names(settings_of):
    assert "SESSION_COOKIE_NAME" not in settings_of()


def test_threads_share_postgresql_connections_if_a_number_is_set(settings_of):
    url = "postgres://studio@localhost/studio"
    shared = settings_of(DATABASE_URL=url, DATABASE_POOL="7")["DATABASES"]["default"]
    assert (shared["OPTIONS"]["pool"]["max_size"], shared["CONN_MAX_AGE"]) == (7, 0)
    own = settings_of(DATABASE_URL=url)["DATABASES"]["default"]
    assert "pool" not in own.get("OPTIONS", {})
    assert own["CONN_MAX_AGE"] is None


def test_every_wait_for_postgresql_ends(settings_of):
    url = "postgres://studio@localhost/studio"
    options = settings_of(DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]
    assert options["connect_timeout"]
    assert options["tcp_user_timeout"]
    assert "lock_timeout=" in options["options"]
    own = settings_of(DATABASE_URL=f"{url}?connect_timeout=3")["DATABASES"]["default"]["OPTIONS"]
    assert own["connect_timeout"] == 3


def test_postgresql_compiles_no_query_of_a_page(settings_of):
    url = "postgres://studio@localhost/studio"
    options = settings_of(DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]
    assert "-c jit=off" in options["options"]


def test_the_policy_names_the_bucket_for_images_and_for_nothing_else(settings_of):
    settings = settings_of(STORAGE_URL="s3://files?endpoint=https://s3.example.com")
    policy = settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    named = [name for name, sources in policy.items() if "https://s3.example.com" in sources]
    assert named == ["img-src"]


def test_with_files_in_a_folder_the_policy_names_no_other_host(settings_of):
    for address in ({}, {"STORAGE_URL": "s3://files?browsers=no"}):
        policy = settings_of(**address)["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
        assert policy["img-src"] == ["'self'", "data:", "blob:"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/srv/files", "must start with"),
        ("s3:///folder", "must start with"),
        ("s3://files?endpiont=https://s3.example.com", "unknown parameter endpiont"),
        ("s3://files?addressing=both", "path or virtual"),
        ("s3://files?endpoint=s3.example.com", "https://host"),
    ],
)
def test_a_wrong_storage_url_is_refused_at_the_start(settings_of, address, said):
    with pytest.raises(ImproperlyConfigured, match=said):
        settings_of(STORAGE_URL=address)


class TestOwnerOfTheTables:
    RUNNING = "postgres://studio_run:a@db/studio"

    @pytest.mark.parametrize("url", ["", RUNNING])
    def test_is_the_running_role_unless_another_is_named(self, settings_of, url):
        settings = settings_of(DATABASE_URL=self.RUNNING, MIGRATE_DATABASE_URL=url)
        assert settings["DATABASE_OWNER"] == {}

    def test_may_connect_to_another_host(self, settings_of):
        url = "postgres://studio:b@direct:6432/studio"
        settings = settings_of(DATABASE_URL=self.RUNNING, MIGRATE_DATABASE_URL=url)
        account = {"USER": "studio", "PASSWORD": "b", "HOST": "direct", "PORT": 6432}
        assert settings["DATABASE_OWNER"] == account

    @pytest.mark.parametrize("url", ["postgres://studio:b@db/other", "sqlite:////tmp/studio"])
    def test_of_another_database_is_refused(self, settings_of, url):
        with pytest.raises(ImproperlyConfigured, match="the same database"):
            settings_of(DATABASE_URL=self.RUNNING, MIGRATE_DATABASE_URL=url)
