"""Records for rows that a factory made, saying what the rows say."""

from accounts.events import Event
from accounts.models import Record
from generations.models import Run
from tests.records import write


def tell(run: Run) -> Record:
    """Write the records of a finished run's submission and images; returns the first one."""
    submitted = write(
        Event.RUN_SUBMITTED,
        actor=run.user,
        subject=run,
        story=run.uuid,
        facts={
            "engine": run.engine,
            "images": run.wanted,
            "options": run.options,
            "generations": [str(each.uuid) for each in run.generations.all()],
            "references": [_about(each.reference) for each in run.run_references.all()],
            "campaign": None,
        },
        personal={"prompt": run.prompt, "negative_prompt": None},
    )
    for image in run.images.all():
        _tell_of_image(image)
    return submitted


def _about(reference):
    return {
        "reference": str(reference.uuid),
        "sha256": reference.upload_sha256 or reference.sha256,
        "rights": str(reference.rights),
        "image": str(reference.image.uuid) if reference.image else None,
    }


def _tell_of_image(image):
    files = list(image.renditions.all())
    write(
        Event.IMAGE_STORED,
        actor=None,
        subject=image,
        story=image.run.uuid,
        facts={
            "generation": str(image.generation.uuid),
            "position": image.position,
            "width": image.width,
            "height": image.height,
            "format": image.format,
            "model": image.generation.model,
            "original_sha256": image.original_sha256,
            "renditions": {row.recipe: row.sha256 for row in files},
            "label_version": files[0].label_version,
        },
    )
