import uuid

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class ProviderAccount(models.Model):
    """One key at a provider: its limits, and whether it is paused. The key itself is not stored."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(_("provider"), max_length=40)
    slot = models.PositiveSmallIntegerField(
        _("slot"), help_text=_("1 is the first key, 2 the second …")
    )
    key_fingerprint = models.CharField(
        _("key fingerprint"),
        max_length=64,
        help_text=_("Part of a hash of the key, by which two keys are told apart."),
    )
    concurrency = models.PositiveIntegerField(
        _("at once"), help_text=_("Most generations in flight."), validators=[MinValueValidator(1)]
    )
    per_minute = models.PositiveIntegerField(
        _("per minute"),
        help_text=_("Most submits in 60 seconds."),
        validators=[MinValueValidator(1)],
    )
    paused_until = models.DateTimeField(
        _("paused until"),
        null=True,
        blank=True,
        help_text=_("UTC. Nothing is sent with this key before. Empty: it is not paused."),
    )
    paused_why = models.CharField(_("paused because"), max_length=200, blank=True)
    # If there are many, one probe is sent first after a pause.
    failures = models.PositiveIntegerField(
        _("failures in a row"),
        default=0,
        help_text=_("Submits that failed since the last success."),
    )
    balance = models.DecimalField(
        _("balance"),
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("What is left at the provider, in the unit of the balance."),
    )
    balance_unit = models.CharField(_("unit of the balance"), max_length=20, blank=True)
    balance_at = models.DateTimeField(_("balance read"), null=True, blank=True)
    warn_below = models.DecimalField(
        _("warn below"),
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_(
            "Admins are told when the balance falls below this, in the unit of the balance. "
            "Empty: what twenty of the dearest images cost."
        ),
    )
    concurrency_at_provider = models.PositiveIntegerField(
        _("at once, as the provider says"),
        null=True,
        blank=True,
        help_text=_(
            "Most generations in flight. Empty: its API does not say. The lower one holds."
        ),
    )
    # Why the key can't be used until somebody acts: a value of `providers.errors.Code`.
    blocked_code = models.CharField(_("blocked because"), max_length=40, blank=True)
    blocked_at = models.DateTimeField(_("blocked since"), null=True, blank=True)
    # Since when every poll with this key has been refused, and whether admins were told.
    polls_refused_at = models.DateTimeField(_("polls refused since"), null=True, blank=True)
    polls_refused_told = models.BooleanField(_("told of refused polls"), default=False)
    alert = models.CharField(
        _("alert"),
        max_length=40,
        blank=True,
        help_text=_("What admins have been told. They are told once, until it is over."),
    )

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        ordering = ["provider", "slot"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "slot"], name="provider_account_slot_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.slot}"

    @property
    def most_at_once(self) -> int:
        """How many generations may be in flight: the lower limit of the admin and the provider."""
        return min(self.concurrency, self.concurrency_at_provider or self.concurrency)


class EngineBlock(models.Model):
    """One engine that is refused to one key, while the key's other engines may work.

    It lasts until a request for the engine is accepted; before `until` none is sent. `sure` is
    False while it is unclear whether the key or the request was refused. `refusals` counts the
    refusals since `since`, a burst as one; the last was counted at `counted_at`. `told` is set once
    admins were told.
    """

    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.CASCADE,
        related_name="engine_blocks",
        verbose_name=_("provider account"),
    )
    engine = models.CharField(_("engine"), max_length=100)
    code = models.CharField(_("blocked because"), max_length=40)
    raw_code = models.CharField(_("the provider's code"), max_length=200, blank=True)
    sure = models.BooleanField(_("sure"), default=False)
    refusals = models.PositiveIntegerField(_("refusals"), default=0)
    told = models.BooleanField(_("told"), default=False)
    since = models.DateTimeField(_("since"))
    counted_at = models.DateTimeField(_("counted"), null=True, blank=True)
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("blocked engine")
        verbose_name_plural = _("blocked engines")
        ordering = ["account", "engine"]
        constraints = [
            models.UniqueConstraint(fields=["account", "engine"], name="engine_block_unique")
        ]

    def __str__(self) -> str:
        return f"{self.engine} at {self.account}"
