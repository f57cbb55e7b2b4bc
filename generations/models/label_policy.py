import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from generations.labelling import AIGC_VALUE, LONGEST_PRODUCER
from generations.models.campaign import Campaign


class LabelPolicy(models.Model):
    """What the labels of a campaign, a team or the whole studio look like and say.

    A field that is empty is taken from the next wider row: campaign, team, studio, defaults in the
    code. `generations.label_policies` puts them together.
    """

    class Preset(models.TextChoices):
        """The names of `labelling.PRESETS`."""

        ENGLISH = "english", _("English: AI-generated")
        CHINESE = "chinese", _("Chinese: AI生成")
        BILINGUAL = "bilingual", _("Chinese and English, on two lines")
        EU = "eu", _("EU icon and English")

    class Corner(models.TextChoices):
        TOP_LEFT = "top-left", _("top left")
        TOP_RIGHT = "top-right", _("top right")
        BOTTOM_LEFT = "bottom-left", _("bottom left")
        BOTTOM_RIGHT = "bottom-right", _("bottom right")

    class Size(models.IntegerChoices):
        """In thousandths of the shortest side."""

        SMALL = 25, _("2.5 % of the shortest side")
        NORMAL = 30, _("3 %")
        LARGE = 40, _("4 %")
        GB_45438 = 50, _("5 %, as GB 45438 asks for in China")
        LARGEST = 70, _("7 %")

    class SafeArea(models.TextChoices):
        EDGE = "edge", _("in the corner of every image")
        STORIES = "stories", _("in images of 9:16, clear of what a story covers")

    class Mining(models.TextChoices):
        """What C2PA's assertion cawg.training-mining and IPTC's Data Mining say."""

        UNSAID = "unsaid", _("say nothing")
        ALLOWED = "allowed", _("allowed")
        CONSTRAINED = "constrained", _("only on conditions: ask us")
        NOT_ALLOWED = "notAllowed", _("not allowed")

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(
        Team,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        help_text=_("Without team and campaign it holds for the whole studio."),
    )
    campaign = models.ForeignKey(
        Campaign,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("campaign"),
        help_text=_("Goes before what its team chose."),
    )
    badge = models.CharField(
        _("badge"),
        max_length=20,
        choices=Preset,
        blank=True,
        help_text=_("In China, GB 45438 asks for Chinese words with capitals of 5 %."),
    )
    corner = models.CharField(_("corner"), max_length=12, choices=Corner, blank=True)
    size = models.PositiveSmallIntegerField(
        _("height of the capitals"), choices=Size, null=True, blank=True
    )
    safe_area = models.CharField(_("place"), max_length=10, choices=SafeArea, blank=True)
    credit = models.CharField(
        _("credit line"),
        max_length=200,
        blank=True,
        help_text=_("To print beside the image. It is written into every file."),
    )
    producer_name = models.CharField(
        _("legal name"),
        max_length=200,
        blank=True,
        help_text=_("The company that answers for the images. It is written into every file."),
    )
    producer_code = models.CharField(
        _("code of the producer"),
        max_length=LONGEST_PRODUCER,
        blank=True,
        validators=[
            RegexValidator(
                rf"\A{AIGC_VALUE.pattern}\Z",
                _(
                    "Use letters, digits and signs of ASCII, without spaces, quotation marks and "
                    "backslashes: GB 45438 allows no others. A name with spaces or Chinese "
                    "characters goes into the field “legal name”."
                ),
            )
        ],
        help_text=_(
            "ContentProducer in China's AIGC mark: your provider code of 27 characters or, without "
            "one, the company's name with hyphens."
        ),
    )
    mining = models.CharField(
        _("training of models"),
        max_length=12,
        choices=Mining,
        blank=True,
        help_text=_("What files say of whether others may train models with the image."),
    )

    class Meta:
        verbose_name = _("label policy")
        verbose_name_plural = _("label policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(team__isnull=True) | Q(campaign__isnull=True),
                name="label_policy_of_one_thing",
                violation_error_message=_("Choose a team or a campaign, not both."),
            ),
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(team__isnull=False),
                name="label_policy_once_for_a_team",
                violation_error_message=_("This team has a label policy. Change that one."),
            ),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(campaign__isnull=False),
                name="label_policy_once_for_a_campaign",
                violation_error_message=_("This campaign has a label policy. Change that one."),
            ),
            models.UniqueConstraint(
                Coalesce("team", 0),
                condition=Q(team__isnull=True, campaign__isnull=True),
                name="label_policy_once_for_the_studio",
                violation_error_message=_("The studio has a label policy. Change that one."),
            ),
        ]

    def __str__(self) -> str:
        if self.campaign:
            return f"{self.campaign.team}: {self.campaign}"
        return str(self.team) if self.team else "Studio"
