"""The filters of the log, as they stand in the URL."""

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.audit.index import REFUSED, SHORTEST_HASH
from accounts.audit.searching import Asked
from accounts.events import Event
from accounts.identifiers import uuid_of
from accounts.models import SavedSearch, Team, User
from accounts.phrases import pair
from accounts.search import read_query
from generations.downloads import image_named
from generations.forms.fields import LongSelect
from generations.models import Campaign
from generations.providers import registry
from generations.states import RunStatus

LONGEST_WORDS = 1000  # characters
LONGEST_VALUE = 1200
LONGEST_NUMBER = 15  # digits; every key is below 10 ** 15
# A list with more entries than this becomes a field in which one writes.
MOST_CHOICES = 200
NOBODY = 0
DAYS = (dt.date(2000, 1, 1), dt.date(2999, 12, 31))
MODES = ("programs", "steps")
MAIN = ("q", "person", "event", "from", "to")
_NUMBER = re.compile(rf"#?\d{{1,{LONGEST_NUMBER}}}", re.ASCII)
_HASH = re.compile(rf"[0-9a-f]{{{SHORTEST_HASH},64}}")
_DATE = {"class": "filter", "type": "date"}


@lru_cache(maxsize=10)
def _events(language: str | None) -> list[tuple[str, str]]:
    """Every event and its name in this language, which is the active one."""
    return [("", str(_("All events"))), *((value, str(label)) for value, label in Event.choices)]


class LogForm(forms.Form):
    """What is searched for in the log. `asked` returns it when the form is valid.

    People who read the whole log may choose among all people and teams, others among their team.
    """

    q = forms.CharField(label=_("Words"), max_length=LONGEST_WORDS, required=False)
    person = forms.CharField(label=_("Person"), max_length=254, required=False)
    event = forms.ChoiceField(
        label=_("Event"),
        choices=lambda: _events(get_language()),
        required=False,
        widget=LongSelect(is_kept=True),
        error_messages={"invalid_choice": _("The log has no event of this name.")},
    )
    team = forms.CharField(label=_("Team"), max_length=36, required=False)
    campaign = forms.CharField(label=_("Campaign"), max_length=36, required=False)
    engine = forms.CharField(label=_("Engine"), max_length=100, required=False)
    status = forms.ChoiceField(
        label=_("Outcome"),
        choices=[("", _("All outcomes")), *RunStatus.choices, (REFUSED, _("Refused"))],
        required=False,
        widget=LongSelect,
        error_messages={"invalid_choice": _("There is no outcome of this name.")},
    )
    number = forms.CharField(label=_("Record number"), max_length=30, required=False)
    hash = forms.CharField(
        label=_("Hash"),
        max_length=100,
        required=False,
        help_text=_("Of a record, a file or a text: the whole SHA-256, or its beginning."),
    )
    task = forms.CharField(label=_("Task at the provider"), max_length=200, required=False)
    file = forms.CharField(
        label=_("File name"),
        max_length=255,
        required=False,
        help_text=_("Of a file that was downloaded here or uploaded as a reference."),
    )
    programs = forms.BooleanField(label=_("Starts, stops and settings of programs"), required=False)
    steps = forms.BooleanField(label=_("Every record"), required=False)

    def __init__(self, data: Mapping[str, str], *, reader: User) -> None:
        # No page repeats a text without end, and each limit below is smaller.
        super().__init__({name: data[name][:LONGEST_VALUE] for name in data}, auto_id="log-%s")
        self.reader = reader
        self.reads_all = audit.reads_whole_log(reader)
        for name, label in (("from", pgettext_lazy("a day", "From")), ("to", _("To"))):
            self.fields[name] = _day(label)
        self._choose("person", self._people(), _("Everyone"))
        self._choose("team", self._teams(), _("All teams"))
        self._choose("campaign", self._campaigns(), _("All campaigns"))
        engines = [(name, registry.full_label(each)) for name, each in registry.engines().items()]
        self._offer("engine", [*engines], _("All engines"))
        if not self.reads_all:
            self.fields["team"].widget = forms.HiddenInput()
        for name in ("person", "event"):
            self.fields[name].widget.attrs |= {"class": "filter", "aria-label": self[name].label}
        if not isinstance(self.fields["person"].widget, forms.Select):
            self.fields["person"].widget.attrs["placeholder"] = _("E-mail of a person")

    @property
    def asked(self) -> Asked:
        """What a valid form asks for."""
        given = self.cleaned_data
        # "#48207" in the main field is what a page shows as the number of a record.
        number, words = _number_in(given["q"]), given["q"]
        since, until = given["from"], given["to"]
        image = image_named(given["file"])
        return Asked(
            words="" if number is not None else words,
            person=given["person"],
            team=given["team"],
            event=given["event"],
            campaign=given["campaign"],
            engine=given["engine"],
            status=given["status"],
            since=self._midnight(since) if since else None,
            until=self._midnight(until + dt.timedelta(days=1)) if until else None,
            number=number if given["number"] is None else given["number"],
            hash=given["hash"],
            task=given["task"],
            file="" if image else given["file"],
            image=image,
            programs=given["programs"],
            steps=given["steps"],
        )

    @property
    def given(self) -> dict[str, str]:
        """The filters that are not empty, as they are written in the URL."""
        return {
            name: text
            for name in self.fields
            if name != "steps" and (text := str(self.data.get(name, "")).strip())
        }

    @property
    def in_words(self) -> list[str]:
        """The filters for people: the label of each and what was chosen."""
        return [
            pair(self[name].label, self._shown(name, text)) for name, text in self.given.items()
        ]

    @property
    def as_query(self) -> str:
        """The filters as a query string, without the question mark and without `steps`."""
        return urlencode(self.given)

    @property
    def without_programs(self) -> str:
        """The filters as a query string that lists what people do."""
        return urlencode({name: self.given[name] for name in self.given if name != "programs"})

    @property
    def here(self) -> str:
        """The query string of the first page of this list."""
        steps = {"steps": "1"} if self.cleaned_data.get("steps") else {}
        return urlencode(self.given | steps)

    @property
    def more(self) -> list[forms.BoundField]:
        """The fields that are folded away."""
        return [field for field in self.visible_fields() if field.name not in (*MAIN, *MODES)]

    @property
    def more_given(self) -> int:
        """How many of the fields that are folded away are filled in."""
        return len(self.given.keys() & {field.name for field in self.more})

    # --- What each field takes --------------------------------------------------------------------

    def clean_q(self) -> str:
        words: str = self.cleaned_data["q"].strip()
        if words and not read_query(words).words:
            raise ValidationError(_("A search needs at least one letter or digit."))
        return words

    def clean_person(self) -> int | None:
        return self._key_of_person(self.cleaned_data["person"].strip())

    def clean_team(self) -> int | None:
        text = self.cleaned_data["team"].strip()
        if not text:
            return None
        if not self.reads_all:
            raise ValidationError(_("Only people who read the whole log can choose a team."))
        team: Team | None = _named(Team.objects.all(), text).first()
        if team is None:
            raise ValidationError(_("There is no team of this name."))
        return team.pk

    def clean_campaign(self) -> str:
        text = self.cleaned_data["campaign"].strip()
        uuid = uuid_of(text)
        if uuid or not text:
            return str(uuid or "")
        campaigns = self._campaigns()
        if self.cleaned_data.get("team"):
            campaigns = campaigns.filter(team_id=self.cleaned_data["team"])
        found = list(_named(campaigns, text)[:2])
        if not found:
            raise ValidationError(_("There is no campaign of this name."))
        if len(found) > 1:
            raise ValidationError(
                _("Several teams have a campaign of this name. Choose a team too.")
            )
        return str(found[0].uuid)

    def clean_number(self) -> int | None:
        text = _digits(self.cleaned_data["number"])
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            raise ValidationError(_("Write the number of a record in digits, such as 48207."))
        return int(text.removeprefix("#"))

    def clean_hash(self) -> str:
        text = re.sub(r"\s", "", self.cleaned_data["hash"]).casefold()
        if text and not _HASH.fullmatch(text):
            raise ValidationError(
                _("Write a hash, or at least its first %(count)d characters: 0 to 9 and a to f."),
                params={"count": SHORTEST_HASH},
            )
        return text

    def clean_to(self) -> dt.date | None:
        since, until = self.cleaned_data.get("from"), self.cleaned_data["to"]
        if since and until and until < since:
            raise ValidationError(_("The last day is before the first. Exchange them."))
        return until

    # --- Steps ------------------------------------------------------------------------------------

    def _key_of_person(self, text: str) -> int | None:
        if not text:
            return None
        people = User.objects.values_list("pk", flat=True)
        uuid = uuid_of(text)
        if uuid:
            # The same answer as for somebody whose acts the reader may not see: nothing is found.
            return people.filter(uuid=uuid).first() or NOBODY
        found = self._people().filter(email__iexact=text).values_list("pk", flat=True).first()
        if found is None:
            raise ValidationError(_("Nobody in the list has this e-mail address."))
        return found

    def _people(self) -> QuerySet[User]:
        people = User.objects.only("uuid", "name", "email").order_by("name", "email")
        return people if self.reads_all else people.filter(team_id=self.reader.team_id)

    def _teams(self) -> QuerySet[Team]:
        teams = Team.objects.only("uuid", "name").order_by("name")
        return teams if self.reads_all else teams.none()

    def _campaigns(self) -> QuerySet[Campaign]:
        return (
            Campaign.objects.all() if self.reads_all else Campaign.objects.visible_to(self.reader)
        )

    def _choose(self, name: str, rows: QuerySet[Any], everything: Any) -> None:
        """Let people choose among `rows`, unless there are too many."""
        found = list(rows[: MOST_CHOICES + 1])
        if len(found) <= MOST_CHOICES:
            self._offer(name, [(str(row.uuid), str(row)) for row in found], everything)

    def _offer(self, name: str, choices: list[tuple[str, str]], everything: Any) -> None:
        given = str(self.data.get(name, ""))
        if given and given not in dict(choices):  # Keep what a link asks for.
            choices = [*choices, (given, given)]
        self.fields[name].widget = LongSelect(choices=[("", everything), *choices])

    def _shown(self, name: str, text: str) -> str:
        if isinstance(self.fields[name], forms.BooleanField):
            return str(_("yes"))
        choices = getattr(self.fields[name].widget, "choices", ())
        return str(dict(choices).get(text, text))

    def _midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.reader.tzinfo)


class SavedSearchForm(forms.ModelForm):
    """The name of a search that is kept."""

    class Meta:
        model = SavedSearch
        fields = ["name"]


def _day(label: Any) -> forms.DateField:
    sentence = _("Choose a day between the years 2000 and 2999, such as 2026-11-22.")
    first, last = DAYS
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={**_DATE, "aria-label": label}),
        validators=[MinValueValidator(first, sentence), MaxValueValidator(last, sentence)],
        error_messages={"invalid": sentence},
    )


def _digits(text: str) -> str:
    """A number without the separators by which people or programs may have grouped it."""
    return re.sub(r"[,.'’\s]", "", text)


def _number_in(words: str) -> int | None:
    """The number of a record, if `words` are one with its "#" and nothing else."""
    text = _digits(words)
    is_number = text.startswith("#") and _NUMBER.fullmatch(text)
    return int(text.removeprefix("#")) if is_number else None


def _named(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The rows with this identifier, or else with this name."""
    uuid = uuid_of(text)
    return rows.filter(uuid=uuid) if uuid else rows.filter(name__iexact=text)
