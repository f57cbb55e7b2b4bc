"""How an image was made."""

from enum import StrEnum


class Source(StrEnum):
    """How an image was made, in the terms of IPTC's vocabulary of digital source types.

    GENERATED: by a model alone. COMPOSITE: by a model from a picture that no model made, such as a
    photograph. ENHANCED: a picture of which a model changed only the quality.
    """

    GENERATED = "generated"
    COMPOSITE = "composite"
    ENHANCED = "enhanced"

    @property
    def uri(self) -> str:
        """The term's address in full: IPTC Photo Metadata 2025.1, Digital Source Type."""
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{_TERMS[self]}"


_TERMS = {
    Source.GENERATED: "trainedAlgorithmicMedia",
    Source.COMPOSITE: "compositeWithTrainedAlgorithmicMedia",
    Source.ENHANCED: "algorithmicallyEnhanced",
}
