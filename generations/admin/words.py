"""What lists and forms of the admin write in the place of codes and names of rows."""

from django.utils.translation import gettext as _

from accounts.admin import credit_requests
from generations.models import ProviderAccount
from generations.providers import registry
from generations.providers.advice import explain
from generations.providers.capabilities import CUSTOM


def engine_in_words(name: str) -> str:
    """Model and provider of the engine `name`; the name itself if nothing is known of it."""
    engine = registry.known_engines().get(name)
    return registry.full_label(engine) if engine else name


def provider_in_words(name: str) -> str:
    """How `name` writes itself; the name itself if there is no such provider."""
    known = name in registry.provider_names()
    return registry.adapter_class(name).label if known else name


def key_in_words(account: ProviderAccount | None) -> str:
    """A key, such as “APIXO, key 1”; empty for none."""
    if account is None:
        return ""
    provider = provider_in_words(account.provider)
    return _("%(provider)s, key %(slot)d") % {"provider": provider, "slot": account.slot}


def error_in_words(code: str) -> str:
    """The sentence for a code of `generations.providers.errors.Code`; empty for none."""
    return str(explain(code).title) if code else ""


def tier_in_words(tier: str) -> str:
    """A price tier: a resolution is its own name."""
    return _("Own size") if tier == CUSTOM else tier


credit_requests.ENGINE_IN_WORDS.append(engine_in_words)
