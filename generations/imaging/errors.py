"""Why an image cannot be used.

UnusableImage            an image, but not one that this studio can work with
├── NotAnImage           not a JPEG, PNG or WebP, or a damaged one
│   └── TruncatedImage   the file ends too early: fetching it again may help
└── ImageTooLarge        more pixels or bytes than allowed
"""

from django.utils.functional import Promise


class UnusableImage(Exception):
    """An image that cannot be used.

    `message` is a translatable sentence for people: what is wrong and what to do. It is lazy, so
    that each reader sees it in their own language.
    """

    def __init__(self, message: str | Promise) -> None:
        super().__init__(message)
        self.message = message


class NotAnImage(UnusableImage):
    """Not a JPEG, PNG or WebP image, or one that is damaged."""


class TruncatedImage(NotAnImage):
    """An image that ends before its last byte, for example after a dropped connection."""


class ImageTooLarge(UnusableImage):
    """More pixels or more bytes than allowed."""
