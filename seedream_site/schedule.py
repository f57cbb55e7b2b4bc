"""The messages that beat sends, and how often: in seconds, or by the clock (UTC).

No run depends on them: workers find their work in the tables.
"""

from typing import Any

from celery.schedules import crontab

CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # Shows `/readyz` that beat works.
    "note-beat": {"task": "accounts.note_beat", "schedule": 5.0, "options": {"expires": 30}},
    "seal": {"task": "accounts.seal", "schedule": 5.0, "options": {"expires": 4}},
    "verify": {"task": "accounts.verify", "schedule": 60.0, "options": {"expires": 50}},
    "stamp-checkpoints": {
        "task": "generations.stamp_checkpoints",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "catch-up": {
        "task": "generations.catch_up",
        "schedule": crontab(hour=3, minute=27),
        "options": {"expires": 3600},
    },
    "erase": {"task": "generations.erase", "schedule": 20.0, "options": {"expires": 15}},
    "erase-by-age": {
        "task": "generations.erase_by_age",
        "schedule": crontab(hour=2, minute=17),
        "options": {"expires": 3600},
    },
    "prune-notices": {
        "task": "accounts.prune_notices",
        "schedule": crontab(hour=3, minute=47),
        "options": {"expires": 3600},
    },
    "tidy-credit-requests": {
        "task": "accounts.tidy_credit_requests",
        "schedule": crontab(hour=4, minute=7),
        "options": {"expires": 3600},
    },
    "mail-notices": {
        "task": "accounts.mail_notices",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "tell-of-shares": {
        "task": "generations.tell_of_shares",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "send-postings": {
        "task": "generations.send_postings",
        "schedule": 20.0,
        "options": {"expires": 15},
    },
    "compare-balances": {
        "task": "generations.compare_balances",
        "schedule": crontab(hour=0, minute=37),
        "options": {"expires": 3600},
    },
    "prune-webhook-events": {
        "task": "generations.prune_webhook_events",
        "schedule": crontab(hour=3, minute=37),
        "options": {"expires": 3600},
    },
    "read-balances": {
        "task": "generations.read_balances",
        "schedule": 300.0,
        "options": {"expires": 240},
    },
    "end-top-ups": {
        "task": "accounts.end_top_ups",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "start-planned-quotas": {
        "task": "accounts.start_planned_quotas",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "close-tallies": {
        "task": "accounts.close_tallies",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "tidy-conversions": {
        "task": "generations.tidy_conversions",
        "schedule": 600.0,
        "options": {"expires": 500},
    },
    "tidy-exports": {
        "task": "generations.tidy_exports",
        "schedule": 600.0,
        "options": {"expires": 500},
    },
    "sweep-uploads": {
        "task": "generations.sweep_uploads",
        "schedule": 600.0,
        "options": {"expires": 500},
    },
    "reconcile-credits": {
        # Each message goes on with the proof of the night for ten minutes.
        "task": "generations.reconcile_credits",
        "schedule": crontab(hour="3-5", minute="7,22,37,52"),
        "options": {"expires": 800},
    },
}
