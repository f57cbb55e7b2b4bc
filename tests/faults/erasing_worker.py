"""A real worker that never ends an erasure: `python -m tests.faults.erasing_worker worker …`.

It waits for ever before it deletes the first labelled file, when all texts are erased.
"""

import os
import sys
import threading

from celery.__main__ import main


def plant() -> None:
    import django

    django.setup()
    from generations import storage
    from generations.erasing.order import Order

    erase_file = Order.erase_file

    def erase_or_wait(self, backend, name, **more):
        if backend is storage.renditions():
            threading.Event().wait()
        erase_file(self, backend, name, **more)

    Order.erase_file = erase_or_wait


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")
    plant()
    sys.argv[0] = "celery"
    sys.exit(main())
