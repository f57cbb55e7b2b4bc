"""The audit log's rows: a record and, separate from it, the personal text that may be erased.

A record is never changed. Its `leaf` is the hash of its canonical bytes. These hold only a digest
of the payload, so the record can still be proven when the payload is erased (see `accounts.audit`).
"""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.events import event_choices
from accounts.models.team import Team


class Record(models.Model):
    """One act: who did what to which thing, when, with which facts."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    version = models.PositiveSmallIntegerField(_("version of the canonical form"), default=1)
    at = models.DateTimeField(_("time"))
    event = models.CharField(_("event"), max_length=40, choices=event_choices)
    # A foreign key for pages and filters. The canonical bytes hold only the person's identifier.
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
    # The teams of both at that time, by their identifiers. Records of version 1 have none.
    actor_team = models.UUIDField(_("team of the person"), null=True, blank=True)
    subject_team = models.UUIDField(_("team of the subject"), null=True, blank=True)
    # The identifier of the run that this record belongs to. It is in `facts` too.
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
            models.Index(fields=["story", "at", "id"], name="record_by_story"),
            # For what became of runs, without reading how often their stories were read.
            models.Index(fields=["story", "event", "id"], name="record_by_story_and_event"),
            models.Index(fields=["subject_id", "at", "id"], name="record_by_subject"),
            # For those who read the whole log; `RecordTeam` serves all others.
            models.Index(fields=["event", "-at", "-id"], name="record_by_event"),
            # First, because SQLite takes these two for equally good, and uses the older one.
            models.Index(
                fields=["actor", "event", "-at", "-id"],
                condition=models.Q(actor__isnull=False),
                name="record_by_actor_and_event",
            ),
            models.Index(
                fields=["actor", "-at", "-id"],
                condition=models.Q(actor__isnull=False),
                name="record_by_actor",
            ),
        ]
        permissions = [("read_whole_log", _("Can read the whole log"))]

    def __str__(self) -> str:
        return f"{self.event} {self.at:%Y-%m-%d %H:%M:%S}"


class RecordTeam(models.Model):
    """A team whose reviewers may see a record. Append-only: triggers refuse any change.

    `accounts.audit` writes it with the record, so that nobody can hide an act by changing teams
    afterwards. Without a team, the reviewers of every team see the record; only records of version
    1 have such a row. Time, event and person are copied from the record, so that one index here
    serves each filter of the log.
    """

    record = models.ForeignKey(
        Record, models.PROTECT, db_index=False, related_name="teams", verbose_name=_("record")
    )
    # No constraint, because the log outlives a team and its rows cannot be changed or deleted.
    team = models.ForeignKey(
        Team,
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("team"),
    )
    at = models.DateTimeField(_("time"))
    event = models.CharField(_("event"), max_length=40, choices=event_choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("person"),
    )
    # The row was added later, by the teams of that moment (`generations.catch_up`).
    team_inferred = models.BooleanField(_("team inferred"), default=False)

    class Meta:
        verbose_name = _("team of a record")
        verbose_name_plural = _("teams of records")
        indexes = [
            models.Index(fields=["team", "-at", "-record"], name="recordteam_newest"),
            models.Index(fields=["team", "event", "-at", "-record"], name="recordteam_by_event"),
            # Most records are of the studio's own steps and have no actor.
            models.Index(
                fields=["team", "actor", "-at", "-record"],
                condition=models.Q(actor__isnull=False),
                name="recordteam_by_actor",
            ),
            models.Index(
                fields=["team", "actor", "event", "-at", "-record"],
                condition=models.Q(actor__isnull=False),
                name="recordteam_by_both",
            ),
            # PostgreSQL reads `team IS NULL` in order only from an index whose condition it is.
            models.Index(
                fields=["-at", "-record"],
                condition=models.Q(team__isnull=True),
                name="recordteam_of_every_team",
            ),
            models.Index(
                fields=["event", "-at", "-record"],
                condition=models.Q(team__isnull=True),
                name="recordteam_of_every_by_event",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["record", "team"], name="recordteam_once"),
            models.UniqueConstraint(
                fields=["record"],
                condition=models.Q(team__isnull=True),
                name="recordteam_every_team_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} {self.team_id}"


class EmptiedPayload(models.Model):
    """Which record of an erasure names a record whose payload was emptied, to find it again.

    Whoever relies on it reads the record of the erasure.
    """

    record = models.OneToOneField(
        Record, models.PROTECT, primary_key=True, related_name="+", verbose_name=_("record")
    )
    erasure = models.ForeignKey(
        Record, models.PROTECT, related_name="+", verbose_name=_("record of the erasure")
    )

    class Meta:
        verbose_name = _("emptied payload")
        verbose_name_plural = _("emptied payloads")

    def __str__(self) -> str:
        return str(self.record_id)


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
