"""What somebody wants done with images of the gallery."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.identifiers import uuid_of, uuid_to_look_up
from accounts.models import User
from generations.exports import file_names
from generations.gallery_filters import Filter
from generations.models import Campaign, Image, Tag
from generations.models.mark import MOST_STARS
from generations.tidying.chosen import MOST

ACTS = (
    *("star", "unstar", "rate", "tag", "untag", "campaign", "hide", "restore"),
    *("zip", "reference", "compare"),
)
LONGEST_LIST = 40 * MOST  # characters
NONE = "none"


@dataclass(frozen=True)
class Chosen:
    """The images that an act is about: these, or all that fit a filter."""

    uuids: tuple[Any, ...]
    filter: Filter | None = None


class TidyingForm(forms.Form):
    """An act, the images that it is about, and what else it needs.

    `image` may be given often, `images` is a list with commas. With `all`, the act is about all
    images that fit the filter `query`. A button of one image gives `star` or `unstar` instead of
    an act.
    """

    act = forms.CharField(max_length=20, required=False)
    star = forms.CharField(max_length=40, required=False)
    unstar = forms.CharField(max_length=40, required=False)
    images = forms.CharField(max_length=LONGEST_LIST, required=False)
    all = forms.BooleanField(required=False)
    query = forms.CharField(max_length=4000, required=False)
    campaign = forms.CharField(max_length=40, required=False)
    tag = forms.CharField(max_length=40, required=False)
    tagged = forms.CharField(max_length=40, required=False)
    rating = forms.IntegerField(min_value=0, max_value=MOST_STARS, required=False)
    names = forms.CharField(max_length=file_names.LONGEST_TEMPLATE, required=False)
    undo = forms.CharField(max_length=40, required=False)

    def __init__(self, data: QueryDict, *, user: User) -> None:
        super().__init__(data)
        self.user, self.given = user, data
        self.filter = Filter.of(QueryDict(str(data.get("query", ""))[:4000]))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for act in ("star", "unstar"):
            if one := values.get(act):
                values |= {"act": act, "images": one, "all": False}
        if values.get("act") not in ACTS:
            raise ValidationError(_("Choose what to do with the images."))
        if values["act"] == "restore" and values.get("undo"):
            return values
        values["chosen"] = self._chosen(values)
        check = getattr(self, f"_check_{values['act']}", None)
        if check:
            check(values)
        return values

    def _chosen(self, values: dict[str, Any]) -> Chosen:
        if values.get("all"):
            return Chosen((), self.filter)
        named = [] if values.get("star") or values.get("unstar") else self.given.getlist("image")
        named += filter(None, values.get("images", "").split(","))
        uuids = tuple(dict.fromkeys(filter(None, map(uuid_of, named))))
        if not uuids:
            raise ValidationError(_("Select at least one image first."))
        if len(uuids) > MOST:
            raise ValidationError(
                _("Select at most %(count)s images at a time.") % {"count": f"{MOST:,}"}
            )
        return Chosen(uuids)

    def _check_campaign(self, values: dict[str, Any]) -> None:
        named, campaigns = values.get("campaign"), Campaign.objects.visible_to(self.user)
        found = campaigns.filter(uuid=uuid_to_look_up(named or "")).first()
        if found is None and named != NONE:
            raise ValidationError(_("Choose a campaign of your team."))
        values["to_campaign"] = found

    def _check_tag(self, values: dict[str, Any]) -> None:
        values["tag"] = " ".join(values.get("tag", "").split())
        if not values["tag"]:
            raise ValidationError(_("Give the tag a name of at most 40 characters."))

    def _check_untag(self, values: dict[str, Any]) -> None:
        tags = Tag.objects.visible_to(self.user)
        found = tags.filter(uuid=uuid_to_look_up(values.get("tagged", ""))).first()
        if found is None:
            raise ValidationError(_("This tag does not exist any more."))
        values["from_tag"] = found

    def _check_rate(self, values: dict[str, Any]) -> None:
        if values.get("rating") is None:
            raise ValidationError(_("Choose 1 to 5 stars, or none."))

    def _check_zip(self, values: dict[str, Any]) -> None:
        try:
            values["names"] = file_names.check(values.get("names", ""))
        except file_names.BadTemplate as error:
            raise ValidationError(
                _("File names can't hold {%(field)s}. These fields exist: %(fields)s.")
                % {"field": error.field, "fields": ", ".join(file_names.FIELDS)}
            ) from error

    @property
    def undone(self) -> Any:
        """The moment at which what is to be restored was hidden; None if none is given."""
        try:
            moment = parse_datetime(self.cleaned_data.get("undo", ""))
        except ValueError:
            return None
        return moment if moment and moment.tzinfo else None

    def keys_of(self, uuids: tuple[Any, ...]) -> list[int]:
        """The primary keys of images of the team, in the order of `uuids`."""
        rows = Image.objects.filter(team_id=self.user.team_id, uuid__in=uuids)
        found = dict(rows.values_list("uuid", "pk"))
        return [found[uuid] for uuid in uuids if uuid in found]
