"""Originals that are odd, broken or hostile, through all recipes at once."""

import struct

import pytest
from PIL import ImageCms

from generations.imaging import UnusableImage, inspect
from generations.labelling import ENGLISH, RECIPES, Labels, Original, label, read_xmp
from generations.labelling.metadata import aigc, xmp
from generations.labelling.metadata.splice import insert_xmp
from tests.generations.imaging.images import (
    FORMATS,
    make_animation,
    make_exif,
    make_file,
    make_noise,
    make_red_is_green_profile,
    png_chunk,
)
from tests.generations.labelling.packets import make_packet

LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.fixture
def files(facts):
    """`files(data)`: all labelled files of an original; each is whole and has one mark."""

    def label_all(data):
        made = label(Original(data), facts=facts, recipes=RECIPES, labels=Labels(ENGLISH))
        for file in made:
            inspect(file.data)
            marks = xmp.values(xmp.parse(read_xmp(file.data)), "TC260:AIGC")
            assert [aigc.parse(mark)["ContentProducer"] for mark in marks] == [facts.producer]
        return made

    return label_all


@pytest.mark.parametrize(
    "data",
    [
        make_animation("GIF"),
        make_animation("PNG"),
        make_animation("WEBP"),
        make_file("JPEG")[: len(make_file("JPEG")) // 2],
        make_file("PNG")[: len(make_file("PNG")) // 2],
        make_file("WEBP")[:-2],
        b"\xff\xd8\xff" + b"\0" * 1000,
        b"\x89PNG\r\n\x1a\n" * 100,
    ],
    ids=["gif", "apng", "webp", "cut jpeg", "cut png", "cut webp", "no jpeg", "no png"],
)
def test_what_is_no_whole_still_image_is_refused(files, data):
    with pytest.raises(UnusableImage):
        files(data)


@pytest.mark.parametrize(
    "data",
    [
        make_file("JPEG", mode="CMYK", colour=(0, 255, 255, 0), size=(90, 60)),
        make_file("JPEG", mode="L", colour=9, size=(90, 60)),
        make_file("PNG", mode="I;16", colour=30_000, size=(90, 60)),
        make_file("PNG", mode="P", colour=0, size=(90, 60)),
        make_file("PNG", mode="LA", colour=(9, 90), size=(90, 60)),
        make_file("PNG", size=(90, 60), icc_profile=LAB),
        make_file("JPEG", size=(90, 60), icc_profile=make_red_is_green_profile()),
        make_file("JPEG", size=(90, 60), icc_profile=b"no profile"),
        make_file("JPEG", size=(90, 60), image=make_noise((90, 61)), exif=make_exif(Orientation=6)),
        make_file("JPEG", size=(90, 60), image=make_noise((91, 67)), progressive=True),
        make_file("JPEG", size=(16_000, 300)),
        make_file("PNG", size=(300, 16_000)),
        make_file("WEBP", size=(1, 1)),
    ],
    ids=[
        *("cmyk", "grey", "16 bit", "palette", "grey and alpha", "lab profile"),
        *("other gamut", "no profile"),
        *("turned", "progressive", "wide", "high", "pixel"),
    ],
)
def test_odd_images_are_labelled(files, data):
    assert len(files(data)) == len(RECIPES)


def with_packet(image_format: str, packet: bytes) -> bytes:
    """A file with a packet that our own writer would refuse for its size."""
    data = make_file(image_format, size=(90, 60))
    if image_format == "PNG":
        return data[:33] + png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + data[33:]
    if image_format == "WEBP":
        packed = insert_xmp(data, b"x" * 10)
        place = packed.index(b"XMP ")
        body = packed[8:place] + b"XMP " + struct.pack("<I", len(packet)) + packet
        body += b"\0" * (len(packet) % 2)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    return insert_xmp(data, packet[:60_000])


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize(
    "packet",
    [
        make_packet(before="<!DOCTYPE x []>"),
        make_packet(before='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'),
        make_packet(f"<dc:source>{'a' * 10_000_000}</dc:source>"),
        make_packet("<dc:source>" * 20_000 + "</dc:source>" * 20_000),
        make_packet("<dc:source>x</dc:source>" * 40_000),
        b"\xff\xfe" * 1000,
        b"",
    ],
    ids=["dtd", "entities", "10 MB", "deep", "many", "noise", "empty"],
)
def test_a_hostile_packet_costs_only_its_own_marks(files, image_format, packet):
    for file in files(with_packet(image_format, packet)):
        assert len(read_xmp(file.data)) < 5000
