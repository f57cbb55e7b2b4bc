"""The work's rows. Other modules import models from here only."""

from generations.models.campaign import Campaign
from generations.models.generation import Delivery, Generation
from generations.models.image import Image, Rendition
from generations.models.price import Price
from generations.models.provider_account import ProviderAccount
from generations.models.reference import Reference, RunReference
from generations.models.run import Run
from generations.models.webhook_event import WebhookEvent

__all__ = [
    "Campaign",
    "Delivery",
    "Generation",
    "Image",
    "Price",
    "ProviderAccount",
    "Reference",
    "Rendition",
    "Run",
    "RunReference",
    "WebhookEvent",
]
