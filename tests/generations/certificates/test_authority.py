"""The studio's own certificates: made once, kept private, renewed, rotated, on the record."""

import dataclasses
import io
import stat
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import notices
from accounts.events import Event
from accounts.models import Record
from generations import certificates
from generations.certificates import authority, making
from generations.labelling.manifests.credentials import TRUSTED
from generations.models import LabelCertificate
from generations.notice_kinds import CERTIFICATE_ENDS, IMAGES_UNSIGNED

pytestmark = pytest.mark.django_db


def files(keys, kind):
    return sorted(path for path in keys.glob("*.key") if ("root" in path.name) == (kind == "root"))


def causes(kind=IMAGES_UNSIGNED):
    return {cause for _kind, cause in notices.lasting([kind])}


def newest():
    return LabelCertificate.objects.order_by("-pk").first()


def move(days):
    """Let the newest certificate begin and end that much later, by its row."""
    row = newest()
    row.begins_at += timedelta(days=days)
    row.ends_at += timedelta(days=days)
    row.save()


class TestFirst:
    def test_is_made_on_first_need_for_its_owner_alone(self, keys, sign):
        assert not keys.exists()
        sign()

        for path in (*files(keys, "root"), *files(keys, "leaf")):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(list(keys.iterdir())) == 2
        assert stat.S_IMODE(keys.stat().st_mode) == 0o700

    def test_is_the_same_ever_after(self, sign, credentials_of):
        first, second = sign(), sign()

        assert first.certificate == second.certificate == LabelCertificate.objects.get().sha256
        assert credentials_of(first).state == TRUSTED
        assert credentials_of(first).serial == newest().serial

    def test_lasts_a_year_below_a_root_that_lasts_longer(self, sign):
        sign()

        leaf, root = making.read_chain(newest().chain)
        assert newest().ends_at - timezone.now() <= timedelta(days=365)
        assert root.not_valid_after_utc - timezone.now() > timedelta(days=19 * 365)
        assert making.is_fit(leaf)

    def test_is_on_record(self, sign):
        sign()

        root = Record.objects.get(event=Event.LABEL_ROOT_ADDED)
        certificate = Record.objects.get(event=Event.LABEL_CERTIFICATE_ADDED)
        assert certificate.facts["sha256"] == newest().sha256
        assert root.facts["sha256"] == making.certificate_hash(
            making.read_chain(newest().chain)[-1]
        )

    def test_names_the_studio_and_nobody(self, sign, settings):
        settings.PUBLIC_HOST = "studio.example"
        sign()

        leaf, _root = making.read_chain(newest().chain)
        assert leaf.subject.rfc4514_string().endswith("O=studio.example")

    def test_in_a_folder_that_cannot_be_written(self, keys, sign):
        keys.write_text("in the way")

        assert sign() is None
        assert causes() == {"key_unwritable"}
        assert not LabelCertificate.objects.exists()


def test_nothing_is_signed_or_made_when_a_setting_says_so(keys, sign, settings):
    settings.LABEL_SIGNING = False

    assert sign() is None
    assert not keys.exists()
    assert causes() == set()


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_one_makes_the_certificate(keys):
    gate = threading.Barrier(3)

    def begin():
        try:
            gate.wait(30)
            authority.current()
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LabelCertificate.objects.count() == 1
    assert len(list(keys.glob("*.key"))) == 2
    assert certificates.signer()


class TestLost:
    """Images are made without a signature, and admins are told why until it is mended."""

    @pytest.mark.parametrize(
        ("content", "code"),
        [(None, "key_missing"), (b"", "key_damaged"), (b"x" * 5000, "key_damaged")],
    )
    def test_the_key(self, keys, sign, content, code):
        sign()
        (path,) = files(keys, "leaf")
        kept = path.read_bytes()
        path.unlink()
        if content is not None:
            path.write_bytes(content)

        assert sign() is None
        assert causes() == {code}
        path.write_bytes(kept)
        assert sign()
        assert causes() == set()

    def test_a_key_of_another_certificate(self, keys, sign):
        sign()
        (path,) = files(keys, "leaf")
        path.write_bytes(files(keys, "root")[0].read_bytes())

        assert sign() is None
        assert causes() == {"key_damaged"}

    def test_both_keys_and_a_new_root_after_that(self, keys, sign, credentials_of):
        before = sign()
        for path in keys.iterdir():
            path.unlink()
        assert sign() is None

        call_command("rotate_label_key", stdout=io.StringIO())

        after = sign()
        assert causes() == set()
        assert {credentials_of(each).state for each in (before, after)} == {TRUSTED}
        assert certificates.roots().count("BEGIN CERTIFICATE") == 2


class TestRotation:
    def test_a_new_key_signs_and_the_old_files_stay_valid(self, sign, credentials_of):
        before = sign()
        out = io.StringIO()

        call_command("rotate_label_key", stdout=out)

        after = sign()
        assert out.getvalue().strip() == after.certificate != before.certificate
        assert {credentials_of(each).state for each in (before, after)} == {TRUSTED}
        assert certificates.roots().count("BEGIN CERTIFICATE") == 1
        assert Record.objects.filter(event=Event.LABEL_CERTIFICATE_ADDED).count() == 2
        assert Record.objects.filter(event=Event.LABEL_ROOT_ADDED).count() == 1

    def test_with_a_new_root(self, sign, credentials_of):
        before = sign()

        call_command("rotate_label_key", "--new-root", stdout=io.StringIO())

        after = sign()
        assert {credentials_of(each).state for each in (before, after)} == {TRUSTED}
        assert Record.objects.filter(event=Event.LABEL_ROOT_ADDED).count() == 2

    def test_the_other_key_is_still_good_for_a_signature_that_has_begun(
        self, keys, facts, credentials_of
    ):
        from tests.generations.imaging.images import make_file

        signer = certificates.signer()
        authority.rotate()

        signed = signer.sign(make_file("PNG"), facts, b"")

        assert credentials_of(signed).state == TRUSTED


class TestRenewal:
    def test_comes_long_before_the_end(self, sign):
        first = sign()
        row = newest()
        row.ends_at = timezone.now() + authority.RENEW_BEFORE - timedelta(hours=1)
        row.save()

        second = sign()

        assert second.certificate != first.certificate
        assert newest().sha256 == second.certificate
        assert certificates.roots().count("BEGIN CERTIFICATE") == 1

    def test_without_the_key_of_the_root_admins_are_told_in_time(self, keys, sign):
        sign()
        row = newest()
        row.ends_at = timezone.now() + timedelta(days=50)
        row.save()
        (root,) = files(keys, "root")
        kept = root.read_bytes()
        root.unlink()

        assert sign().certificate == row.sha256
        assert causes(CERTIFICATE_ENDS) == {row.sha256}
        assert causes() == set()
        root.write_bytes(kept)
        assert sign().certificate != row.sha256
        assert causes(CERTIFICATE_ENDS) == set()

    def test_without_the_key_of_the_root_and_after_the_end(self, keys, sign):
        sign()
        move(-400)
        files(keys, "root")[0].unlink()

        assert sign() is None
        assert causes() == {"root_missing"}


class TestClock:
    def test_a_year_behind(self, sign):
        sign()
        move(365)  # to this machine, the certificate begins in a year

        assert sign() is None
        assert causes() == {"clock_behind"}

    def test_that_was_a_year_ahead(self, keys, sign):
        """What was made for the wrong time is passed over until that time comes."""
        first = sign()
        call_command("rotate_label_key", stdout=io.StringIO())
        move(365)

        assert sign().certificate == first.certificate

    def test_a_year_ahead(self, sign):
        """The certificate has ended: there is a new one."""
        first = sign()
        move(-400)

        assert sign().certificate != first.certificate


class TestRoot:
    def test_is_printed(self, sign):
        sign()
        out = io.StringIO()

        call_command("label_root", stdout=out)

        root = making.read_chain(newest().chain)[-1]
        assert out.getvalue() == making.pem(root)

    def test_there_is_none_before_the_first_image(self, keys):
        with pytest.raises(CommandError, match="no root yet"):
            call_command("label_root")


def test_what_can_not_be_signed_is_not_lost(keys, facts):
    from tests.generations.imaging.images import make_file

    signer = certificates.signer()
    certificate = dataclasses.replace(signer.signer.certificate, private="no key")
    broken = certificates.StudioSigner(dataclasses.replace(signer.signer, certificate=certificate))
    data = make_file("PNG")

    unsigned = broken.sign(data, facts, b"")

    assert (unsigned.data, unsigned.certificate) == (data, "")
    assert causes() == {"refused"}
    assert signer.sign(data, facts, b"").certificate
    assert causes() == set()
