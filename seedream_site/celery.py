"""The Celery application; its settings are the `CELERY_…` ones of `settings.py`.

A message is only a hint that a row is due (see `generations.jobs.hints`): it is acknowledged early,
never retried, and losing every one of them costs seconds.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")

app = Celery("seedream_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
