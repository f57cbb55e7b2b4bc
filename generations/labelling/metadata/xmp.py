"""The XMP packet: IPTC Photo Metadata 2025.1 and the AIGC mark; upstream marks are kept."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from itertools import islice
from types import MappingProxyType
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from generations.labelling.metadata import aigc
from generations.labelling.metadata.splice import MAX_PACKET_BYTES
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


# What is kept of an upstream packet: marks of origin and rights, and of these only what has no room
# for a sentence. It is a list of what to keep, not of what to drop: prompts occur as
# dc:description, AIPromptInformation, exif:UserComment, tools' own "parameters", in fields that are
# meant for names and rights, and under names that nobody can foresee, and none may leave in a file.
# For the same reason no name of a person or company is kept. Dates are ours: two would contradict.
_IDENTIFIER = re.compile(
    r"(?:urn:uuid:|uuid:|xmp\.[a-z]id:|adobe:docid:[a-z]+:)?[0-9A-Fa-f-]{16,64}"
)
_FLAG = re.compile(r"True|False")
# An address without query, escape or hyphen, or that of a Creative Commons licence.
_LINK = re.compile(
    r"https?://(?:[A-Za-z0-9]{1,30}\.){1,3}[a-z]{2,12}(?:/[A-Za-z0-9.]{1,16}){0,2}/?"
    r"|https?://creativecommons\.org/[a-z]{1,16}/[a-z-]{1,12}/[0-9.]{1,4}/?"
)
# PLUS License Data Format 2.0.1, "Data Mining".
_DATA_MINING = re.compile(
    r"http://ns\.useplus\.org/ldf/vocab/DMI-(?:UNSPECIFIED|ALLOWED|PROHIBITED"
    r"(?:-(?:AIMLTRAINING|GENAIMLTRAINING|EXCEPTSEARCHENGINEINDEXING|SEECONSTRAINT))?)"
)
_KEPT: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "dc:source": _IDENTIFIER,
        "xmpMM:DocumentID": _IDENTIFIER,
        "xmpMM:InstanceID": _IDENTIFIER,
        "xmpMM:OriginalDocumentID": _IDENTIFIER,
        "xmpRights:Certificate": _LINK,
        "xmpRights:Marked": _FLAG,
        "xmpRights:WebStatement": _LINK,
        "plus:DataMining": _DATA_MINING,
        "cc:attributionURL": _LINK,
        "cc:license": _LINK,
    }
)
_MINING_TERMS = MappingProxyType(
    {
        "allowed": "http://ns.useplus.org/ldf/vocab/DMI-ALLOWED",
        "notAllowed": "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED",
        "constrained": "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-SEECONSTRAINT",
        "": "",
    }
)
# Hostile nesting would otherwise make `values` quadratic: each value is all text below it.
MOST_VALUES = 5
_AIGC = tag("TC260:AIGC")
_RESOURCE = tag("rdf:resource")

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

    `upstream` is the tree of the original's packet: what of its marks has no room for a sentence is
    kept beside ours, and its AIGC producer remains the producer, as does the one in `plain_aigc`, a
    mark that the original has outside XMP.
    """
    root = Element(tag("x:xmpmeta"))
    description = SubElement(SubElement(root, tag("rdf:RDF")), tag("rdf:Description"))
    description.set(tag("rdf:about"), "")
    own = {name: value for name, value in _own_marks(facts).items() if value}
    for name, value in own.items():
        SubElement(description, tag(name)).text = _FORBIDDEN.sub("", value)
    if facts.producer_name:
        publishers = SubElement(SubElement(description, tag("dc:publisher")), tag("rdf:Bag"))
        SubElement(publishers, tag("rdf:li")).text = _FORBIDDEN.sub("", facts.producer_name)
    description.extend(_kept(upstream, besides=frozenset(own)))
    texts = [] if upstream is None else values(upstream, "TC260:AIGC")
    mark = aigc.mark(facts, upstream=aigc.passed_on([*texts, plain_aigc or ""]))
    SubElement(description, _AIGC).text = _FORBIDDEN.sub("", mark)
    # XMP Specification Part 1, 7.3.2: the wrapper by which programs find a packet in any file.
    start = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    return f'{start}{tostring(root, encoding="unicode")}<?xpacket end="w"?>'.encode()


def values(root: Element, name: str) -> list[str]:
    """The first values of a simple property, anywhere in the tree and in any of XMP's forms."""
    wanted = tag(name)
    elements = islice(root.iter(wanted), MOST_VALUES)
    texts = ["".join(element.itertext()).strip() for element in elements]
    attributes = (element.attrib[wanted] for element in root.iter() if wanted in element.attrib)
    return [*texts, *islice(attributes, MOST_VALUES)]


def date_of(facts: LabelFacts) -> str:
    """The time at which the image was made, as XMP writes dates; in UTC, to the second."""
    return facts.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _own_marks(facts: LabelFacts) -> dict[str, str]:
    made = date_of(facts)
    return {
        "Iptc4xmpExt:DigitalSourceType": facts.source.uri,
        "Iptc4xmpExt:AISystemUsed": facts.system,
        "Iptc4xmpExt:AISystemVersionUsed": facts.system_version,
        "Iptc4xmpExt:DigImageGUID": facts.image_id,
        "dc:identifier": f"urn:uuid:{facts.image_id}",
        "photoshop:Credit": facts.credit,
        "photoshop:DateCreated": made,
        "plus:DataMining": _MINING_TERMS[facts.mining],
        "xmp:CreateDate": made,
        "xmp:CreatorTool": f"{facts.tool} {facts.tool_version}".rstrip(),
    }


def _kept(upstream: Element | None, *, besides: frozenset[str]) -> Iterator[Element]:
    """What of an upstream packet goes on; the first of each property, and none that we write."""
    wanted = {tag(name): form for name, form in _KEPT.items() if name not in besides}
    for found in _properties(upstream):
        link = found.get(_RESOURCE)
        text = (link or found.text or "").strip() if len(found) == 0 else ""
        if found.tag in wanted and wanted[found.tag].fullmatch(text):
            del wanted[found.tag]
            yield _plain_copy(found.tag, text, is_link=link is not None)


def _plain_copy(name: str, text: str, *, is_link: bool) -> Element:
    copy = Element(name)
    if is_link:
        copy.set(_RESOURCE, text)
    else:
        copy.text = text
    return copy


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
