"""Labels and the law: what laws ask for, what in this studio answers it, and what does not.

Sources: Regulation (EU) 2024/1689, article 50, and the Code of Practice on marking and labelling of
AI-generated content (10 June 2026); GB 45438-2025 and the Measures for labelling of AI-generated
synthetic content (China, in force since 1 September 2025); California Business and Professions Code
22757 (SB 942, as amended by AB 853). A program can't give legal advice: the page says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.phrases import listed
from generations import certificates
from generations.labelling.mark.limits import DOES_NOT_SURVIVE
from generations.reading import label_limits, label_settings
from generations.reading.label_settings import OK, OPEN, PART, Labels

MOST_WITHDRAWN = 20
# The provider code of TC260's rules of March 2025.
_CODE = re.compile(r"[0-9A-Z]{27}")


@dataclass(frozen=True)
class Setting:
    """One thing that decides what labels files get; `change` says where it is changed."""

    name: str
    value: str
    tone: str
    change: str


@dataclass(frozen=True)
class Duty:
    """What a law asks for, and what answers it. `tone` is ok (answered), warn (in part), or bad."""

    article: str
    asks: str
    answer: str
    tone: str


@dataclass(frozen=True)
class Law:
    """One law; `applies` says to whom and since when."""

    identifier: str
    title: str
    applies: str
    duties: list[Duty]


@dataclass(frozen=True)
class Page:
    at: datetime
    settings: list[Setting]
    badges: list[Setting]
    laws: list[Law]
    limits: list[str]
    mark_is_lost_by: Sequence[Promise]
    questions: list[str]


def page() -> Page:
    labels = label_settings.now()
    return Page(
        at=timezone.now(),
        settings=_settings(labels),
        badges=_badges(labels),
        laws=[_europe(labels), _china(labels), _california(labels)],
        limits=label_limits.limits(),
        mark_is_lost_by=DOES_NOT_SURVIVE,
        questions=label_limits.questions(),
    )


# --- Settings ------------------------------------------------------------------------------------


def _settings(labels: Labels) -> list[Setting]:
    producer = labels.says.get("producer", "")
    return [
        Setting(_("Signature (C2PA)"), _signing(labels), labels.signed.tone, "LABEL_SIGNING"),
        Setting(_("Certificates"), *_chain(labels), "LABEL_CHAIN"),
        Setting(_("Withdrawn certificates"), *_withdrawn(), "manage.py rotate_label_key"),
        Setting(
            _("Time stamps"),
            listed(_authority(labels), str(labels.stamped)),
            labels.stamped.tone,
            "LABEL_TIMESTAMP_URL",
        ),
        Setting(_("Imperceptible mark"), str(labels.marked), labels.marked.tone, ""),
        Setting(
            _("Producer in the AIGC label"),
            producer or _("no image yet"),
            OK if _CODE.fullmatch(producer) else PART,
            "",
        ),
        Setting(_("Credit line"), labels.says.get("credit", "") or _("no image yet"), "", ""),
        Setting(
            _("Version of the label"),
            _("Older files are left: label them again.") if labels.old else _("up to date"),
            PART if labels.old else OK,
            _("Admin, relabellings, or manage.py relabel --only old"),
        ),
        Setting(
            _("Rules that erase before six months"),
            "; ".join(labels.short_rules) or _("none"),
            PART if labels.short_rules else OK,
            _("Admin, retention rules"),
        ),
    ]


def _badges(labels: Labels) -> list[Setting]:
    return [
        Setting(badge.team, str(badge), OK if badge.text else OPEN, "") for badge in labels.badges
    ]


def _signing(labels: Labels) -> str:
    states = {True: _("on"), False: _("off"), None: ""}
    return listed(states[labels.signs], str(labels.signed))


def _chain(labels: Labels) -> tuple[str, str]:
    if not labels.signed.having:
        return _("no signature, so none"), OPEN
    if labels.own_chain:
        return _("made by the studio: public readers name the signer as unknown"), PART
    return _("given by the company"), OK


def _withdrawn() -> tuple[str, str]:
    """Each with its time; files with them that carry no older time stamp prove nothing."""
    told = _("%(sha256)s on %(when)s")
    found = [
        told % {"sha256": row.sha256, "when": f"{row.withdrawn_at:%Y-%m-%d %H:%M} UTC"}
        for row in certificates.withdrawn()[:MOST_WITHDRAWN]
    ]
    return "; ".join(found) or _("none"), PART if found else OK


def _authority(labels: Labels) -> str:
    if labels.authority is None:
        return ""
    return labels.authority or _("no authority is set")


# --- Laws ----------------------------------------------------------------------------------------


def _europe(labels: Labels) -> Law:
    return Law(
        "eu",
        _("European Union: AI Act, article 50"),
        _(
            "Applies since 2 August 2026. Systems that were on the market before have until 2 "
            "December 2026 for article 50(2). The Code of Practice is voluntary; who does not "
            "follow it is expected to say how else the duties are met."
        ),
        [*_layers(labels), *_kept(), *_disclosed(labels)],
    )


def _layers(labels: Labels) -> list[Duty]:
    """The two layers of the Code."""
    is_signed, is_stamped = labels.signed.tone, labels.stamped.tone
    signature = is_stamped if is_signed == OK == is_stamped else _worse(is_signed, PART)
    two_layers = _worse(is_signed, labels.marked.tone)
    return [
        Duty(
            "50(2), " + _("Code 1.1"),
            _("Outputs are marked in a machine-readable way, in at least two layers."),
            _("Signature: %(signed)s. Imperceptible mark: %(marked)s.")
            % {"signed": labels.signed, "marked": labels.marked},
            two_layers,
        ),
        Duty(
            _("Code 1.1.1"),
            _("Metadata that is digitally signed and time-stamped."),
            _("C2PA manifest in each file. Signed: %(signed)s. Time-stamped: %(stamped)s.")
            % {"signed": labels.signed, "stamped": labels.stamped},
            signature,
        ),
        Duty(
            _("Code 1.1.2"),
            _("An imperceptible watermark."),
            _("A number in the pixels: %(marked)s.") % {"marked": labels.marked},
            labels.marked.tone,
        ),
    ]


def _kept() -> list[Duty]:
    """What the Code asks besides."""
    return [
        Duty(
            _("Code 1.2"),
            _("Marks that were there before are kept."),
            _(
                "Marks of origin and rights that the provider wrote are kept in our files. The "
                "provider's file itself is stored unchanged."
            ),
            OK,
        ),
        Duty(
            _("Code 1.3"),
            _("No personal or confidential data in the marks."),
            _(
                "The studio writes no prompt and no name of a person into a file. A provider's own "
                "signed manifest is passed on, unless words of the prompt or a field for prompts "
                "stand in it: then files name the provider's file by its hash, and it is kept here."
            ),
            OK,
        ),
        Duty(
            "50(2), " + _("Code 3"),
            _("A means to detect the marks."),
            _(
                "People with an account use the page “Check a file”, which also reads the "
                "imperceptible mark. Others need a reader of C2PA or IPTC metadata, which is "
                "offered free of charge, and does not read that mark."
            ),
            PART,
        ),
    ]


def _disclosed(labels: Labels) -> list[Duty]:
    """What people see."""
    return [
        Duty(
            "50(4)",
            _("Deep fakes are disclosed as such. Objects and places count, in adverts too."),
            _("Every file has a visible badge in its pixels: previews and downloads alike."),
            OK if labels.badges else PART,
        ),
        Duty(
            "50(5)",
            _("The disclosure is clear and distinguishable at first exposure, and accessible."),
            _(
                "White letters on a dark plate. On the studio's pages the text of the badge "
                "stands beside small images. Where you publish, add a text for screen readers."
            ),
            PART,
        ),
    ]


def _china(labels: Labels) -> Law:
    return Law(
        "cn",
        _("China: GB 45438-2025 and the labelling measures"),
        _(
            "In force since 1 September 2025 for services that are offered to the public in "
            "mainland China. Platforms there read these labels in any file."
        ),
        [*_standard(labels), *_measures(labels)],
    )


def _standard(labels: Labels) -> list[Duty]:
    """The explicit and the implicit label of GB 45438-2025."""
    producer = labels.says.get("producer", "")
    return [
        Duty(
            "GB 45438, 5.2",
            _(
                "A visible text that names AI and says “generated” (生成) or “synthesised” "
                "(合成), at an edge or corner, at least 5 % of the shortest side high."
            ),
            _("The newest image of every team has such a badge.")
            if labels.is_chinese
            else _("Not the badge of every team: see the table of badges."),
            OK if labels.is_chinese else OPEN,
        ),
        Duty(
            _("Annex E"),
            _("Exactly one AIGC label in the metadata, with producer and content number."),
            _("In the XMP of each file. Producer: %(producer)s.")
            % {"producer": producer or _("no image yet")},
            OK if _CODE.fullmatch(producer) else PART,
        ),
    ]


def _measures(labels: Labels) -> list[Duty]:
    """What the Measures ask besides."""
    return [
        Duty(
            _("Measures, 9"),
            _(
                "Who gives out files without a visible label has the user accept the duty to "
                "label, and keeps a log of the recipients for at least six months."
            ),
            _("Downloads of originals need a right and a reason, and are on record for good.")
            if not labels.short_rules
            else _("Downloads of originals are on record. Reasons may be erased earlier: %(r)s.")
            % {"r": "; ".join(labels.short_rules)},
            PART if labels.short_rules else OK,
        ),
        Duty(
            _("Measures, 10"),
            _("Nobody removes, alters or hides labels, or offers tools for that."),
            _("The studio offers nothing of the kind. It can't see what is done to downloads."),
            OK,
        ),
    ]


def _california(labels: Labels) -> Law:
    parts = {"system_version": _("version"), "made_at": _("date and time")}
    lacking = [words for name, words in parts.items() if name not in labels.says]
    return Law(
        "us-ca",
        _("California: SB 942"),
        _(
            "Operative since 2 August 2026, for providers with more than a million users a month. "
            "They must bind those who license their systems to keep the hidden disclosure."
        ),
        [
            Duty(
                "22757.3(b)",
                _(
                    "A latent disclosure: provider, name and version of the system, date and time, "
                    "and a unique identifier."
                ),
                _("All of them are in the metadata.")
                if not lacking
                else _("In the metadata, but for: %(lacking)s.") % {"lacking": listed(*lacking)},
                PART if lacking else OK,
            ),
            Duty(
                "22757.3(a)",
                _("Users may choose a manifest (visible) disclosure."),
                _("The badge is on every file, so nobody has to choose it."),
                OK if labels.badges else PART,
            ),
            Duty(
                "22757.3(c)",
                _("Licensees keep the latent disclosure."),
                _(
                    "A provider's signed manifest and AIGC mark stay. Of the studio's own labels, "
                    "a setting can switch off the signature and the imperceptible mark, no others."
                ),
                OK,
            ),
            Duty(
                "22757.2",
                _("A free tool for the public that detects them."),
                _("The studio has none for people without an account."),
                OPEN,
            ),
        ],
    )


def _worse(*tones: str) -> str:
    return max(tones, key=(OK, PART, OPEN).index)
