"""What labels cannot do, and what a program can't decide about them."""

from django.utils.translation import gettext as _


def limits() -> list[str]:
    return [
        _(
            "Most social networks remove metadata when they make a picture smaller. Then the badge "
            "is left, and the imperceptible mark as far as it survives what they did."
        ),
        _("Whoever crops or paints over a picture can remove the badge."),
        _("Files that were downloaded keep the labels of that day, whatever is done here later."),
        _("A signature shows that a file was changed, not that what it says is true."),
        _("Only images are labelled. Texts around them, films and sound are not."),
    ]


def questions() -> list[str]:
    return [
        _(
            "Is the company a provider or a deployer under the AI Act? Offering an image generator "
            "under one's own name makes a provider, whoever trained the model."
        ),
        _("Which of the pictures are deep fakes, and which are evidently creative or satirical?"),
        _("Is the service offered to the public in mainland China, and which code names it?"),
        _(
            "Does “text height” in GB 45438 mean the height of the capitals? The studio reads it "
            "so, which is the stricter way."
        ),
        _("Is a signature of the studio's own making enough, or is a bought certificate needed?"),
        _(
            "How long must records and originals be kept, and how does that go with the right of "
            "people to have their data erased?"
        ),
        _("What do the contracts with the providers of the engines say about marks and their use?"),
    ]
