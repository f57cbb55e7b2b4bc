"""A real worker that never ends labelling again: `python -m tests.faults.relabelling_worker …`.

It waits for ever before it deletes the first file that it has replaced.
"""

import os
import sys
import threading

from celery.__main__ import main


def plant() -> None:
    import django

    django.setup()
    from generations import storage

    storage.erase = lambda *args: threading.Event().wait()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedream_site.settings")
    plant()
    sys.argv[0] = "celery"
    sys.exit(main())
