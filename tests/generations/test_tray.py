"""References that an engine does not take are set aside, and come back; their order changes."""

import pytest
from django.http import QueryDict
from django.urls import reverse

from generations.forms import ComposeForm, tray
from generations.forms.thumbnails import shown_references
from generations.providers.capabilities import ReferenceDelivery
from tests.generations.asking import APIXO, DEMO
from tests.generations.factories import make_reference
from tests.generations.stub import STUB, set_up_stub
from tests.generations.test_composer import HTMX

pytestmark = pytest.mark.django_db


@pytest.fixture
def narrow(monkeypatch, settings):
    """An engine that takes one reference."""
    set_up_stub(
        monkeypatch, settings, max_references=1, reference_delivery=ReferenceDelivery.INLINE
    )


@pytest.fixture
def three(alice):
    return [str(make_reference(alice).uuid) for _ in range(3)]


def switched(user, engine, before=None, **given):
    """The references of the composer after a change to `engine`: chosen, aside, and why."""
    if before:
        given = {"references": before[0], "aside": before[1]}
    form = ComposeForm.fitting({"engine": engine, **given}, user=user)
    shown = shown_references(form.draft)
    names = [[each.uuid for each in group] for group in (shown.chosen, shown.aside)]
    return names, shown.why_aside, form.notes


def test_what_an_engine_does_not_take_comes_back_in_its_order(alice, three, narrow, apixo_key):
    names, why, notes = switched(alice, STUB, references=three)
    assert (names, notes) == ([three[:1], three[1:]], [])
    assert why.startswith("This engine takes 1 reference. 2 references are set aside")
    names, why, _notes = switched(alice, APIXO, names)
    assert names == [[], three]
    assert "PUBLIC_URL" in why
    names, why, _notes = switched(alice, DEMO, names)
    assert (names, why) == ([three, []], "")


def test_a_refusal_keeps_what_is_set_aside(alice, three, sign_in, narrow):
    given = {"engine": STUB, "prompt": "", "references": three[0], "aside": three[1:]}
    page = sign_in(alice).post(reverse("studio"), given)
    assert page.status_code == 422
    for name in three[1:]:
        assert f'name="aside" value="{name}"' in page.text


def test_buttons_move_and_remove(alice, three, sign_in):
    given = {"engine": DEMO, "references": three}
    tab = sign_in(alice)

    def order(**pressed):
        text = tab.post(reverse("composer"), given | pressed, headers=HTMX).text
        places = {name: text.find(f'name="references" value="{name}"') for name in three}
        return [name for name in sorted(places, key=places.get) if places[name] >= 0]

    first, second, third = three
    assert order(earlier=third) == [first, third, second]
    assert order(later=first) == [second, first, third]
    assert order(earlier=first) == three
    assert order(later="nobody") == three
    assert order(remove=second) == [first, third]


def test_the_same_reference_twice_is_used_once_and_names_are_bounded(alice, three):
    names, _why, _notes = switched(alice, DEMO, references=[*three, three[0]])
    assert names == [three, []]
    many = QueryDict(mutable=True)
    many.setlist("references", [f"x{number}" for number in range(5000)])
    form = ComposeForm.fitting(many, user=alice)
    assert len(form.draft.given.all("references")) + len(form.draft.given.all("aside")) <= tray.MOST
