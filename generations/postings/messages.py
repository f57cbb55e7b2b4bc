"""What is sent: JSON that chats understand, and its signature."""

import hashlib
import hmac
import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Notice, Outlet
from accounts.notices import kinds

SIGNATURE, TIMESTAMP = "X-Studio-Signature", "X-Studio-Timestamp"
POSTING = "X-Studio-Posting"
MOST_CHARACTERS = 3000
# Slack reads these as mark-up: “<!channel>” would call everybody.
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CARD = "application/vnd.microsoft.card.adaptive"


def of_notice(notice: Notice, style: str) -> bytes:
    """The body that tells of `notice`, in the language of the studio."""
    kind = kinds.named(notice.kind)
    with translation.override(settings.LANGUAGE_CODE):
        told = {
            "kind": notice.kind,
            "cause": notice.cause,
            "title": kinds.fill(kind.title, notice.facts),
            "to_do": kinds.fill(kind.to_do, notice.facts),
            "raised_at": notice.raised_at.isoformat(timespec="seconds"),
            "page": _address(kind.page),
        }
    return _body(told, style)


def of_test(style: str) -> bytes:
    """The body of a test."""
    with translation.override(settings.LANGUAGE_CODE):
        told = {
            "kind": "outlet:test",
            "title": _("A test of Seedream Studio"),
            "to_do": _("Notices of the studio arrive here."),
            "page": _address("notices"),
        }
    return _body(told, style)


def headers(body: bytes, *, secret: str, posting: UUID, at: int) -> dict[str, str]:
    """The headers of a post at `at` (seconds since 1970), its signature among them."""
    return {
        "Content-Type": "application/json; charset=utf-8",
        TIMESTAMP: str(at),
        SIGNATURE: f"v1={signature(body, secret=secret, at=at)}",
        POSTING: str(posting),
    }


def signature(body: bytes, *, secret: str, at: int) -> str:
    """HMAC-SHA256 over the timestamp, a full stop and the body, in hexadecimal digits."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def _address(page: str) -> str:
    return settings.PUBLIC_URL + reverse(page) if settings.PUBLIC_URL else ""


def _body(told: dict[str, str], style: str) -> bytes:
    told = {name: value[:MOST_CHARACTERS] for name, value in told.items()}
    shown: dict[str, Any] = _card(told) if style == Outlet.Format.CARD else {"text": _text(told)}
    return json.dumps({**shown, **told}, ensure_ascii=False).encode()


def _text(told: dict[str, str]) -> str:
    title, to_do = (told[name].translate(_ESCAPED) for name in ("title", "to_do"))
    return "\n".join(filter(None, (f"*{title}*", to_do, told["page"])))


def _card(told: dict[str, str]) -> dict[str, Any]:
    """An adaptive card, as the workflows of Microsoft Teams take it."""
    body = [
        {"type": "TextBlock", "text": told["title"], "weight": "bolder", "wrap": True},
        {"type": "TextBlock", "text": told["to_do"], "wrap": True},
    ]
    show = {"type": "Action.OpenUrl", "title": _("Show"), "url": told["page"]}
    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [show] if told["page"] else [],
    }
    return {"type": "message", "attachments": [{"contentType": _CARD, "content": card}]}
