"""Mail to admins: on commit, to each alone, and never a reason for the work to stop."""

import logging

import pytest
from django.core import mail
from django.db import transaction

from accounts.alerts import alert_admins
from tests.factories import make_user

SECRET = "sk-not-for-logs"


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.mark.django_db
class TestAlertAdmins:
    def test_every_active_admin_gets_a_message_of_their_own(self, admin, alice, on_commit):
        second = make_user(groups=["admins"])
        gone = make_user(groups=["admins"], is_active=False)
        with on_commit():
            alert_admins("The balance is low", "Top it up.")
        assert sorted(message.to for message in mail.outbox) == sorted(
            [[admin.email], [second.email]]
        )
        assert {message.subject for message in mail.outbox} == {"The balance is low"}
        assert {message.body for message in mail.outbox} == {"Top it up."}
        assert gone.email not in str([message.recipients() for message in mail.outbox])

    def test_a_subject_is_one_line(self, admin, on_commit):
        with on_commit():
            alert_admins("The balance\nis low", "Top it up.")
        assert mail.outbox[0].subject == "The balance is low"

    def test_nothing_is_mailed_where_mail_is_not_set_up(self, admin, on_commit, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        with on_commit() as callbacks:
            alert_admins("The balance is low", "Top it up.")
        assert callbacks == []

    def test_a_mail_server_that_refuses_is_logged_without_contents(
        self, admin, on_commit, settings, caplog
    ):
        settings.EMAIL_BACKEND = "tests.accounts.test_alerts.RefusingBackend"
        with caplog.at_level(logging.WARNING), on_commit():
            alert_admins(SECRET, SECRET)
        assert "could not be mailed: ConnectionRefusedError" in caplog.text
        assert SECRET not in caplog.text
        assert admin.email not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_what_did_not_happen_is_not_told(admin):
    with transaction.atomic():
        alert_admins("The balance is low", "Top it up.")
        transaction.set_rollback(True)
    assert mail.outbox == []


class RefusingBackend:
    def __init__(self, **options):
        pass

    def send_messages(self, messages):
        raise ConnectionRefusedError(messages[0].body)
