"""Tables for runs, images and providers. Other modules import models only from here."""

from generations.models.campaign import Campaign
from generations.models.erasing import Erasure, LegalHold, RetentionRule
from generations.models.export import Export
from generations.models.generation import Delivery, Generation
from generations.models.image import Image, Rendition
from generations.models.label_policy import LabelPolicy
from generations.models.price import Price
from generations.models.prompt_index import IndexedPrompt
from generations.models.provider_account import EngineBlock, ProviderAccount
from generations.models.reference import Reference, RunReference
from generations.models.run import ERASED, Run
from generations.models.webhook_event import WebhookEvent
from generations.models.worker import Worker

__all__ = [
    "ERASED",
    "Campaign",
    "Delivery",
    "EngineBlock",
    "Erasure",
    "Export",
    "Generation",
    "Image",
    "IndexedPrompt",
    "LabelPolicy",
    "LegalHold",
    "Price",
    "ProviderAccount",
    "Reference",
    "Rendition",
    "RetentionRule",
    "Run",
    "RunReference",
    "WebhookEvent",
    "Worker",
]
