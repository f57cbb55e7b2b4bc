"""Notices by mail: one message for each admin, and a failure stops nothing."""

import logging

import pytest
from django.core import mail
from django.db import transaction

from accounts import notices
from generations.notice_kinds import KEY_NEEDS_CARE
from tests.factories import make_user

SECRET = "sk-not-for-logs"


def tell(subject, text):
    notices.tell(KEY_NEEDS_CARE, cause=subject, facts={"subject": subject, "text": text})


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.mark.django_db
class TestMail:
    def test_every_active_admin_gets_a_message_of_their_own(self, admin, alice, on_commit):
        second = make_user(groups=["admins"])
        gone = make_user(groups=["admins"], is_active=False)
        with on_commit():
            tell("The balance is low", "Top it up.")
        assert sorted(message.to for message in mail.outbox) == sorted(
            [[admin.email], [second.email]]
        )
        assert {message.subject for message in mail.outbox} == {"The balance is low"}
        assert {message.body for message in mail.outbox} == {"The balance is low\n\nTop it up."}
        assert gone.email not in str([message.recipients() for message in mail.outbox])

    def test_the_notice_is_shown_in_the_app_too(self, admin):
        tell("The balance is low", "Top it up.")
        [shown] = notices.notices_for(admin)
        assert (shown.title, shown.to_do) == ("The balance is low", "Top it up.")

    def test_a_subject_is_one_line(self, admin, on_commit):
        with on_commit():
            tell("The balance\nis low", "Top it up.")
        assert mail.outbox[0].subject == "The balance is low"

    def test_nothing_is_mailed_where_mail_is_not_set_up(self, admin, on_commit, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        with on_commit() as callbacks:
            tell("The balance is low", "Top it up.")
        assert callbacks == []

    def test_a_mail_server_that_refuses_is_logged_without_contents(
        self, admin, on_commit, settings, caplog
    ):
        settings.EMAIL_BACKEND = "tests.accounts.test_notice_mail.RefusingBackend"
        with caplog.at_level(logging.WARNING), on_commit():
            tell(SECRET, SECRET)
        assert "could not be mailed: ConnectionRefusedError" in caplog.text
        assert SECRET not in caplog.text
        assert admin.email not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_nothing_is_mailed_after_a_rollback(admin):
    with transaction.atomic():
        tell("The balance is low", "Top it up.")
        transaction.set_rollback(True)
    assert mail.outbox == []


class RefusingBackend:
    def __init__(self, **options):
        pass

    def send_messages(self, messages):
        raise ConnectionRefusedError(messages[0].body)
