"""The seal of the log: places of records in a Merkle tree, and signed checkpoints of its root.

`accounts.sealing` writes all rows but those of `Unsealed`, which `accounts.audit` writes.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.record import Record


class Unsealed(models.Model):
    """A record that has no place yet. It is written with the record, and deleted by sealing.

    Keys of records do not commit in order, so "all records above the last key" would miss some.
    """

    record = models.OneToOneField(
        Record,
        models.PROTECT,
        primary_key=True,
        related_name="unsealed",
        verbose_name=_("record"),
    )
    since = models.DateTimeField(_("waiting since"))

    class Meta:
        verbose_name = _("unsealed record")
        verbose_name_plural = _("unsealed records")

    def __str__(self) -> str:
        return str(self.record_id)


class Leaf(models.Model):
    """The place of a record in the tree, from 0 on without gaps. Append-only.

    `leaf` is a copy of the record's leaf: if both are changed later, the tree still differs.
    """

    place = models.BigIntegerField(_("place"), primary_key=True)
    record = models.OneToOneField(
        Record, models.PROTECT, related_name="sealed", verbose_name=_("record")
    )
    leaf = models.BinaryField(_("leaf"), max_length=32)

    class Meta:
        verbose_name = _("leaf")
        verbose_name_plural = _("leaves")

    def __str__(self) -> str:
        return str(self.place)


class Subtree(models.Model):
    """The root of a complete subtree of 2**level leaves (level 10, 20 or 30). Append-only."""

    level = models.PositiveSmallIntegerField(_("level"))
    index = models.BigIntegerField(_("index"))
    hash = models.BinaryField(_("hash"), max_length=32)

    class Meta:
        verbose_name = _("subtree")
        verbose_name_plural = _("subtrees")
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="subtree_once")]

    def __str__(self) -> str:
        return f"{self.level} {self.index}"


class Checkpoint(models.Model):
    """The signed root of the first `size` leaves. Append-only."""

    size = models.BigIntegerField(_("sealed records"), db_index=True)
    root = models.BinaryField(_("root"), max_length=32)
    at = models.DateTimeField(_("time"))
    key_id = models.CharField(_("key"), max_length=8)
    note = models.TextField(_("signed note"))

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")

    def __str__(self) -> str:
        return str(self.size)


class TimeStamp(models.Model):
    """The answer of a time-stamping authority (RFC 3161) about a checkpoint. Append-only."""

    checkpoint = models.OneToOneField(
        Checkpoint, models.PROTECT, related_name="time_stamp", verbose_name=_("checkpoint")
    )
    answer = models.BinaryField(_("answer with the token"))
    # By the clock of the authority.
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("time stamp")
        verbose_name_plural = _("time stamps")

    def __str__(self) -> str:
        return str(self.at)


class LogKey(models.Model):
    """A public key that signs or signed checkpoints; the newest one signs now. Append-only."""

    vkey = models.CharField(_("public key"), max_length=500, unique=True)
    at = models.DateTimeField(_("in use since"))

    class Meta:
        verbose_name = _("key of the log")
        verbose_name_plural = _("keys of the log")

    def __str__(self) -> str:
        return self.vkey


class SealState(models.Model):
    """Whose lock makes one sealer at a time; one row, with key 1. Nobody relies on its content."""

    ONLY = 1

    # A code of `accounts.sealing.troubles`, empty while sealing works.
    trouble = models.CharField(_("why sealing has stopped"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("state of sealing")
        verbose_name_plural = _("states of sealing")

    def __str__(self) -> str:
        return self.trouble


class Witness(models.Model):
    """A place outside the database to which checkpoints are copied, and how far that has come."""

    name = models.CharField(_("name"), primary_key=True, max_length=20)
    # The key of the newest checkpoint that was copied; 0: none.
    checkpoint = models.BigIntegerField(_("last checkpoint copied"), default=0)
    tried_at = models.DateTimeField(_("last tried"), null=True)
    # A code of `accounts.sealing.troubles`, empty while copying works.
    trouble = models.CharField(_("why copying has stopped"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("witness")
        verbose_name_plural = _("witnesses")

    def __str__(self) -> str:
        return self.name


class Verification(models.Model):
    """How far the log has been verified, and what was found. Nobody relies on it but pages.

    One row, `new`, follows the newest records; the other, `again`, reads all records again.
    """

    NEW, AGAIN = "new", "again"

    name = models.CharField(_("name"), primary_key=True, max_length=10)
    # All records before this place are as they were sealed.
    size = models.BigIntegerField(_("verified records"), default=0)
    # The roots of the largest subtrees of these records, as pairs of level and hash.
    peaks = models.JSONField(_("subtrees"), default=list)
    # The key of the last ledger entry for which a record was looked for.
    entry = models.BigIntegerField(_("last verified entry"), default=0)
    began_at = models.DateTimeField(_("began"), null=True)
    at = models.DateTimeField(_("verified"), null=True)
    # When it last reached the newest record.
    whole_at = models.DateTimeField(_("all verified"), null=True)
    # The first sentence about damage, empty if none was found.
    trouble = models.TextField(_("damage"), blank=True)
    first_bad = models.BigIntegerField(_("first bad record"), null=True)

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")

    def __str__(self) -> str:
        return f"{self.name} {self.size}"
