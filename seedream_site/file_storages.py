"""Reads STORAGE_URL and LOG_CHECKPOINT_BUCKET: where files and checkpoints are stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured

ALIASES = ("originals", "renditions")
PARAMETERS = {"addressing", "browsers", "endpoint", "region"}
CHECKPOINT_PARAMETERS = {"addressing", "days", "endpoint", "region"}
# How long nobody can delete a checkpoint from its bucket.
CHECKPOINT_DAYS = 3650
MOST_DAYS = 36_500
# Amazon's default region.
REGION = "us-east-1"


@dataclass(frozen=True)
class FileStorages:
    """`storages` for Django's STORAGES; `links_origin` of links for browsers, "" without links."""

    storages: dict[str, dict[str, Any]]
    links_origin: str = ""


def file_storages(url: str) -> FileStorages:
    """The storages of originals and renditions: a folder, or a bucket.

    `url` is `file:///folder` or `s3://bucket/folder?region=…&endpoint=…&addressing=…&browsers=…`;
    README describes the parameters. boto3 reads a bucket's credentials from the environment.
    Raises ImproperlyConfigured.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _in_folder(Path(parts.path))
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured("STORAGE_URL must start with file:/// or be s3://bucket/folder.")
    query = _query(parts.query, PARAMETERS, setting="STORAGE_URL")
    return _in_bucket(parts.netloc, parts.path.strip("/"), query)


def checkpoint_storages(url: str) -> dict[str, dict[str, Any]]:
    """The storage of checkpoints: a bucket with object lock; none without `url`.

    `url` is `s3://bucket/folder?region=…&endpoint=…&addressing=…&days=…`. Raises
    ImproperlyConfigured.
    """
    if not url:
        return {}
    setting, parts = "LOG_CHECKPOINT_BUCKET", urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured(f"{setting} must be s3://bucket/folder.")
    query = _query(parts.query, CHECKPOINT_PARAMETERS, setting=setting)
    days = query.get("days", str(CHECKPOINT_DAYS))
    if not (days.isdecimal() and 0 < int(days) <= MOST_DAYS):
        raise ImproperlyConfigured(f"{setting}: days must be a number from 1 to {MOST_DAYS}.")
    options = _bucket_options(parts.netloc, query, setting=setting)
    options |= {"location": parts.path.strip("/"), "locked_days": int(days)}
    backend = "generations.storage.bucket.LockedBucketStorage"
    return {"checkpoints": {"BACKEND": backend, "OPTIONS": options}}


def _query(text: str, known: set[str], *, setting: str) -> dict[str, str]:
    query = {name: values[-1] for name, values in parse_qs(text).items()}
    if unknown := query.keys() - known:
        raise ImproperlyConfigured(f"{setting}: unknown parameter {', '.join(sorted(unknown))}.")
    return query


def _in_folder(folder: Path) -> FileStorages:
    backend = "generations.storage.AtomicFileSystemStorage"
    return FileStorages(
        {
            alias: {"BACKEND": backend, "OPTIONS": {"location": str(folder / alias)}}
            for alias in ALIASES
        }
    )


def _in_bucket(bucket: str, folder: str, query: dict[str, str]) -> FileStorages:
    options = _bucket_options(bucket, query, setting="STORAGE_URL")
    browsers = query.get("browsers", options["endpoint_url"]).rstrip("/")
    if browsers == "no":
        browsers = ""
    options["browser_endpoint"] = browsers
    return FileStorages(
        {
            alias: {
                "BACKEND": "generations.storage.bucket.BucketStorage",
                "OPTIONS": options | {"location": "/".join(filter(None, [folder, alias]))},
            }
            for alias in ALIASES
        },
        _origin(browsers, bucket if options["addressing_style"] == "virtual" else ""),
    )


def _bucket_options(bucket: str, query: dict[str, str], *, setting: str) -> dict[str, Any]:
    region = query.get("region", REGION)
    return {
        "bucket_name": bucket,
        "endpoint_url": query.get("endpoint", "").rstrip("/") or _amazon(region),
        "region_name": region,
        "addressing_style": _addressing(bucket, query, setting=setting),
    }


def _amazon(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _addressing(bucket: str, query: dict[str, str], *, setting: str) -> str:
    """Where the bucket is named. A bucket with a dot in the host name would fit no certificate."""
    default = "path" if "endpoint" in query or "." in bucket else "virtual"
    style = query.get("addressing", default)
    if style not in ("path", "virtual"):
        raise ImproperlyConfigured(f"{setting}: addressing must be path or virtual.")
    return style


def _origin(endpoint: str, bucket: str) -> str:
    """Scheme, host and port of links; "" without an endpoint for browsers."""
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(
            "STORAGE_URL: endpoint and browsers must be addresses such as https://host."
        )
    return f"{parts.scheme}://{bucket + '.' if bucket else ''}{parts.netloc}"
