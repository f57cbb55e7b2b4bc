"""What belongs to a person, a run or an image that is erased, and what forbids to erase it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from generations import holds
from generations.erasing.troubles import GONE, HELD, STILL_ACTIVE, UNFINISHED, ErasureRefused
from generations.models import (
    Delivery,
    Erasure,
    Generation,
    Image,
    Reference,
    RetentionRule,
    Run,
    RunReference,
)

Scope = Erasure.Scope
MODELS: dict[str, Any] = {
    Scope.PERSON: User,
    Scope.RUN: Run,
    Scope.IMAGE: Image,
    Scope.RULE: RetentionRule,
}
ON_ITS_WAY = (Delivery.Status.PENDING, Delivery.Status.FETCHED)


@dataclass(frozen=True)
class Target:
    """A person, run or image, and whether pictures are erased with the texts."""

    scope: str
    row: Any
    pictures: bool

    @property
    def story(self) -> UUID | None:
        """The run to whose story the records about erasing it belong."""
        if self.scope == Scope.RUN:
            return self.row.uuid
        return self.row.run.uuid if self.scope == Scope.IMAGE else None

    @property
    def runs(self) -> QuerySet[Run]:
        """The runs whose texts are erased."""
        if self.scope == Scope.PERSON:
            return Run.objects.filter(user=self.row)
        return Run.objects.filter(pk=self.row.pk) if self.scope == Scope.RUN else Run.objects.none()

    @property
    def images(self) -> QuerySet[Image]:
        """The images whose files are erased."""
        if self.scope == Scope.IMAGE:
            return Image.objects.filter(pk=self.row.pk)
        return Image.objects.filter(run__in=self.runs) if self.pictures else Image.objects.none()

    @property
    def deliveries(self) -> QuerySet[Delivery]:
        """The deliveries whose originals are erased, because a provider may have written the
        prompt into them."""
        if self.scope == Scope.IMAGE:
            return Delivery.objects.filter(pk=self.row.delivery_id)
        return Delivery.objects.filter(generation__run__in=self.runs)

    @property
    def uploads(self) -> QuerySet[Reference]:
        """The uploads whose files are erased: of a run, those that no other run uses."""
        if not self.pictures or self.scope == Scope.IMAGE:
            return Reference.objects.none()
        uploads = Reference.objects.filter(image__isnull=True)
        if self.scope == Scope.PERSON:
            return uploads.filter(owner=self.row)
        return unused_uploads(self.runs)

    @property
    def records(self) -> list[Q]:
        """The records whose payloads are emptied, as conditions on `RecordPayload`."""
        if self.scope == Scope.IMAGE:
            return [Q(record__subject_id=self.row.uuid)]
        if self.scope == Scope.RUN:
            uploads = RunReference.objects.filter(run=self.row, reference__in=self.uploads)
            return [
                Q(record__story=self.row.uuid),
                Q(record__subject_id=self.row.uuid),
                Q(record__subject_id__in=uploads.values("reference__uuid")),
            ]
        references = Reference.objects.filter(owner=self.row)
        return [
            Q(record__actor=self.row),
            Q(record__subject_id=self.row.uuid),
            Q(record__story__in=self.runs.values("uuid")),
            Q(record__subject_id__in=references.values("uuid")),
        ]

    def check(self) -> None:
        """Raise ErasureRefused if it may not be erased now."""
        if self._is_held():
            raise ErasureRefused(HELD)
        if (
            self.scope == Scope.PERSON
            and User.objects.filter(pk=self.row.pk, is_active=True).exists()
        ):
            raise ErasureRefused(STILL_ACTIVE)
        if self._is_unfinished():
            raise ErasureRefused(UNFINISHED)

    def _is_held(self) -> bool:
        if self.scope == Scope.IMAGE:
            return self.images.filter(holds.covers_image()).exists()
        is_held = self.scope == Scope.PERSON and holds.is_held(holds.Scope.PERSON, self.row.uuid)
        return is_held or self.runs.filter(holds.covers_run()).exists()

    def _is_unfinished(self) -> bool:
        if self.scope == Scope.IMAGE:
            return Run.objects.filter(may_get_images(), pk=self.row.run_id).exists()
        awaited = Reference.objects.filter(status=Reference.Status.PENDING)
        mine = Q(owner=self.row) if self.scope == Scope.PERSON else Q(pk__in=self.uploads)
        is_awaited = self.runs.filter(may_get_images()).exists()
        return is_awaited or awaited.filter(mine).exists()


def target_of(scope: str, identifier: UUID, *, pictures: bool) -> Target:
    """The person, run or image with this identifier. Raises ErasureRefused if there is none."""
    rows = MODELS[scope].objects
    if scope == Scope.IMAGE:
        rows = rows.select_related("run")
    if row := rows.filter(uuid=identifier).first():
        return Target(scope, row, pictures or scope == Scope.IMAGE)
    raise ErasureRefused(GONE)


def may_get_images() -> Q:
    """A condition on `Run`: an image may still arrive for it."""
    generations = Generation.objects.filter(run=OuterRef("pk"))
    late = generations.filter(may_arrive_until__gt=timezone.now())
    on_its_way = Delivery.objects.filter(generation__run=OuterRef("pk"), status__in=ON_ITS_WAY)
    return Q(open__gt=0) | Q(unknown__gt=0) | Q(Exists(late)) | Q(Exists(on_its_way))


def unused_uploads(runs: Any) -> QuerySet[Reference]:
    """The uploads of `runs` that no other run uses."""
    used = RunReference.objects.filter(reference=OuterRef("pk"))
    return Reference.objects.filter(
        Exists(used.filter(run__in=runs)),
        ~Exists(used.exclude(run__in=runs)),
        image__isnull=True,
    )
