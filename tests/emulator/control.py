"""Controls the emulator from another process, over HTTP on its own port.

    POST /_control/script   {"provider": "apixo", "route": "submit", "troubles": [{"status": 429}]}
    POST /_control/options  {"seconds": 3, "small": true, "fetch_references": false}
    POST /_control/finish   end every task now
    POST /_control/sink     do nothing: a target for webhooks
    POST /_control/reset    forget log, script and tasks
    GET  /_control/log      every request so far, as a list

Troubles have the fields of `troubles.Trouble`.
"""

import json
from typing import TYPE_CHECKING, Any

from tests.emulator.chapter import Reply

if TYPE_CHECKING:
    from tests.emulator.server import Emulator

PREFIX = "/_control/"
OPTIONS = frozenset({"seconds", "small", "fetch_references", "answer_seconds"})


def answer(emulator: "Emulator", method: str, path: str, body: bytes) -> Reply:
    """Carry out one command; 400 says what is wrong with it."""
    try:
        order = json.loads(body) if body and not path.endswith("/sink") else {}
        return Reply(200, _carry_out(emulator, f"{method} {path.removeprefix(PREFIX)}", order))
    except (KeyError, TypeError, ValueError) as error:
        return Reply(400, {"error": f"{type(error).__name__}: {error}"})


def _carry_out(emulator: "Emulator", what: str, order: dict[str, Any]) -> Any:
    match what:
        case "GET log":
            return [call.as_json() for call in emulator.log]
        case "POST script":
            emulator.script(order["provider"], order["route"], *order["troubles"])
        case "POST options":
            _set_options(emulator, order)
        case "POST sink":
            return {}
        case "POST finish":
            emulator.finish_tasks()
        case "POST reset":
            emulator.reset()
        case _:
            raise ValueError(f"No such order: {what}")
    return {}


def _set_options(emulator: "Emulator", order: dict[str, Any]) -> None:
    if unknown := order.keys() - OPTIONS:
        raise ValueError(f"No such option: {', '.join(sorted(unknown))}")
    for name, value in order.items():
        setattr(emulator, name, value)
