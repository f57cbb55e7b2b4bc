"""The recipe for a new provider, followed to the letter: its example is put in place and works."""

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from generations import pricing
from generations.forms import ComposeForm
from generations.jobs.worker import work_here
from generations.providers import registry
from generations.providers.http import HttpProvider
from generations.states import RunStatus
from tests.emulator import Emulator, troubles
from tests.generations.asking import ask

PROJECT = Path(__file__).resolve().parents[3]
RECIPE = PROJECT / "generations" / "providers" / "ADDING_A_PROVIDER.md"
BLOCKS = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", RECIPE.read_text(), re.DOTALL))


def put_in_place(path: str) -> types.ModuleType:
    """The module that the recipe gives for `path`, imported as if the file existed."""
    name = path.removesuffix(".py").replace("/", ".")
    module = types.ModuleType(name)
    exec(compile(BLOCKS[path], path, "exec"), module.__dict__)
    sys.modules[name] = module
    return module


adapter_module = put_in_place("generations/providers/acme.py")
chapter = put_in_place("tests/emulator/acme.py")
TestAcme = put_in_place("tests/generations/providers/test_acme.py").TestAcme
ENGINE = "acme/seedream-4-5"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(chapters=(chapter.AcmeChapter,), seconds=0) as emulator:
        yield emulator


@pytest.fixture
def acme(emulator, settings, monkeypatch):
    """The emulator, after registering and configuring Acme as the recipe's table says."""
    dotted_path = "generations.providers.acme.AcmeProvider"
    monkeypatch.setitem(registry.ADAPTERS, "acme", dotted_path)
    configured = {"base_url": emulator.base_url("acme"), "keys": {1: emulator.key("acme")}}
    settings.PROVIDERS = {**settings.PROVIDERS, "acme": configured}
    settings.PROVIDER_PRIVATE_HOSTS = [emulator.host]
    settings.PROVIDER_TIME_SCALE = 0.01
    emulator.small = True
    pricing.add_default_prices()
    return emulator


@pytest.mark.django_db(transaction=True)
class TestInTheStudio:
    def made(self, user, **more):
        run = ask(user, ENGINE, 2, **more)
        work_here(lambda: not type(run).objects.filter(pk=run.pk, status="pending").exists())
        run.refresh_from_db()
        return run

    def test_images_are_made_with_it(self, alice, acme):
        run = self.made(alice, seed=7)
        assert (run.status, run.images.count()) == (RunStatus.SUCCEEDED, 2)
        assert sorted(call.body["seed"] for call in acme.submits("acme")) == [7, 8]

    def test_a_refusal_is_explained_by_its_code(self, alice, acme):
        acme.script("acme", "submit", *[troubles.failed("blocked")] * 2)
        run = self.made(alice)
        assert {row.error_code for row in run.generations.all()} == {"content_policy"}

    def test_the_form_is_drawn_from_its_capabilities(self, alice, acme):
        form = ComposeForm(initial={"engine": ENGINE}, user=alice)
        ratios = [value for value, _label in form.fields["aspect_ratio"].choices]
        assert ratios == ["1:1", "16:9"]
        assert "seed" in form.fields
        assert not {"references", "guidance_scale", "sequential"} & form.fields.keys()


def test_the_recipe_names_every_file_that_a_provider_has():
    named = set(re.findall(r"^\| `([^`]+)`", RECIPE.read_text(), re.MULTILINE))
    real = {name.replace("<name>", "apixo") for name in named}
    assert all((PROJECT / name).is_file() for name in real)
    assert issubclass(adapter_module.AcmeProvider, HttpProvider)
