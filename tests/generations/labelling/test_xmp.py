import dataclasses
import re
from datetime import datetime, timedelta, timezone

import pytest

from generations.labelling import Source
from generations.labelling.metadata import aigc, xmp
from generations.labelling.metadata.splice import MAX_JPEG_PACKET_BYTES
from tests.generations.labelling.packets import DOCUMENT, SIGNATURE, make_mark, make_packet

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
    f"<dc:source tool:parameters='{PROMPT}'>{DOCUMENT}</dc:source>",
    f"<dc:rights><rdf:Alt><rdf:li tool:note='{PROMPT}'>kept</rdf:li></rdf:Alt></dc:rights>",
    f"<dc:rights><tool:note>{PROMPT}</tool:note></dc:rights>",
    f"<!-- {PROMPT} -->",
    f"<TC260:AIGC>{make_mark(Prompt=PROMPT)}</TC260:AIGC>",
]
WRITTEN_TO = [
    "dc:contributor",
    "dc:creator",
    "dc:coverage",
    "dc:description",
    "dc:format",
    "dc:identifier",
    "dc:language",
    "dc:publisher",
    "dc:relation",
    "dc:rights",
    "dc:source",
    "dc:subject",
    "dc:title",
    "dc:type",
    "xmp:CreateDate",
    "xmp:Label",
    "xmp:Nickname",
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
    "photoshop:Credit",
    "photoshop:Headline",
    "plus:DataMining",
    "plus:OtherConstraints",
    "cc:attributionName",
    "cc:attributionURL",
    "cc:license",
    "Iptc4xmpExt:AISystemUsed",
    "Iptc4xmpExt:DigitalSourceType",
]
PREFIXED = [f"<{name}>{{}}</{name}>" for name in WRITTEN_TO] + [
    f"<{name}><rdf:{kind}><rdf:li>{{}}</rdf:li></rdf:{kind}></{name}>"
    for name in ("dc:creator", "dc:rights", "dc:source", "dc:contributor", "dc:publisher")
    for kind in ("Alt", "Bag", "Seq")
]
WRITINGS = [
    "a secret prompt",
    "a-secret-prompt",
    "a_secret_prompt",
    "asecretprompt",
    "秘密的提示",
    "https://provider.example/?q=asecretprompt",
    "https://provider.example/a-secret-prompt",
    "https://a-secret-prompt.example/",
    "urn:uuid:asecretprompt",
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

    @pytest.mark.parametrize(
        ("source", "term"),
        [
            (Source.GENERATED, "trainedAlgorithmicMedia"),
            (Source.COMPOSITE, "compositeWithTrainedAlgorithmicMedia"),
            (Source.ENHANCED, "algorithmicallyEnhanced"),
        ],
    )
    def test_name_how_the_image_was_made(self, facts, source, term):
        root = build(dataclasses.replace(facts, source=source))

        assert xmp.values(root, "Iptc4xmpExt:DigitalSourceType") == [
            f"http://cv.iptc.org/newscodes/digitalsourcetype/{term}"
        ]

    def test_say_when_in_utc(self, facts):
        made = datetime(2026, 8, 2, 23, 59, 59, 999, tzinfo=timezone(timedelta(hours=-2)))

        root = build(dataclasses.replace(facts, made_at=made))

        assert xmp.values(root, "photoshop:DateCreated") == ["2026-08-03T01:59:59Z"]

    def test_name_the_company_and_the_version_if_they_are_known(self, facts):
        named = dataclasses.replace(facts, producer_name="Muster & Söhne GmbH", tool_version="1.2")

        root = build(named)

        assert xmp.values(root, "dc:publisher") == ["Muster & Söhne GmbH"]
        assert xmp.values(root, "xmp:CreatorTool") == ["Seedream Studio 1.2"]

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
            ("dc:source", {"properties": "<dc:source>{}</dc:source>"}),
            ("dc:source", {"properties": "<dc:source> {}\n</dc:source>"}),
            ("dc:source", {"attributes": 'dc:source="{}"'}),
            ("xmpMM:DocumentID", {"properties": "<xmpMM:DocumentID>{}</xmpMM:DocumentID>"}),
        ],
    )
    def test_identifiers_are_kept(self, facts, name, written):
        packet = make_packet(**{key: form.format(DOCUMENT) for key, form in written.items()})

        assert xmp.values(build(facts, packet), name) == [DOCUMENT]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("dc:source", "9f86d081884c7d659a2feaa0c55ad015"),
            ("xmpMM:InstanceID", "xmp.iid:0192f0c1-7b94-7b92-92fd-4d16a9a40000"),
            ("xmpRights:Marked", "True"),
            ("xmpRights:WebStatement", "https://provider.example/terms/v1.2"),
            ("cc:license", "https://creativecommons.org/licenses/by-nc/4.0/"),
            ("plus:DataMining", "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"),
        ],
    )
    def test_so_is_what_has_no_room_for_a_sentence(self, facts, name, value):
        packet = make_packet(f"<{name}>{value}</{name}>")

        assert xmp.values(build(facts, packet), name) == [value]

    @pytest.mark.parametrize("written", PREFIXED)
    def test_no_property_lets_a_sentence_through(self, facts, written):
        for secret in WRITINGS:
            packet = make_packet(written.format(secret))

            assert secret.encode() in packet
            assert secret.encode() not in xmp.build(facts, upstream=xmp.parse(packet))

    @pytest.mark.parametrize("field", ["Label", "ReservedCode1", "ReservedCode2", "Prompt"])
    @pytest.mark.parametrize("secret", WRITINGS)
    def test_no_field_of_a_mark_does(self, facts, field, secret):
        packet = make_packet(f"<TC260:AIGC>{make_mark(**{field: secret})}</TC260:AIGC>")

        assert secret not in xmp.build(facts, upstream=xmp.parse(packet)).decode()

    @pytest.mark.parametrize("field", ["ContentProducer", "ProduceID", "PropagateID"])
    @pytest.mark.parametrize("secret", [PROMPT, "秘密的提示", f"{PROMPT} " * 20])
    def test_nor_do_those_that_name_the_producer(self, facts, field, secret):
        packet = make_packet(f"<TC260:AIGC>{make_mark(**{field: secret})}</TC260:AIGC>")

        assert secret not in xmp.build(facts, upstream=xmp.parse(packet)).decode()

    def test_a_link_stays_a_link(self, facts):
        upstream = make_packet("<cc:license rdf:resource='https://license.example/by'/>")

        packet = xmp.build(facts, upstream=xmp.parse(upstream)).decode()

        assert '<cc:license rdf:resource="https://license.example/by" />' in packet

    def test_dates_are_ours_and_stand_once(self, facts):
        upstream = make_packet(
            "<photoshop:DateCreated>2020-01-01</photoshop:DateCreated>",
            attributes='xmp:CreateDate="2020-01-01"',
        )

        root = build(facts, upstream)

        for name in ("photoshop:DateCreated", "xmp:CreateDate"):
            assert xmp.values(root, name) == ["2026-08-02T10:30:15Z"]

    def test_our_rule_for_training_stands_once(self, facts):
        term = "http://ns.useplus.org/ldf/vocab/DMI-"
        upstream = make_packet(f"<plus:DataMining>{term}ALLOWED</plus:DataMining>")

        root = build(dataclasses.replace(facts, mining="notAllowed"), upstream)

        assert xmp.values(root, "plus:DataMining") == [f"{term}PROHIBITED"]

    def test_a_packet_without_the_outer_element_is_read(self, facts):
        packet = make_packet(f"<dc:source>{DOCUMENT}</dc:source>").decode()
        bare = re.search(r"<rdf:RDF.*</rdf:RDF>", packet)[0].encode()

        assert xmp.values(build(facts, bare), "dc:source") == [DOCUMENT]

    def test_padding_after_a_packet_is_ignored(self, facts):
        padded = make_packet(f"<dc:source>{DOCUMENT}</dc:source>") + b" \n" * 1000 + b"\0"

        assert xmp.values(build(facts, padded), "dc:source") == [DOCUMENT]

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
        assert fields["ReservedCode1"] == SIGNATURE
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
        many = "".join(f"<{name}>{DOCUMENT}</{name}>" * 100 for name in WRITTEN_TO)
        mark = make_mark(ProduceID="&" * 128, ReservedCode1="a" * 1000, ReservedCode2="a" * 1000)
        upstream = make_packet(many + f"<TC260:AIGC>{mark.replace('&', '&amp;')}</TC260:AIGC>")

        packet = xmp.build(facts, upstream=xmp.parse(upstream))

        assert aigc.parse(*xmp.values(xmp.parse(packet), "TC260:AIGC"))["ProduceID"] == "&" * 128
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

    def test_of_a_property_inside_itself_only_the_first_values_are_read(self):
        nested = make_packet("<dc:source>a" * 5_000 + "</dc:source>" * 5_000)

        assert len(xmp.values(xmp.parse(nested), "dc:source")) == xmp.MOST_VALUES

    def test_deep_nesting_does_not_fail(self, facts):
        deep = make_packet("<dc:source>" * 40_000 + "</dc:source>" * 40_000)

        assert xmp.values(build(facts, deep), "dc:source") == []
