"""XMP packets as providers and other tools might write them."""

import json
from typing import Any

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "cc": "http://creativecommons.org/ns#",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
    "tool": "http://tool.example/ns/",
}


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
            "ReservedCode1": "signature",
            "ContentPropagator": "upstream-studio",
            "PropagateID": "up-9",
            "ReservedCode2": "",
        }
        | changes
    )
