"""The studio as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")

application = get_wsgi_application()

# These need the applications above.
from generations.jobs.preload import preload  # noqa: E402
from generations.readiness import watch  # noqa: E402

# Before the server starts its threads.
get_resolver().url_patterns  # noqa: B018  # imports every view
preload()
watch.start()
