"""Whether the broker can be reached."""

from celery import current_app

CONNECT_SECONDS = 2


def connect() -> None:
    """Connect to the broker and disconnect. Raises what the broker's client raises."""
    with current_app.connection_for_write(connect_timeout=CONNECT_SECONDS) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)


def load() -> None:
    """Import the modules that `connect` needs."""
    current_app.connection_for_write().get_transport_cls()
