"""The studio as a WSGI application."""

import atexit
import gc
import os

from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")

PROGRAM = "web"

application = get_wsgi_application()

# These need the applications above.
from accounts import operations  # noqa: E402
from generations.jobs.preload import preload  # noqa: E402
from generations.readiness import watch  # noqa: E402

# Before the server starts its threads.
get_resolver().url_patterns  # noqa: B018  # imports every view
preload()
watch.start()
operations.started(PROGRAM)
connections.close_all()
# What is loaded stays. Otherwise each full collection looks through all of it, for some 100 ms.
gc.freeze()
atexit.register(operations.stopped, PROGRAM)
