"""Why a picture cannot be used.

UnusableImage            a picture, but not one that this studio can work with
├── NotAnImage           no JPEG, PNG or WebP, or a damaged one
│   └── TruncatedImage   the file ends too early: fetching it again may help
└── ImageTooLarge        more pixels or bytes than allowed
"""

from django.utils.functional import Promise


class UnusableImage(Exception):
    """A picture that cannot be used.

    `message` is a translatable sentence for people: what is wrong and what to do. It stays
    lazy, so that it is shown in the language of whoever reads it.
    """

    def __init__(self, message: str | Promise) -> None:
        super().__init__(message)
        self.message = message


class NotAnImage(UnusableImage):
    """Not a JPEG, PNG or WebP picture, or one that is damaged."""


class TruncatedImage(NotAnImage):
    """A picture that ends before its last byte, as after a dropped connection."""


class ImageTooLarge(UnusableImage):
    """More pixels or more bytes than allowed."""
