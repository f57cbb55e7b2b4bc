"""XMP packets as providers and other tools might write them."""

import json
from typing import Any

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "cc": "http://creativecommons.org/ns#",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
    "tool": "http://tool.example/ns/",
}

SIGNATURE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DOCUMENT = "urn:uuid:0192f0c1-7b94-7b92-92fd-4d16a9a40000"


def make_packet(properties: str = "", *, attributes: str = "", before: str = "") -> bytes:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        f'{before}<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {declared} {attributes}>{properties}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def make_mark(**changes: Any) -> str:
    """An AIGC mark of another producer, as JSON."""
    return json.dumps(
        {
            "Label": "1",
            "ContentProducer": "upstream-studio",
            "ProduceID": "up-9",
            "ReservedCode1": SIGNATURE,
            "ContentPropagator": "upstream-studio",
            "PropagateID": "up-9",
            "ReservedCode2": "",
        }
        | changes
    )
