"""What the label of an image says, by what its run was made from."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from generations.jobs.execution import renditions
from generations.labelling import Source
from generations.models import Image, Reference, RunReference
from tests.generations.factories import (
    make_finished_run,
    make_generation,
    make_image,
    make_reference,
    make_run,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def run_with(alice):
    """A run that was given these references."""

    def make(*references):
        run = make_run(alice)
        for position, reference in enumerate(references):
            RunReference.objects.create(run=run, reference=reference, position=position)
        return run

    return make


def as_reference(image, **changes):
    for name, value in changes.items():
        setattr(image, name, value)
    image.save()
    return make_reference(image.run.user, image=image, rights=Reference.Rights.GENERATED)


@pytest.fixture
def ours(alice):
    return make_finished_run(alice).images.get()


class TestSourceType:
    def test_an_image_from_words_alone_is_generated(self, run_with):
        assert renditions.source_of(run_with()) == Source.GENERATED

    @pytest.mark.parametrize("rights", Reference.Rights)
    def test_an_image_from_an_upload_is_a_composite_whatever_is_declared(
        self, run_with, alice, rights
    ):
        upload = make_reference(alice, rights=rights)

        assert renditions.source_of(run_with(upload)) == Source.COMPOSITE

    def test_an_image_from_a_generated_one_is_generated(self, run_with, ours):
        assert renditions.source_of(run_with(as_reference(ours))) == Source.GENERATED

    @pytest.mark.parametrize("source", [Source.COMPOSITE, Source.ENHANCED])
    def test_a_photograph_stays_one_through_an_image_of_ours(self, run_with, ours, source):
        reference = as_reference(ours, source_type=source)

        assert renditions.source_of(run_with(reference)) == Source.COMPOSITE

    def test_one_upload_among_several_is_enough(self, run_with, ours, alice):
        run = run_with(as_reference(ours), make_reference(alice))

        assert renditions.source_of(run) == Source.COMPOSITE


def test_images_of_before_get_their_source_type(run_with, ours, alice):
    """The migration finds those from uploads, and those that were made from these in turn."""

    def made_from(*references):
        generation = make_generation(run_with(*references))
        return make_image(generation, files=False)

    first = made_from(make_reference(alice))
    second = made_from(as_reference(first))
    third = made_from(as_reference(second), as_reference(ours))
    other = made_from(as_reference(ours))

    migration = import_module("generations.migrations.0029_label_policies")
    migration.find_composites(apps, connection.schema_editor(collect_sql=True))

    found = Image.objects.filter(source_type=Source.COMPOSITE)
    assert set(found) == {first, second, third}
    assert other not in found


class TestFacts:
    def test_name_the_references_by_hash_and_ours_by_id(self, run_with, ours, alice):
        upload = make_reference(alice)
        ours.generation.run = run_with(as_reference(ours), upload)

        facts = renditions.label_facts(ours.generation, ours)

        assert [each.image_id for each in facts.references] == [str(ours.uuid), None]
        assert facts.references[1].sha256 == upload.sha256

    def test_the_time_is_that_at_which_the_image_came(self, ours):
        facts = renditions.label_facts(ours.generation, ours)

        assert facts.made_at == ours.delivery.created_at

    def test_the_record_says_it_in_words(self, ours):
        ours.source_type = Source.COMPOSITE

        words = renditions.label_in_words(ours)

        assert words["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
        assert words["made_at"] == ours.delivery.created_at.isoformat()
        assert all(isinstance(word, str) for word in words.values())
