"""Hooks that run after a commit and may fail without undoing anything.

Django runs hooks once the transaction is committed. An error in one must not reach the caller, who
would believe that the transaction failed, nor keep later hooks from running.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction

log = logging.getLogger(__name__)


def after_commit(function: Callable[..., object], *args: Any) -> None:
    """Call `function(*args)` after the transaction commits; log whatever it raises.

    Outside a transaction it is called at once. `function` must be a plain function with a name,
    because the log says which hook failed.
    """

    def hook() -> None:
        try:
            function(*args)
        except Exception:
            log.exception("the hook %s failed; its transaction is committed", name)

    name = f"{function.__module__}.{function.__qualname__}"
    transaction.on_commit(hook, robust=True)
