"""The XMP packet: IPTC Photo Metadata 2025.1 and the AIGC mark; upstream marks are kept."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from generations.labelling import aigc
from generations.labelling.splice import MAX_PACKET_BYTES
from generations.labelling.types import LabelFacts

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
}
for _prefix, _uri in _NAMESPACES.items():
    register_namespace(_prefix, _uri)


def tag(name: str) -> str:
    """`dc:rights` as ElementTree writes it."""
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


# What is kept of an upstream packet. It is a list of what to keep, not of what to drop: prompts
# occur as dc:description, AIPromptInformation, exif:UserComment, tools' own "parameters", and under
# names that nobody can foresee, and none may leave in a file. These properties say where an image
# comes from and who has which rights; none of them describes it.
_KEPT = frozenset(
    map(
        tag,
        (
            "dc:contributor",
            "dc:creator",
            "dc:publisher",
            "dc:rights",
            "dc:source",
            "xmp:CreateDate",
            "xmpMM:DocumentID",
            "xmpMM:InstanceID",
            "xmpMM:OriginalDocumentID",
            "xmpRights:Certificate",
            "xmpRights:Marked",
            "xmpRights:Owner",
            "xmpRights:UsageTerms",
            "xmpRights:WebStatement",
            "photoshop:DateCreated",
            "photoshop:Source",
            "plus:DataMining",
            "cc:attributionName",
            "cc:attributionURL",
            "cc:license",
        ),
    )
)
_KEPT_BYTES = 30_000  # of all kept properties together; a JPEG's packet has room for 65,502
_LISTS = frozenset(map(tag, ("rdf:Alt", "rdf:Bag", "rdf:Seq")))
_AIGC = tag("TC260:AIGC")
_RESOURCE = tag("rdf:resource")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

# XML 1.0, production 2: the characters that a document cannot contain, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class UnreadablePacketError(ValueError):
    """A packet that is not XML, is too large, or declares a document type."""


def parse(packet: bytes) -> Element:
    """The packet's tree. Raises UnreadablePacketError."""
    if len(packet) > MAX_PACKET_BYTES:
        raise UnreadablePacketError("larger than 1 MB")
    try:
        return fromstring(packet.strip(b"\0 \t\r\n"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise UnreadablePacketError(type(error).__name__) from error


def build(facts: LabelFacts, *, upstream: Element | None, plain_aigc: str | None = None) -> bytes:
    """The packet for one of our files.

    `upstream` is the tree of the original's packet: its marks of origin and rights are kept beside
    ours, and its AIGC producer remains the producer, as does the one in `plain_aigc`, a mark that
    the original has outside XMP.
    """
    root = Element(tag("x:xmpmeta"))
    description = SubElement(SubElement(root, tag("rdf:RDF")), tag("rdf:Description"))
    description.set(tag("rdf:about"), "")
    for name, value in _own_marks(facts).items():
        if value:
            SubElement(description, tag(name)).text = _FORBIDDEN.sub("", value)
    description.extend(_kept(upstream))
    mark = aigc.mark(facts, upstream=_upstream_mark(upstream, plain_aigc))
    SubElement(description, _AIGC).text = _FORBIDDEN.sub("", mark)
    # XMP Specification Part 1, 7.3.2: the wrapper by which programs find a packet in any file.
    start = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    return f'{start}{tostring(root, encoding="unicode")}<?xpacket end="w"?>'.encode()


def values(root: Element, name: str) -> list[str]:
    """All values of a simple property, anywhere in the tree and in any of XMP's forms."""
    wanted = tag(name)
    texts = ["".join(element.itertext()).strip() for element in root.iter(wanted)]
    return texts + [element.attrib[wanted] for element in root.iter() if wanted in element.attrib]


def _own_marks(facts: LabelFacts) -> dict[str, str]:
    return {
        "Iptc4xmpExt:DigitalSourceType": facts.source.uri,
        "Iptc4xmpExt:AISystemUsed": facts.system,
        "Iptc4xmpExt:AISystemVersionUsed": facts.system_version,
        "Iptc4xmpExt:DigImageGUID": facts.image_id,
        "dc:identifier": f"urn:uuid:{facts.image_id}",
        "photoshop:Credit": facts.credit,
        "xmp:CreatorTool": facts.tool,
    }


def _upstream_mark(upstream: Element | None, plain: str | None) -> dict[str, str] | None:
    texts = [] if upstream is None else values(upstream, "TC260:AIGC")
    candidates = (aigc.parse(text) for text in [*texts, plain or ""])
    return next(filter(None, candidates), None)


def _kept(upstream: Element | None) -> Iterator[Element]:
    seen: set[str] = set()
    room = _KEPT_BYTES
    for found in _properties(upstream):
        if found.tag not in _KEPT - seen:
            continue
        copy = _plain_copy(found)
        size = len(tostring(copy, encoding="utf-8"))
        if (any(copy.itertext()) or copy.get(_RESOURCE)) and size <= room:
            room -= size
            seen.add(found.tag)
            yield copy


def _properties(upstream: Element | None) -> Iterator[Element]:
    """A packet's properties; those written as attributes are turned into elements."""
    rdf = upstream
    if rdf is not None and rdf.tag != tag("rdf:RDF"):
        rdf = rdf.find(tag("rdf:RDF"))
    for description in () if rdf is None else rdf.findall(tag("rdf:Description")):
        for name, text in description.attrib.items():
            element = Element(name)
            element.text = text
            yield element
        yield from description


def _plain_copy(source: Element) -> Element:
    """A property's text, link or list of texts, without attributes and structures."""
    copy = Element(source.tag)
    if link := source.get(_RESOURCE):
        copy.set(_RESOURCE, link)
    elif len(source) == 0:
        copy.text = source.text
    elif source[0].tag in _LISTS:
        items = SubElement(copy, source[0].tag)
        for item in source[0].findall(tag("rdf:li")):
            SubElement(items, item.tag, _language(item)).text = item.text
    return copy


def _language(item: Element) -> dict[str, str]:
    return {_LANGUAGE: item.attrib[_LANGUAGE]} if _LANGUAGE in item.attrib else {}
