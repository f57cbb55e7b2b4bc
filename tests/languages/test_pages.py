"""No page says anything that is not translated, and none glues messages to a sentence."""

import re

import pytest
from django.contrib.auth.models import Permission

from accounts.models import Team, User
from generations.models import Campaign, LegalHold, ProviderAccount, Run, Snippet
from generations.providers import registry
from generations.providers.errors import Code
from tests.access.studio import addresses, patterns, visitors
from tests.languages.pages import is_glued, made_up_language, outside, texts_of

WORD = re.compile(r"[A-Za-z]{2,}")
# What is the same in every language: names of formats and standards, units, what is typed.
SAME = (
    "Seedream Studio|Seedream-Studio|SHA-256|JPEG|PNG|WebP|UTC|USD|GB 45438|px|English|"
    "python3 verify.py --key log-keys.txt|"
    "Demo engine|manage.py rotate_label_key|CSV|Excel|ZIP|Esc|Ctrl|Enter|"
    # The words of badges, which are drawn into files.
    "AI-generated with Seedream Studio|AI-generated|AI-modified|AI-enhanced|"
    "LABEL_CHAIN|LABEL_SIGNING|LABEL_TIMESTAMP_URL|"
    # What Django and allauth do not translate: pictures of yes and no, a magnifying glass, a link.
    "True|False|None|Search|user session|issue a new email confirmation request"
)
# Identifiers, addresses, the beginnings of hashes.
CODES = (
    r"https?://\S+|[\w.]+@[\w.]+|[0-9a-f]{8}[0-9a-f-]*|"
    r"(?<!\w)[0-9a-f]{4}(?: [0-9a-f]{4})+|\d+[A-Z]\b"
)


# Django's own page after a change of password in the admin, to which nothing leads; a workbook.
NOT_OURS = {"admin:password_change_done", "usage-xlsx"}


def visit(everyone, address_of):
    """The pages of the studio, as a superuser sees them or, of signing in, a stranger."""
    for name in [name for name, _pattern in patterns() if name not in NOT_OURS]:
        kinds = ["super", "anonymous"] if name.startswith("account_") else ["super"]
        for kind in kinds + (["member"] if name in ("studio", "image", "story") else []):
            response = everyone[kind].client.get(address_of[name])
            if response.headers.get("Content-Type", "").startswith("text/html"):
                yield name, response.content.decode()


def written_by_people() -> re.Pattern[str]:
    """What stands in the rows: names, prompts and codes, the longest first."""
    values = {
        *(str(each) for model in (User, Team, Campaign) for each in model.objects.all()),
        *Team.objects.values_list("time_zone", flat=True),
        *Run.objects.values_list("prompt", flat=True),
        *LegalHold.objects.values_list("reason", flat=True),
        *ProviderAccount.objects.values_list("provider", flat=True),
        # Django keeps the names of permissions in rows, in English.
        *Permission.objects.values_list("name", flat=True),
        *registry.known_engines(),
        *(engine.label for engine in registry.known_engines().values()),
        *map(registry.full_label, registry.known_engines().values()),
        *Snippet.objects.values_list("name", flat=True),
        *Snippet.objects.values_list("text", flat=True),
        *(code.value for code in Code),
        "custom",  # the tier of a price
    }
    longest_first = sorted(filter(None, values), key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), SAME, CODES]))


@pytest.mark.django_db
def test_every_page_is_translated_in_whole_sentences():
    everyone = {each.kind: each for each in reversed(visitors())}
    address_of = addresses(everyone["member"].user)
    known = written_by_people()
    untranslated, glued = set(), set()
    with made_up_language():
        for name, html in visit(everyone, address_of):
            for text in texts_of(html):
                if WORD.search(known.sub("", outside(text))):
                    untranslated.add((name, text))
                if is_glued(text):
                    glued.add((name, text))
    assert sorted(untranslated) == []
    assert sorted(glued) == []
