"""Who may touch whom in the admin: nobody reaches a right they neither have nor may give.

Superusers may everything. An admin who is none:
- meets no superuser: they are not in the lists, so no form and no action finds them;
- gives members and admins, never reviewers, and takes reviewers from nobody;
- changes neither their own groups nor whether they are active;
- cannot take over an account with more rights, by its e-mail address or by a sign-in link.
"""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from accounts.groups import ADMINS, MEMBERS
from accounts.models import User


def reachable_people(actor: User) -> Q:
    return Q() if actor.is_superuser else Q(is_superuser=False)


def givable_groups(actor: User) -> QuerySet[Group]:
    groups = Group.objects.order_by("name")
    return groups if actor.is_superuser else groups.filter(name__in=(MEMBERS, ADMINS))


def is_above(person: User, actor: User) -> bool:
    """Whether `person` has rights that `actor` neither has nor may give.

    Counts what a deactivated person would have again: one tick brings them back.
    """
    if actor.is_superuser or actor == person:
        return False
    if person.is_superuser:
        return True
    reached = Q(group__in=givable_groups(actor)) | _held_by(actor)
    beyond = Permission.objects.filter(_held_by(person)).exclude(
        pk__in=Permission.objects.filter(reached).values("pk")
    )
    return beyond.exists()


def _held_by(user: User) -> Q:
    return Q(group__user=user) | Q(user=user)
