"""Certificates whose keys others may have: withdrawn on record, and no proof from then on."""

import io
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts.audit import index
from accounts.events import Event
from accounts.models import Record
from generations import certificates, label_reading
from generations.certificates import authority as own_authority
from generations.certificates import making
from generations.labelling.inspecting.verdict import faults
from generations.labelling.manifests.credentials import TRUSTED, VALID
from generations.labelling.manifests.signing import C2paSigner, Certificate
from generations.models import LabelCertificate
from generations.reading.labels import lines_of
from tests.generations.certificates.test_given import Bought
from tests.generations.imaging.images import make_file

pytestmark = pytest.mark.django_db


def withdraw(reason="the back-up was stolen"):
    out, told = io.StringIO(), io.StringIO()
    call_command("rotate_label_key", "--compromised", "--reason", reason, stdout=out, stderr=told)
    return out.getvalue().strip(), told.getvalue()


def found_in(signed):
    return label_reading.look(signed.data, pixels=False).credentials


def signature_of(signed):
    layers = label_reading.look(signed.data, pixels=False)
    lines = lines_of(layers, zone=timezone.get_current_timezone())
    return next(line for line in lines if line.name.startswith("Signature"))


class TestOwn:
    def test_a_new_root_signs_and_the_old_one_vouches_for_nothing(self, sign):
        before = sign()

        printed, told = withdraw()

        after = sign()
        assert printed == after.certificate != before.certificate
        assert f"--certificate {before.certificate}" in told
        assert found_in(after).state == TRUSTED
        assert found_in(before).state == VALID
        assert found_in(before).withdrawn_at

    def test_it_is_on_record_with_the_reason(self, sign):
        before = sign()

        withdraw("a laptop was lost")

        record = Record.objects.get(event=Event.LABEL_CERTIFICATE_WITHDRAWN)
        assert record.facts["sha256"] == before.certificate
        assert "a laptop was lost" not in str(record.facts)
        assert "a laptop was lost" in str(index.data_of(record))

    def test_a_certificate_that_the_thief_makes_is_not_trusted(self, sign, facts):
        sign()
        row = LabelCertificate.objects.get()
        root = making.read_chain(row.chain)[-1]
        key = own_authority._key_of(root, "label-root", otherwise="root_missing")
        withdraw()
        chain, leaf_key = making.make_leaf(root, key, now=timezone.now())

        forged = forge(facts, chain, leaf_key)

        assert found_in(forged).state == VALID
        assert found_in(forged).withdrawn_at

    def test_older_roots_stand_in_the_same_folder_and_go_too(self, sign):
        first = sign()
        call_command("rotate_label_key", "--new-root", stdout=io.StringIO())

        withdraw()

        assert certificates.withdrawn().count() == 2
        assert found_in(first).withdrawn_at

    def test_people_read_when_and_what_it_means(self, sign):
        before = sign()
        assert signature_of(before).state == "Valid"

        withdraw()

        line = signature_of(before)
        assert (line.state, line.tone) == ("Certificate withdrawn", "warn")
        assert "Files stamped before remain good" in line.text
        assert "credentials_withdrawn" in faults(
            label_reading.look(before.data, pixels=False), signed=True
        )

    def test_a_time_stamp_from_before_is_named(self, sign, authority):
        before = sign()
        withdraw()
        assert "The time stamp is from before" in signature_of(before).text

        earlier = timezone.now() - timedelta(days=1)
        LabelCertificate.objects.exclude(withdrawn_at=None).update(withdrawn_at=earlier)

        assert "No time stamp shows" in signature_of(before).text

    def test_the_root_and_the_page_for_counsel_name_it(self, sign, client, superuser):
        before = sign()
        old = certificates.roots()
        withdraw()

        out = io.StringIO()
        call_command("label_root", stdout=out)
        client.force_login(superuser)
        page = client.get(reverse("label-law")).content.decode()

        assert out.getvalue().startswith("# Withdrawn on 20")
        assert old not in out.getvalue()
        assert certificates.roots() in out.getvalue()
        assert before.certificate in page

    def test_a_withdrawn_certificate_never_signs_again(self, sign):
        sign()
        withdraw()
        row = LabelCertificate.objects.order_by("-pk").first()
        row.begins_at += timedelta(days=300)  # made while the clock was ahead
        row.save()

        assert sign() is None


def forge(facts, chain, key):
    """What the thief of a root's key signs with a certificate of his own."""
    leaf, root = making.read_chain(chain)
    certificate = Certificate(chain, making.certificate_hash(leaf), partial(making.sign, key))
    return C2paSigner(certificate, making.pem(root)).sign(make_file("PNG"), facts, b"")


class TestGiven:
    def test_the_one_before_is_withdrawn_when_the_settings_name_a_new_one(
        self, keys, sign, settings
    ):
        old, new = Bought(), Bought()
        settings.LABEL_CHAIN, settings.LABEL_KEY = old.chain, old.key
        before = sign()
        settings.LABEL_CHAIN, settings.LABEL_KEY = new.chain, new.key
        sign()

        withdraw()

        assert [row.sha256 for row in certificates.withdrawn()] == [before.certificate]
        settings.LABEL_CHAIN, settings.LABEL_KEY = old.chain, old.key
        assert sign() is None

    def test_without_a_new_one_nothing_is_withdrawn(self, keys, sign, settings):
        only = Bought()
        settings.LABEL_CHAIN, settings.LABEL_KEY = only.chain, only.key
        sign()

        _printed, told = withdraw()

        assert "No other certificate" in told
        assert not certificates.withdrawn()


@pytest.mark.parametrize("arguments", [["--compromised"], ["--reason", "lost"], ["--reason", " "]])
def test_a_reason_and_the_word_go_together(sign, arguments):
    sign()
    if arguments == ["--reason", " "]:
        arguments = ["--compromised", *arguments]

    with pytest.raises(CommandError, match="--reason"):
        call_command("rotate_label_key", *arguments)

    assert LabelCertificate.objects.count() == 1
