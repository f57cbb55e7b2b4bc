"""The studio's settings. Each value is read once, here, from the environment or `.env`.

The environment takes precedence over `.env`. README's table lists every setting; a test compares.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import SELF

from generations.queues import IMAGES, PROVIDER
from seedream_site.database_owner import database_owner
from seedream_site.database_tuning import tuned
from seedream_site.file_storages import checkpoint_storages, file_storages
from seedream_site.noted_env import NotedEnv
from seedream_site.schedule import CELERY_BEAT_SCHEDULE  # noqa: F401  # read by Celery

BASE_DIR = Path(__file__).resolve().parent.parent
# The version in `pyproject.toml`; it is on the record of each request.
STUDIO_VERSION = "0.1.0"

env = NotedEnv()
NotedEnv.read_env(BASE_DIR / ".env")

# --- Where the studio runs ---------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
# It holds prompts, images and sessions, which other users of the machine must not read.
os.umask(0o077)
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or ""
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=[host for host in ("localhost", "127.0.0.1", "[::1]", PUBLIC_HOST) if host],
)
SERVED_OVER_HTTPS = PUBLIC_URL.startswith("https://")

# --- Applications ------------------------------------------------------------------------------

INSTALLED_APPS = [
    "accounts",
    "generations",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "csp",
]

MIDDLEWARE = [
    "seedream_site.middleware.CompressionMiddleware",
    "seedream_site.middleware.ConnectionMiddleware",
    "seedream_site.middleware.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "seedream_site.middleware.OriginMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "seedream_site.middleware.BodySizeMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "seedream_site.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "seedream_site.urls"
WSGI_APPLICATION = "seedream_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.balance",
                "accounts.context.navigation",
                "accounts.context.unread_notices",
                "accounts.context.can_mail",
                "accounts.context.open_credit_requests",
            ],
            "builtins": [
                f"accounts.templatetags.{name}" for name in ("icons", "numbers", "phrases")
            ],
        },
    },
]

# Widget templates are looked for in `templates/` too; Django's own need `django.forms`.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database, cache, files, mail --------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'studio.sqlite3'}")}
# The role that owns the tables, if it is not the one that runs the studio.
DATABASE_OWNER = database_owner(
    DATABASES["default"], env.str("MIGRATE_DATABASE_URL", default=""), parse=env.db_url_config
)
# How many PostgreSQL connections the threads of a process share; with 0, each thread has one.
DATABASE_POOL = env.int("DATABASE_POOL", default=0)
DATABASES["default"] = tuned(DATABASES["default"], pool=DATABASE_POOL)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Only `accounts.caching` uses the shared cache; its docstring explains the other two.
CACHES = {
    "shared": env.cache("CACHE_URL", default=f"filecache://{DATA_DIR / 'cache'}"),
    "default": {"BACKEND": "accounts.caching.SharedOrLocalCache"},
    "live": {"BACKEND": "accounts.caching.SharedOrNoCache"},
}
CACHES["shared"].setdefault("OPTIONS", {})
if CACHES["shared"]["BACKEND"].endswith("FileBasedCache"):
    CACHES["shared"]["OPTIONS"]["MAX_ENTRIES"] = 5000
elif CACHES["shared"]["BACKEND"].endswith("RedisCache"):
    CACHES["shared"]["OPTIONS"] = {
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
    } | CACHES["shared"]["OPTIONS"]

EMAIL_CONFIG = env.email("EMAIL_URL", default="dummymail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = f"Seedream Studio <studio@{PUBLIC_HOST or 'localhost'}>"

FILES = file_storages(env.str("STORAGE_URL", default=f"file://{DATA_DIR / 'files'}"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "seedream_site.static_files.StaticFilesStorage"},
    **FILES.storages,
    **checkpoint_storages(env.str("LOG_CHECKPOINT_BUCKET", default="")),
}
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"

# --- The seal of the log ------------------------------------------------------------------------

LOG_SIGNING_KEY = env.str("LOG_SIGNING_KEY", default="")
LOG_TIMESTAMP_URL = env.str("LOG_TIMESTAMP_URL", default="")
LOG_CHECKPOINT_FILE = env.str("LOG_CHECKPOINT_FILE", default="")

# --- Labels of images ----------------------------------------------------------------------------

LABEL_SIGNING = env.bool("LABEL_SIGNING", default=True)
LABEL_CHAIN = env.str("LABEL_CHAIN", default="")
LABEL_KEY = env.str("LABEL_KEY", default="")
LABEL_KMS_KEY = env.str("LABEL_KMS_KEY", default="")
LABEL_TIMESTAMP_URL = env.str("LABEL_TIMESTAMP_URL", default="")
LABEL_MARK = env.bool("LABEL_MARK", default=True)
LABEL_MARK_KEY = env.str("LABEL_MARK_KEY", default="")

# --- People ------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.backend.PersonBackend",
    "django.contrib.auth.backends.ModelBackend",  # of sessions that began before the one above
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Unique by a constraint on Lower(email), which this check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "studio"
USERSESSIONS_ADAPTER = "accounts.adapter.StudioSessionsAdapter"
ACCOUNT_ADAPTER = "accounts.adapter.StudioAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 1
# The link works once and proves as much as the new password does.
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SERVED_OVER_HTTPS else "http"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "accounts.link_tokens.LinkTokenGenerator"  # noqa: S105
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600

STUDIO_ADMIN_EMAIL = env.str("STUDIO_ADMIN_EMAIL", default="admin@studio.example")
STUDIO_ADMIN_PASSWORD = env.str("STUDIO_ADMIN_PASSWORD", default="")
DEFAULT_QUOTA = env.int("DEFAULT_QUOTA", default=500)

# How long the file of an export can be downloaded.
EXPORT_DAYS = env.int("EXPORT_DAYS", default=7)

# Where the European Commission's icon for AI-generated content lies, if somebody has put it there.
EU_ICON_DIR = env.str("EU_ICON_DIR", default="")

SESSION_ENGINE = "accounts.session_store"

# --- Security ----------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # blob: is a file that somebody has chosen and that is still on its way.
        "img-src": [SELF, "data:", "blob:", *filter(None, [FILES.links_origin])],
        "base-uri": ["'none'"],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_OVER_HTTPS
if SERVED_OVER_HTTPS:
    # Browsers accept cookies with this prefix only over https, and bind them to this host.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_SSL_REDIRECT = SERVED_OVER_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = 31_536_000 if SERVED_OVER_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SERVED_OVER_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_OVER_HTTPS else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if SERVED_OVER_HTTPS else 0
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
# Only one page accepts files, by `generations.views.uploads`.
FILE_UPLOAD_HANDLERS: list[str] = []

# --- Language and time -------------------------------------------------------------------------

# Each language is called by its own name, so that those who read only it find it.
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_CODE = env.str("STUDIO_LANGUAGE", default="en")
LOCALE_PATHS = [BASE_DIR / "seedream_site" / "locale"]
FORMAT_MODULE_PATH = "seedream_site.formats"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SERVED_OVER_HTTPS
TIME_ZONE = "UTC"
USE_TZ = True

# --- Work in the background --------------------------------------------------------------------

WORKER_THREADS = env.int("WORKER_THREADS", default=32)
# Less than the ten seconds that the supervisor of `make run` waits before it kills.
WORKER_DRAIN_SECONDS = env.int("WORKER_DRAIN_SECONDS", default=8)
# Cores that this process may use.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
if CELERY_BROKER_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "visibility_timeout": 3600,
        "unacked_restore_throttle": 1,
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
    }
else:  # a broker in a folder, for one machine without a broker server
    BROKER_DIR = DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT = "seedream_site.file_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR),
        "data_folder_out": str(BROKER_DIR),
        "polling_interval": 0.2,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Retry for ever: without a broker a worker still finds its work in the tables.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_DEFAULT_QUEUE = PROVIDER
CELERY_TASK_ROUTES = {
    name: {"queue": IMAGES} for name in ("generations.label", "generations.prepare")
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- Providers ---------------------------------------------------------------------------------

PROVIDER_DEFAULT_BASE_URLS = {
    "APIFRAME": "https://api.apiframe.ai",
    "APIPOD": "https://api.apipod.ai",
    "APIXO": "https://api.apixo.ai/api/v1",
    "FAL": "https://queue.fal.run",
    "MODELARK": "https://ark.ap-southeast.bytepluses.com/api/v3",
    "REPLICATE": "https://api.replicate.com/v1",
    "SEEDANCE": "https://api.seedance.it.com",
}
# Ids of the operator's endpoints (`ep-…`), used instead of ModelArk's model ids; by model.
MODELARK_ENDPOINTS = {
    "seedream-4-0": env.str("MODELARK_ENDPOINT_SEEDREAM_4_0", default=""),
    "seedream-4-5": env.str("MODELARK_ENDPOINT_SEEDREAM_4_5", default=""),
    "seedream-5-0-lite": env.str("MODELARK_ENDPOINT_SEEDREAM_5_0_LITE", default=""),
    "seedream-5-0-pro": env.str("MODELARK_ENDPOINT_SEEDREAM_5_0_PRO", default=""),
}
PROVIDER_OPTIONS: dict[str, dict[str, Any]] = {
    "MODELARK": {"endpoints": tuple(MODELARK_ENDPOINTS.items())},
    "FAL": {
        "jwks_url": env.str("FAL_JWKS_URL", default="https://rest.fal.ai/.well-known/jwks.json")
    },
    "REPLICATE": {"webhook_secret": env.str("REPLICATE_WEBHOOK_SECRET", default="")},
}


def _provider_keys(name: str) -> dict[int, str]:
    """One provider's API keys by slot: `<NAME>_API_KEY` is 1, `<NAME>_API_KEY_2` is 2, …"""
    names = {1: f"{name}_API_KEY"} | {slot: f"{name}_API_KEY_{slot}" for slot in range(2, 10)}
    return {slot: key for slot, variable in names.items() if (key := env.str(variable, default=""))}


PROVIDERS: dict[str, dict[str, Any]] = {
    name.lower(): {
        "base_url": env.str(f"{name}_BASE_URL", default=base_url).rstrip("/"),
        "keys": _provider_keys(name),
        "options": PROVIDER_OPTIONS.get(name, {}),
    }
    for name, base_url in PROVIDER_DEFAULT_BASE_URLS.items()
}
PROVIDER_PRIVATE_HOSTS = env.list("PROVIDER_PRIVATE_HOSTS", default=[])
PROVIDER_TIME_SCALE = env.float("PROVIDER_TIME_SCALE", default=1.0)
PROVIDER_MAX_ATTEMPTS = env.int("PROVIDER_MAX_ATTEMPTS", default=8)
PROVIDER_RETRY_SECONDS = env.int("PROVIDER_RETRY_SECONDS", default=600)
# By how much a balance may differ from our cost on a day before admins are told: above both.
BALANCE_DRIFT_USD = env.float("BALANCE_DRIFT_USD", default=1.0)
BALANCE_DRIFT_PERCENT = env.float("BALANCE_DRIFT_PERCENT", default=5.0)
UNKNOWN_RELEASE_HOURS = env.int("UNKNOWN_RELEASE_HOURS", default=24)

# What the log says of the settings: which ones have changed. All of them have been read by now.
SETTING_DIGESTS = env.digests(key=SECRET_KEY)

# --- Logging -----------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {
        "not_readyz": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: not record.getMessage().endswith(": /readyz"),
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # httpx logs whole URLs, and result links are secrets while they are valid.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        # Frequent requests while a part fails would fill the log; `readiness` logs the failure
        # once.
        "django.request": {"filters": ["not_readyz"]},
        # Celery logs two lines for every hint, which would hide everything else.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
