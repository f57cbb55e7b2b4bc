from django.urls import path

from generations.views import (
    callbacks,
    gallery,
    health,
    images,
    log,
    providers,
    runs,
    status,
    studio,
)

urlpatterns = [
    path("", studio.studio, name="studio"),
    path("composer/", studio.composer, name="composer"),
    path("live/", studio.live_feed, name="live"),
    path("feed/", studio.older, name="feed-older"),
    path("runs/<uuid:uuid>/again/", runs.try_again, name="run-try-again"),
    path("runs/<uuid:uuid>/remedy/<slug:name>/", runs.remedy, name="run-remedy"),
    path("generations/<uuid:uuid>/cancel/", runs.cancel, name="generation-cancel"),
    path("gallery/", gallery.gallery, name="gallery"),
    path("images/<uuid:uuid>/", images.image, name="image"),
    path("images/<uuid:uuid>/download/", images.download, name="image-download"),
    path("images/<uuid:uuid>/original/", images.original, name="image-original"),
    path("files/<uuid:uuid>.<str:extension>", images.rendition, name="rendition"),
    path("references/<uuid:uuid>/", images.reference, name="reference"),
    path("log/", log.log, name="log"),
    path("log/searches/", log.save_search, name="log-searches"),
    path("log/searches/<uuid:uuid>/delete/", log.delete_search, name="log-search-delete"),
    path("providers/", providers.providers, name="providers"),
    path("status/", status.status, name="studio-status"),
    path("log/runs/<uuid:uuid>/", log.story, name="story"),
    path("r/<str:token>.jpg", callbacks.reference_link, name="reference-link"),
    path("hooks/<str:provider>/<str:token>/", callbacks.webhook, name="webhook"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
