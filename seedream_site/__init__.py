"""Wiring: settings, URLs, Celery, supervisor. No rule of the product lives here."""

from seedream_site.celery import app as celery_app

__all__ = ["celery_app"]
