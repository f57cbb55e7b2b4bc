"""Reads STORAGE_URL: where files are stored, and where browsers get them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured

ALIASES = ("originals", "renditions")
PARAMETERS = {"addressing", "browsers", "endpoint", "region"}
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
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := query.keys() - PARAMETERS:
        raise ImproperlyConfigured(f"STORAGE_URL: unknown parameter {', '.join(sorted(unknown))}.")
    return _in_bucket(parts.netloc, parts.path.strip("/"), query)


def _in_folder(folder: Path) -> FileStorages:
    backend = "generations.storage.AtomicFileSystemStorage"
    return FileStorages(
        {
            alias: {"BACKEND": backend, "OPTIONS": {"location": str(folder / alias)}}
            for alias in ALIASES
        }
    )


def _in_bucket(bucket: str, folder: str, query: dict[str, str]) -> FileStorages:
    region = query.get("region", REGION)
    endpoint = query.get("endpoint", "").rstrip("/") or _amazon(region)
    virtual = _is_virtual(bucket, query)
    browsers = query.get("browsers", endpoint).rstrip("/")
    if browsers == "no":
        browsers = ""
    options = {
        "bucket_name": bucket,
        "endpoint_url": endpoint,
        "region_name": region,
        "addressing_style": "virtual" if virtual else "path",
        "browser_endpoint": browsers,
    }
    return FileStorages(
        {
            alias: {
                "BACKEND": "generations.storage.bucket.BucketStorage",
                "OPTIONS": options | {"location": "/".join(filter(None, [folder, alias]))},
            }
            for alias in ALIASES
        },
        _origin(browsers, bucket if virtual else ""),
    )


def _amazon(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _is_virtual(bucket: str, query: dict[str, str]) -> bool:
    """Whether the bucket is part of the host name. A bucket with a dot would fit no certificate."""
    default = "path" if "endpoint" in query or "." in bucket else "virtual"
    style = query.get("addressing", default)
    if style not in ("path", "virtual"):
        raise ImproperlyConfigured("STORAGE_URL: addressing must be path or virtual.")
    return style == "virtual"


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
