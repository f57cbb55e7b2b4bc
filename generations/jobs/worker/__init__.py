"""One worker process: the steps that it works on, its loops, and their watchdog.

Celery starts and stops it (see `generations.tasks`). `generate --here` runs one until its run ends.
"""

from generations.jobs.worker.process import WorkerProcess, work_here

__all__ = ["WorkerProcess", "work_here"]
