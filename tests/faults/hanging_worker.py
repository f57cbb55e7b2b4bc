"""A real worker in which a loop hangs: `python -m tests.faults.hanging_worker worker …`.

`HANGING_POLLERS` is how many pollers hang in their first tick, one after the other.
`HANGING_CONSUMER` makes Celery's own loop hang, with any broker. Both hang for ever. The watchdog
waits four seconds instead of thirty; with a hanging consumer, only from SIGUSR2 on.
"""

import os
import signal
import sys
import threading
from typing import Any

from celery.__main__ import main
from celery.worker import loops

STUCK_SECONDS = 4.0


def hang(*_args: Any, **_kwargs: Any) -> None:
    threading.Event().wait()


def plant() -> None:
    import django

    django.setup()
    from generations.jobs.execution.polling import Poller
    from generations.jobs.worker import watchdog

    def lose_patience(*_args: Any) -> None:
        watchdog.STUCK_SECONDS = STUCK_SECONDS

    watchdog.HEARTBEAT_STUCK_SECONDS = 60.0
    hanging = iter(range(int(os.environ.get("HANGING_POLLERS", "0"))))
    tick = Poller.tick

    def tick_or_hang(self: Poller, *args: Any, **kwargs: Any) -> None:
        if next(hanging, None) is not None:
            hang()
        tick(self, *args, **kwargs)

    Poller.tick = tick_or_hang
    if os.environ.get("HANGING_CONSUMER"):
        loops.asynloop = loops.synloop = hang
        signal.signal(signal.SIGUSR2, lose_patience)
    else:
        lose_patience()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")
    plant()
    sys.argv[0] = "celery"
    sys.exit(main())
