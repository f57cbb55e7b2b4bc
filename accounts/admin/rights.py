"""Who may change whom in the admin: nobody gains a right that they neither have nor may give.

Superusers may do everything. An admin who is not a superuser:
- can't reach superusers, who are not in the lists, so no form and no action finds them;
- can add people to members and admins, but can't change who is a reviewer or an auditor;
- can't change their own groups, active state or team;
- can't take over an account with more rights, by its e-mail address or by a sign-in link.
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


def fixed_for_oneself(actor: User) -> list[str]:
    """The fields of their own account that `actor` can't change.

    The team decides whose images a person sees, so only a superuser may change their own team.
    """
    fields = ["is_active", "groups", "is_superuser", "user_permissions"]
    return fields if actor.is_superuser else [*fields, "team"]


def is_above(person: User, actor: User) -> bool:
    """Whether `person` has rights that `actor` neither has nor may give.

    For a deactivated person, the rights count that they would have if active, because one tick
    activates them again.
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
