"""Tables for runs, images and providers. Other modules import models only from here."""

from generations.models.balance_day import BalanceDay
from generations.models.campaign import Campaign
from generations.models.certificate import LabelCertificate
from generations.models.conversion import Conversion
from generations.models.dismissal import Dismissal
from generations.models.engine_setting import EngineSetting, TeamDefault
from generations.models.erasing import Erasure, LegalHold, RetentionRule
from generations.models.export import Export
from generations.models.generation import Delivery, Generation
from generations.models.image import FormerRendition, Image, Rendition
from generations.models.label_policy import LabelPolicy
from generations.models.mark import Mark, Tag, TagOfImage
from generations.models.money import Budget, BudgetMonth, CreditValue, LastBill
from generations.models.price import Price
from generations.models.prompt_index import IndexedPrompt
from generations.models.proof import Finding, Proof
from generations.models.provider_account import EngineBlock, ProviderAccount
from generations.models.reference import Reference, RunReference
from generations.models.relabelling import Relabelling
from generations.models.run import ERASED, Run
from generations.models.saved_draft import SavedDraft
from generations.models.snippet import Snippet
from generations.models.upstream_mark import UpstreamMark
from generations.models.usage import PersonMonth, UsageDay, WaitDay, WorkMonth
from generations.models.webhook_event import WebhookEvent
from generations.models.worker import Worker

__all__ = [
    "ERASED",
    "BalanceDay",
    "Budget",
    "BudgetMonth",
    "Campaign",
    "Conversion",
    "CreditValue",
    "Delivery",
    "Dismissal",
    "EngineBlock",
    "EngineSetting",
    "Erasure",
    "Export",
    "Finding",
    "FormerRendition",
    "Generation",
    "Image",
    "IndexedPrompt",
    "LabelCertificate",
    "LabelPolicy",
    "LastBill",
    "LegalHold",
    "Mark",
    "PersonMonth",
    "Price",
    "Proof",
    "ProviderAccount",
    "Reference",
    "Relabelling",
    "Rendition",
    "RetentionRule",
    "Run",
    "RunReference",
    "SavedDraft",
    "Snippet",
    "Tag",
    "TagOfImage",
    "TeamDefault",
    "UpstreamMark",
    "UsageDay",
    "WaitDay",
    "WebhookEvent",
    "WorkMonth",
    "Worker",
]
