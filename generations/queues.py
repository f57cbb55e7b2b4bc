"""The studio's queues; each has its own workers. Recurring work goes to PROVIDER."""

PROVIDER, IMAGES = "provider", "images"
QUEUES = (PROVIDER, IMAGES)
