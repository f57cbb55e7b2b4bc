"""What a labelled file says of itself, in the words of a label report."""

from dataclasses import dataclass

from generations.imaging.containers import chunks
from generations.labelling import aigc, read_xmp, xmp

# Where C2PA 2.2, annex A, puts a manifest into a JPEG, a PNG and a WebP.
_MANIFESTS = {b"\xeb", b"caBX", b"C2PA"}
PRESENT, MISSING = "present", "missing"


@dataclass(frozen=True)
class Found:
    """The layers that a file has, read from the file itself.

    `source_type` is the last part of IPTC's address, `producer` who stands in the AIGC label.
    `identifier` is the image that the file names. `credentials` says whether it has a C2PA
    manifest. `problem` says what could not be read.
    """

    source_type: str = ""
    producer: str = ""
    identifier: str = ""
    credentials: str = MISSING
    problem: str = ""


def read(data: bytes) -> Found:
    """What the bytes of a file say. Never raises."""
    try:
        has_manifest = any(part.kind in _MANIFESTS for part in chunks(data))
        credentials = PRESENT if has_manifest else MISSING
        packet = read_xmp(data)
        if packet is None:
            return Found(credentials=credentials)
        tree = xmp.parse(packet)
    except ValueError as error:
        return Found(problem=f"XMP: {error}")
    marks = (aigc.parse(text) for text in xmp.values(tree, "TC260:AIGC"))
    mark = next(filter(None, marks), {})
    types = xmp.values(tree, "Iptc4xmpExt:DigitalSourceType")
    names = xmp.values(tree, "Iptc4xmpExt:DigImageGUID")
    return Found(
        source_type=types[0].rpartition("/")[2] if types else "",
        producer=mark.get("ContentProducer", ""),
        identifier=names[0] if names else "",
        credentials=credentials,
    )


def lacks(found: Found, *, image_id: str, is_signed: bool) -> list[str]:
    """What a file should have and lacks; nothing if its labels are complete."""
    checks = {
        "source type": not found.source_type,
        "AIGC label": not found.producer,
        "identifier": found.identifier != image_id,
        "signature": is_signed and found.credentials == MISSING,
    }
    return [name for name, is_lacking in checks.items() if is_lacking]
