# One image for every program of the studio. Its entry point takes the program's name:
#   web       the pages, on port 8000
#   worker    talks to the image providers
#   images    cleans uploads and labels images
#   beat      starts recurring work; run exactly one
# `python -m seedream_site.launch --prepare-only` brings the database up to date; compose.yaml runs
# it before the others.

FROM python:3.11-slim-bookworm AS wheels
COPY requirements.txt .
RUN pip wheel --no-cache-dir --disable-pip-version-check --require-hashes --wheel-dir /wheels -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
RUN useradd --user-group --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin studio
COPY requirements.txt .
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --disable-pip-version-check --no-index --find-links /wheels --require-hashes -r requirements.txt
WORKDIR /studio
COPY . .
USER studio
# This key is used only here; it signs nothing that is kept.
RUN SECRET_KEY=while-building python manage.py collectstatic --no-input --verbosity 0
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=30s --interval=15s --timeout=5s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "seedream_site.programs"]
CMD ["web"]
