"""The audit log's rows: a record, and apart from it the personal text that may be erased.

A record is never changed. Its `leaf` is the hash of its canonical bytes, which hold a digest of
the payload, so that erasing a payload leaves the record provable (see `accounts.audit`).
"""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.events import event_choices


class Record(models.Model):
    """One act: who did what to which thing, when, with which facts."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    version = models.PositiveSmallIntegerField(_("version of the canonical form"), default=1)
    at = models.DateTimeField(_("time"))
    event = models.CharField(_("event"), max_length=40, choices=event_choices)
    # The person as a row for pages and filters; the canonical bytes hold only the identifier.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    subject_kind = models.CharField(_("kind of subject"), max_length=40)
    subject_id = models.UUIDField(_("subject"))
    # The thing whose whole story this record is part of; it stands in the facts too.
    story = models.UUIDField(_("story"), null=True, blank=True)
    facts = models.JSONField(_("facts"), default=dict)
    personal = models.CharField(_("digest of the payload"), max_length=64, null=True, blank=True)  # noqa: DJ001
    leaf = models.BinaryField(_("leaf"), max_length=32)

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="record_newest"),
            models.Index(fields=["event", "-at", "-id"], name="record_by_event"),
            models.Index(fields=["actor", "-at", "-id"], name="record_by_actor"),
            models.Index(fields=["story", "at", "id"], name="record_by_story"),
            models.Index(fields=["subject_id", "at", "id"], name="record_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.at:%Y-%m-%d %H:%M:%S}"


class RecordPayload(models.Model):
    """Names, prompts and free text of one record, with the salt of their digest."""

    record = models.OneToOneField(
        Record, models.PROTECT, related_name="payload", verbose_name=_("record")
    )
    salt = models.BinaryField(_("salt"), max_length=32, null=True)
    data = models.JSONField(_("personal text"), null=True)

    class Meta:
        verbose_name = _("payload")
        verbose_name_plural = _("payloads")

    def __str__(self) -> str:
        return str(self.record_id)
