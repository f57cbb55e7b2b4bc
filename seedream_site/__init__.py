"""Configuration and start-up: settings, URLs, Celery, supervisor."""

from seedream_site.celery import app as celery_app

__all__ = ["celery_app"]
