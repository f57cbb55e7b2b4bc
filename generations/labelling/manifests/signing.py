"""Signs finished files with a C2PA manifest (ES256), the last step of labelling."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import c2pa

from generations.imaging import mime_type
from generations.imaging.containers import sniff
from generations.labelling.manifests.building import OPENED, manifest, named_parent, parent
from generations.labelling.manifests.contexts import context
from generations.labelling.manifests.credentials import (
    TRUSTED,
    Credentials,
    can_be_opened,
    read_credentials,
)
from generations.labelling.types import LabelFacts, Signed

logger = logging.getLogger(__name__)


class NoStamp(Exception):
    """No time stamp could be had in time; the text says why."""


# Gives the signature of bytes: ECDSA with SHA-256, r and s in 32 bytes each (RFC 9053, 2.1). It may
# raise anything.
Key = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Certificate:
    """What signs: a certificate for P-256 with those above it, and its private key.

    `chain` is in PEM, the signing certificate first; `sha256` is the hash of that one in lower-case
    hex. `private` is the private key in PEM, if it is here: then c2pa leaves less room for the
    signature, 4 kB instead of 13.
    """

    chain: str
    sha256: str
    key: Key
    private: str = field(default="", repr=False)


@dataclass(frozen=True)
class Request:
    """A file to sign. `opened` is the signed file it was made from, or None; `url` an authority."""

    data: bytes
    manifest: dict[str, Any]
    opened: bytes | None
    chain: str
    url: str | None = None


# Signs a request with a time stamp, or raises NoStamp.
Stamping = Callable[[Request, Key], bytes]


@dataclass(frozen=True)
class C2paSigner:
    """Signs with `certificate`, and verifies against `roots` (PEM), which must vouch for it.

    Without `stamping`, no time stamp is asked for.
    """

    certificate: Certificate
    roots: str
    stamping: Stamping | None = None

    def sign(
        self,
        data: bytes,
        facts: LabelFacts,
        original: bytes,
        *,
        carries: bool = True,
        is_marked: bool = False,
    ) -> Signed:
        """`data` with a manifest about `facts`, over that of `original`, if it has one.

        Unless it `carries` that manifest, the file is named by its hash alone. `is_marked`: the
        pixels have an imperceptible mark. A manifest that can't be carried on costs only what it
        says. Raises ValueError if no signed file verifies.
        """
        if not carries:
            about = manifest(facts, is_marked=is_marked, parent=named_parent(original))
            return self._sign(data, facts, about, opened=None)
        if can_be_opened(original):
            try:
                about = manifest(facts, is_marked=is_marked, parent=OPENED)
                return self._sign(data, facts, about, opened=original)
            except ValueError as error:  # its text may quote the original
                kind = type(error.__cause__ or error).__name__
                logger.warning("credentials of an original left behind: %s", kind)
        return self._sign(data, facts, manifest(facts, is_marked=is_marked), opened=None)

    def _sign(
        self, data: bytes, facts: LabelFacts, about: dict[str, Any], *, opened: bytes | None
    ) -> Signed:
        request = Request(data, about, opened, self.certificate.chain)
        if self.stamping:
            try:
                return self._verified(self.stamping(request, self.certificate.key), facts, True)
            except (NoStamp, ValueError) as error:
                logger.warning("signed without a time stamp: %s", error)
        is_stamped = False if self.stamping else None
        private = self.certificate.private
        return self._verified(sign(request, private or self.certificate.key), facts, is_stamped)

    def _verified(self, data: bytes, facts: LabelFacts, is_stamped: bool | None) -> Signed:
        found = read_credentials(data, roots=self.roots)
        if wrong := _wrong(found, facts, is_stamped=bool(is_stamped)):
            raise ValueError(f"the signed file does not verify: {wrong}")
        return Signed(data, self.certificate.sha256, is_stamped)


def sign(request: Request, key: Key | str) -> bytes:
    """The file of a request with its manifest. `key` may be one in PEM. Raises ValueError.

    If the request names an authority, it is asked for as long as it keeps its connection open.
    """
    failures: list[Exception] = []
    out = io.BytesIO()
    try:
        with _signer(request, key, failures) as signer, _builder(request) as builder:
            builder.sign(signer, _mime_type(request.data), io.BytesIO(request.data), out)
    except c2pa.C2paError as error:
        cause = failures[0] if failures else error
        raise ValueError(f"can't be signed: {cause}") from cause
    return out.getvalue()


def _signer(request: Request, key: Key | str, failures: list[Exception]) -> c2pa.Signer:
    if isinstance(key, str):
        chain, url = request.chain.encode(), request.url and request.url.encode()
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key.encode(), url))

    def call(data: bytes) -> bytes:
        try:
            return key(data)
        except Exception as error:  # c2pa would log it, and say only that there is no signature
            failures.append(error)
            return b""

    algorithm = c2pa.C2paSigningAlg.ES256
    return c2pa.Signer.from_callback(call, algorithm, request.chain, request.url)


def _builder(request: Request) -> c2pa.Builder:
    builder = c2pa.Builder(request.manifest, context(""))
    if request.opened is not None:
        opened = io.BytesIO(request.opened)
        try:
            builder.add_ingredient(parent(), _mime_type(request.opened), opened)
        except c2pa.C2paError:
            builder.close()
            raise
    return builder


def _mime_type(data: bytes) -> str:
    image_format = sniff(data)
    if image_format is None:
        raise ValueError("only JPEG, PNG and WebP files are signed")
    return mime_type(image_format)


def _wrong(found: Credentials | None, facts: LabelFacts, *, is_stamped: bool) -> str:
    """What is wrong with a file that was just signed; empty if nothing is."""
    if found is None:
        return "no manifest"
    if found.state != TRUSTED:
        return ", ".join(found.problems) or found.state
    if found.image_id != facts.image_id:
        return "it names another image"
    return "" if bool(found.stamped_at) == is_stamped else "no time stamp"
