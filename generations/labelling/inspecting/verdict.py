"""Whether a file's labels are complete and valid, and if not, what is wrong."""

from collections.abc import Iterator

from generations.labelling.inspecting.layers import Layers
from generations.labelling.manifests.credentials import TRUSTED, VALID

# The terms of IPTC's vocabulary of digital source types by which a model had a part in an image.
_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI_TYPES = frozenset(
    _VOCABULARY + term
    for term in (
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicallyEnhanced",
        "compositeSynthetic",
    )
)


def faults(layers: Layers, *, signed: bool = True, marked: bool = False) -> tuple[str, ...]:
    """Codes of what is lacking or wrong in a file's labels; empty if they are complete and valid.

    `signed` and `marked`: whether it must carry content credentials and the imperceptible mark.
    """
    found = [*_file(layers), *_metadata(layers), *_aigc(layers)]
    if signed:
        found += _credentials(layers)
    if marked and layers.mark.state != "found":
        found.append(f"mark_{layers.mark.state}")
    return tuple(found)


def _file(layers: Layers) -> Iterator[str]:
    yield from layers.problems
    if layers.trailing:
        yield "trailing_bytes"


def _metadata(layers: Layers) -> Iterator[str]:
    if layers.xmp is None:
        yield "xmp_missing"
        return
    if layers.xmp.problem:
        yield f"xmp_{layers.xmp.problem}"
    elif layers.xmp.packets > 1:
        yield "xmp_twice"
    if not layers.xmp.system:
        yield "system_missing"
    if not (layers.xmp.image_id or layers.xmp.identifier):
        yield "id_missing"
    if not layers.xmp.source_types:
        yield "source_type_missing"
    elif len(layers.xmp.source_types) > 1 or not AI_TYPES & set(layers.xmp.source_types):
        yield "source_type_wrong"


def _aigc(layers: Layers) -> Iterator[str]:
    if not layers.aigc:
        yield "aigc_missing"
    elif len(layers.aigc) > 1:
        yield "aigc_twice"
    yield from dict.fromkeys(f"aigc_{code}" for mark in layers.aigc for code in mark.problems)


def _credentials(layers: Layers) -> Iterator[str]:
    if layers.credentials is None:
        yield "credentials_missing"
    elif layers.credentials.state not in (TRUSTED, VALID):
        yield f"credentials_{layers.credentials.state}"
    elif layers.credentials.withdrawn_at:
        yield "credentials_withdrawn"
    elif layers.credentials.source_type not in AI_TYPES:
        yield "credentials_source_type"
