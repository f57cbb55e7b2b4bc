import dataclasses
import re

import pytest

from generations.labelling import aigc, xmp
from generations.labelling.splice import MAX_JPEG_PACKET_BYTES
from tests.generations.labelling.packets import make_mark, make_packet

PROMPT = "a secret prompt"

PROMPT_CARRIERS = [
    f"<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>{PROMPT}</rdf:li></rdf:Alt>"
    "</dc:description>",
    f"<dc:title>{PROMPT}</dc:title>",
    f"<dc:subject><rdf:Bag><rdf:li>{PROMPT}</rdf:li></rdf:Bag></dc:subject>",
    f"<Iptc4xmpExt:AIPromptInformation>{PROMPT}</Iptc4xmpExt:AIPromptInformation>",
    f"<Iptc4xmpExt:AIPromptWriterName>{PROMPT}</Iptc4xmpExt:AIPromptWriterName>",
    f"<exif:UserComment>{PROMPT}</exif:UserComment>",
    f"<tool:parameters>{PROMPT}</tool:parameters>",
    f"<tool:anything rdf:parseType='Resource'><tool:deep>{PROMPT}</tool:deep></tool:anything>",
    f"<dc:source tool:parameters='{PROMPT}'>kept</dc:source>",
    f"<dc:rights><rdf:Alt><rdf:li tool:note='{PROMPT}'>kept</rdf:li></rdf:Alt></dc:rights>",
    f"<dc:rights><tool:note>{PROMPT}</tool:note></dc:rights>",
    f"<!-- {PROMPT} -->",
    f"<TC260:AIGC>{make_mark(Prompt=PROMPT)}</TC260:AIGC>",
]


def build(facts, upstream=None, **options):
    tree = None if upstream is None else xmp.parse(upstream)
    return xmp.parse(xmp.build(facts, upstream=tree, **options))


class TestOurMarks:
    def test_say_what_made_the_image(self, facts):
        root = build(facts)

        assert {
            name: xmp.values(root, name)
            for name in (
                "Iptc4xmpExt:DigitalSourceType",
                "Iptc4xmpExt:AISystemUsed",
                "Iptc4xmpExt:AISystemVersionUsed",
                "Iptc4xmpExt:DigImageGUID",
                "dc:identifier",
                "photoshop:Credit",
                "xmp:CreatorTool",
            )
        } == {
            "Iptc4xmpExt:DigitalSourceType": [
                "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
            ],
            "Iptc4xmpExt:AISystemUsed": ["Seedream 4.5"],
            "Iptc4xmpExt:AISystemVersionUsed": ["seedream-4-5-251128"],
            "Iptc4xmpExt:DigImageGUID": [facts.image_id],
            "dc:identifier": [f"urn:uuid:{facts.image_id}"],
            "photoshop:Credit": ["Example Ltd, made with AI"],
            "xmp:CreatorTool": ["Seedream Studio"],
        }

    def test_leave_out_what_is_not_known(self, facts):
        root = build(dataclasses.replace(facts, system_version=""))

        assert xmp.values(root, "Iptc4xmpExt:AISystemVersionUsed") == []

    def test_survive_any_character(self, facts):
        awkward = '图 & <b> "quoted" ]]> \x00\x0b\x1f\ufffe\ud800 end'

        root = build(dataclasses.replace(facts, credit=awkward))

        assert xmp.values(root, "photoshop:Credit") == ['图 & <b> "quoted" ]]>  end']

    def test_are_wrapped_as_a_packet(self, facts):
        packet = xmp.build(facts, upstream=None).decode()

        assert packet.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>')
        assert packet.endswith('<?xpacket end="w"?>')

    def test_use_the_usual_prefixes(self, facts):
        packet = xmp.build(facts, upstream=None).decode()

        assert set(re.findall(r"<([A-Za-z0-9]+):", packet)) == {
            "x",
            "rdf",
            "dc",
            "xmp",
            "photoshop",
            "Iptc4xmpExt",
            "TC260",
        }


class TestUpstream:
    @pytest.mark.parametrize(
        ("name", "written"),
        [
            ("dc:source", {"properties": "<dc:source>kept</dc:source>"}),
            ("dc:source", {"attributes": 'dc:source="kept"'}),
            (
                "dc:rights",
                {
                    "properties": "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>kept"
                    "</rdf:li></rdf:Alt></dc:rights>"
                },
            ),
            ("xmpRights:Owner", {"properties": "<xmpRights:Owner>kept</xmpRights:Owner>"}),
        ],
    )
    def test_marks_of_origin_and_rights_are_kept(self, facts, name, written):
        assert xmp.values(build(facts, make_packet(**written)), name) == ["kept"]

    def test_the_form_of_a_property_is_kept(self, facts):
        upstream = make_packet(
            "<cc:license rdf:resource='https://license.example/by'/>"
            "<dc:creator><rdf:Seq><rdf:li>One</rdf:li><rdf:li>Two</rdf:li></rdf:Seq></dc:creator>"
            "<dc:rights><rdf:Alt><rdf:li xml:lang='zh'>版权</rdf:li></rdf:Alt></dc:rights>"
        )

        packet = xmp.build(facts, upstream=xmp.parse(upstream)).decode()

        assert '<cc:license rdf:resource="https://license.example/by" />' in packet
        assert "<rdf:Seq><rdf:li>One</rdf:li><rdf:li>Two</rdf:li></rdf:Seq>" in packet
        assert '<rdf:Alt><rdf:li xml:lang="zh">版权</rdf:li></rdf:Alt>' in packet

    def test_a_packet_without_the_outer_element_is_read(self, facts):
        packet = make_packet("<dc:source>kept</dc:source>").decode()
        bare = re.search(r"<rdf:RDF.*</rdf:RDF>", packet)[0].encode()

        assert xmp.values(build(facts, bare), "dc:source") == ["kept"]

    def test_padding_after_a_packet_is_ignored(self, facts):
        padded = make_packet("<dc:source>kept</dc:source>") + b" \n" * 1000 + b"\0"

        assert xmp.values(build(facts, padded), "dc:source") == ["kept"]

    @pytest.mark.parametrize("carrier", PROMPT_CARRIERS)
    def test_no_prompt_gets_through(self, facts, carrier):
        upstream = make_packet(carrier)

        assert PROMPT.encode() in upstream
        assert PROMPT.encode() not in xmp.build(facts, upstream=xmp.parse(upstream))

    def test_our_marks_replace_contradicting_ones(self, facts):
        upstream = make_packet(
            "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/"
            "digitalCapture</Iptc4xmpExt:DigitalSourceType><dc:identifier>theirs</dc:identifier>",
            attributes='Iptc4xmpExt:DigImageGUID="theirs"',
        )

        root = build(facts, upstream)

        assert xmp.values(root, "Iptc4xmpExt:DigitalSourceType") == [facts.source.uri]
        assert xmp.values(root, "Iptc4xmpExt:DigImageGUID") == [facts.image_id]
        assert xmp.values(root, "dc:identifier") == [f"urn:uuid:{facts.image_id}"]

    @pytest.mark.parametrize(
        "written",
        [
            {"properties": f"<TC260:AIGC>{make_mark()}</TC260:AIGC>"},
            {"attributes": f"TC260:AIGC='{make_mark()}'"},
            {"properties": f"<TC260:AIGC>{make_mark()}</TC260:AIGC>" * 2},
        ],
    )
    def test_a_producer_stays_the_producer(self, facts, written):
        (mark,) = xmp.values(build(facts, make_packet(**written)), "TC260:AIGC")

        fields = aigc.parse(mark)
        assert fields["ContentProducer"] == "upstream-studio"
        assert fields["ProduceID"] == "up-9"
        assert fields["ReservedCode1"] == "signature"
        assert fields["ContentPropagator"] == "example-ltd"
        assert fields["PropagateID"] == facts.image_id

    def test_a_producer_named_outside_xmp_stays_too(self, facts):
        (mark,) = xmp.values(build(facts, plain_aigc=make_mark()), "TC260:AIGC")

        assert aigc.parse(mark)["ContentProducer"] == "upstream-studio"

    def test_a_mark_that_can_not_be_read_gives_way_to_ours(self, facts):
        upstream = make_packet("<TC260:AIGC>no json</TC260:AIGC>")

        (mark,) = xmp.values(build(facts, upstream), "TC260:AIGC")

        assert aigc.parse(mark)["ContentProducer"] == "example-ltd"

    def test_however_much_comes_it_still_fits_into_a_jpeg(self, facts):
        names = ("dc:creator", "dc:publisher", "dc:rights", "dc:source")
        many = "".join(f"<{name}>{'版' * 8000}</{name}>" for name in names)
        mark = make_mark(ProduceID="&" * 1000, ReservedCode1="&" * 1000)
        upstream = make_packet(many + f"<TC260:AIGC>{mark.replace('&', '&amp;')}</TC260:AIGC>")

        packet = xmp.build(facts, upstream=xmp.parse(upstream))

        assert "版".encode() in packet
        assert len(packet) < MAX_JPEG_PACKET_BYTES


class TestUnreadable:
    @pytest.mark.parametrize(
        "packet",
        [
            b"",
            b"no xml",
            b"<x:xmpmeta>",
            make_packet()[:-40],
            make_packet(before="<!DOCTYPE x []>"),
            make_packet(before='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'),
            make_packet(before='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'),
            b"<?xml version='1.0' encoding='no-such'?><x/>",
            b" " * 1_000_001,
        ],
        ids=lambda packet: repr(packet[:40]),
    )
    def test_packets_are_refused(self, packet):
        with pytest.raises(xmp.UnreadablePacketError):
            xmp.parse(packet)

    def test_deep_nesting_does_not_fail(self, facts):
        deep = make_packet("<dc:source>" * 40_000 + "</dc:source>" * 40_000)

        assert xmp.values(build(facts, deep), "dc:source") == []
