"""What is done with images of the gallery: with one, with those selected, with all that fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import access
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.phrases import sentences
from generations.exports.asking import ExportRefused
from generations.forms import TidyingForm
from generations.models import Image
from generations.paths import (
    FEWEST_COMPARED,
    MOST_COMPARED,
    compare_path,
    references_path,
)
from generations.providers import registry
from generations.reading import gallery
from generations.tidying import bin, campaigns, marks, packing, tags
from generations.views.rendering import is_partial, see_other

# They change what the whole team sees, or lead to what spends credits.
FOR_MAKERS = {"tag", "untag", "campaign", "hide", "restore", "reference"}

Keys = Sequence[int]


@dataclass(frozen=True)
class Done:
    """What is said after an act. `undo` is the moment that undoes it, `href` where to go on."""

    text: str
    undo: str = ""
    href: str = ""
    is_refused: bool = False


@require_POST
@access.checked
def act(request: SignedInRequest) -> HttpResponse:
    """Do something with images. For htmx, the answer is what is said about it."""
    form = TidyingForm(request.POST, user=request.user)
    if not form.is_valid():
        return _told(request, form, Done(str(next(iter(form.errors.values()))[0]), is_refused=True))
    name = form.cleaned_data["act"]
    if name in FOR_MAKERS and not access.may_make(request.user):
        raise PermissionDenied
    try:
        keys, is_all = _keys(form)
        done = _ACTS[name](request.user, keys, form.cleaned_data, form)
        if not is_all:
            done = replace(done, text=sentences(done.text, _older_left()))
    except (ExportRefused, tags.TooManyTags) as refused:
        done = Done(str(refused) or _too_many_tags(), is_refused=True)
    return _told(request, form, done)


def _keys(form: TidyingForm) -> tuple[Keys, bool]:
    """The keys of the images that the act is about; those that fit a filter are looked up now.

    The second value says whether these are all.
    """
    chosen = form.cleaned_data.get("chosen")
    if chosen is None:
        return [], True
    if chosen.filter is not None:
        found = gallery.all_that_fit(form.user, chosen.filter)
        return [image.id for image in found.images], found.is_all
    return form.keys_of(chosen.uuids), True


def _older_left() -> str:
    return _("Older images that match may be left. To go on, choose dates before these.")


def _told(request: SignedInRequest, form: TidyingForm, done: Done) -> HttpResponse:
    if is_partial(request):
        status = 422 if done.is_refused else 200
        context = {"done": done, "query": form.filter.as_query}
        return render(request, "generations/_gallery_done.html", context, status=status)
    if done.href:
        response = HttpResponseRedirect(done.href)
        response.status_code = 303
        return response
    if not done.undo:
        tell = messages.error if done.is_refused else messages.success
        tell(request, done.text)
    return see_other("gallery", **form.filter.given, undo=done.undo)


# --- Acts ----------------------------------------------------------------------------------------


def _star(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    count = marks.star(user, keys)
    return Done(ngettext("%(n)s image starred.", "%(n)s images starred.", count) % {"n": count})


def _unstar(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    count = marks.star(user, keys, on=False)
    text = ngettext("Star taken from %(n)s image.", "Star taken from %(n)s images.", count)
    return Done(text % {"n": count})


def _rate(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    count = marks.rate(user, keys, values["rating"])
    return Done(ngettext("%(n)s image rated.", "%(n)s images rated.", count) % {"n": count})


def _tag(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    count = tags.tag(user, keys, values["tag"])
    text = ngettext("%(n)s image tagged “%(tag)s”.", "%(n)s images tagged “%(tag)s”.", count)
    return Done(text % {"n": count, "tag": values["tag"]})


def _untag(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    found = values["from_tag"]
    name, count = found.name, tags.untag(user, keys, found)
    text = ngettext(
        "Tag “%(tag)s” taken from %(n)s image.", "Tag “%(tag)s” taken from %(n)s images.", count
    )
    return Done(text % {"n": count, "tag": name})


def _campaign(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    moved = campaigns.move(user, keys, values["to_campaign"])
    text = ngettext(
        "%(n)s image moved, with the other images of its run.",
        "%(n)s images moved, with the other images of their runs.",
        moved.count,
    ) % {"n": moved.count}
    if not moved.held:
        return Done(text)
    held = ngettext(
        "%(n)s image stays in its campaign, because there is a legal hold on it.",
        "%(n)s images stay in their campaigns, because there is a legal hold on them.",
        moved.held,
    ) % {"n": moved.held}
    return Done(f"{text} {held}" if moved.count else held, is_refused=not moved.count)


def _hide(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    hidden = bin.hide(user, keys)
    text = ngettext(
        "%(n)s image hidden. It stays in the bin for 30 days.",
        "%(n)s images hidden. They stay in the bin for 30 days.",
        hidden.count,
    )
    return Done(text % {"n": hidden.count}, undo=hidden.at.isoformat() if hidden.count else "")


def _restore(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    at = form.undone
    count = bin.restore_of(user, at) if at else bin.restore(user, keys)
    return Done(ngettext("%(n)s image restored.", "%(n)s images restored.", count) % {"n": count})


def _zip(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    if not packing.pack(user, keys, names=values["names"]):
        return _nothing_there()
    return Done("", href=reverse("zips"))


def _reference(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    engines = registry.engines().values()
    most = max((each.capabilities.max_references for each in engines), default=0)
    if not most:
        return Done(_("No engine that is set up takes references."), is_refused=True)
    if len(keys) > most:
        text = _("No engine takes more than %(count)s references. Select fewer images.")
        return Done(text % {"count": most}, is_refused=True)
    images = _shown(user, keys)
    return Done("", href=references_path(images)) if images else _nothing_there()


def _compare(user: User, keys: Keys, values: dict[str, Any], form: TidyingForm) -> Done:
    images = _shown(user, keys[: MOST_COMPARED + 1])
    if not FEWEST_COMPARED <= len(images) <= MOST_COMPARED:
        return Done(_("Select two to four images to compare them."), is_refused=True)
    return Done("", href=compare_path(images))


_ACTS: dict[str, Callable[[User, Keys, dict[str, Any], TidyingForm], Done]] = {
    "star": _star,
    "unstar": _unstar,
    "rate": _rate,
    "tag": _tag,
    "untag": _untag,
    "campaign": _campaign,
    "hide": _hide,
    "restore": _restore,
    "zip": _zip,
    "reference": _reference,
    "compare": _compare,
}


def _shown(user: User, keys: Keys) -> list[Any]:
    """The identifiers of those images that the person may see, in the order of `keys`."""
    found = dict(Image.objects.visible_to(user).filter(pk__in=keys).values_list("pk", "uuid"))
    return [found[key] for key in keys if key in found]


def _nothing_there() -> Done:
    return Done(_("None of these images is in the gallery any more."), is_refused=True)


def _too_many_tags() -> str:
    return _("Your team has %(count)s tags. Use one of them.") % {"count": tags.MOST_TAGS}
