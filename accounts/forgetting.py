"""Erases who a person is: name, addresses, sessions and the texts about them outside the log.

The row stays, because runs and records refer to it.
"""

from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q

from accounts import personal_notices, sessions
from accounts.models import (
    Allowance,
    CreditRequest,
    Entry,
    PlannedQuota,
    Reading,
    SavedSearch,
    User,
)
from accounts.models.notice import Notice, NoticeMute, NoticeReading

# No mail can reach it (RFC 2606, section 2).
DOMAIN = "erased.invalid"
NAME = "Erased person"


def is_forgotten(person: User) -> bool:
    """Whether this person was erased before."""
    return person.email.endswith(f"@{DOMAIN}")


@transaction.atomic
def forget(person: User) -> None:
    """Replace name and address, take every right away, and end all sessions and links."""
    sessions.end_all(person)
    _delete_sessions(person)
    short = person.uuid.hex[:12]
    person.name, person.email = f"{NAME} {short}", f"{short}@{DOMAIN}"
    person.language = person.time_zone = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.set_unusable_password()
    person.save()
    person.groups.clear()
    person.user_permissions.clear()
    EmailAddress.objects.filter(user=person).delete()
    NoticeReading.objects.filter(user=person).delete()
    NoticeMute.objects.filter(user=person).delete()
    Notice.objects.filter(cause__startswith=str(person.uuid)).delete()  # their facts hold the name
    personal_notices.forget(person)
    SavedSearch.objects.filter(user=person).delete()
    CreditRequest.objects.filter(user=person).update(note="", draft={}, word="")
    CreditRequest.objects.filter(decided_by=person).update(word="")
    Reading.objects.filter(author=person).delete()
    _forget_in_the_admin(person)
    _empty_reasons(Q(allowance__user=person) | Q(actor=person))


def empty_reasons_of(generations: list) -> None:
    """Empty the reasons of the entries of these generations, given by their identifiers."""
    _empty_reasons(Q(generation__in=generations))


def tables() -> list[str]:
    """The tables that this module changes."""
    models = (User, EmailAddress, SavedSearch, Entry, LogEntry, Notice)
    return [model._meta.db_table for model in (*models, sessions.Session, sessions.UserSession)]


def _empty_reasons(entries: Q) -> None:
    # Only those with a reason: the database refuses to change any other.
    Entry.objects.filter(entries).exclude(reason="").update(reason="")


def _delete_sessions(person: User) -> None:
    """Delete the sessions that `UserSession` lacks. They have ended, but hold the address."""
    for session in sessions.Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(person.pk):
            session.delete()


def _forget_in_the_admin(person: User) -> None:
    """Django's own list of recent actions names what was changed, also by other people."""
    rows = {
        User: User.objects.filter(pk=person.pk),
        Allowance: Allowance.objects.filter(user=person),
        PlannedQuota: PlannedQuota.objects.filter(user=person),
    }
    for model, about_person in rows.items():
        keys = [str(key) for key in about_person.values_list("pk", flat=True)]
        kind = ContentType.objects.get_for_model(model)
        about = LogEntry.objects.filter(content_type=kind, object_id__in=keys)
        about.update(object_repr=NAME, change_message="")
