from django.db import models
from django.utils.translation import gettext_lazy as _


class LabelCertificate(models.Model):
    """A certificate that signs or signed images, with those above it.

    Rows stay for ever, so that any machine verifies old files, and nothing in them is changed but
    `withdrawn_at`: from then on others may have its key, or that of its root.
    """

    class Origin(models.TextChoices):
        OWN = "own", _("made by the studio")
        GIVEN = "given", _("set by LABEL_CHAIN")

    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    serial = models.CharField(_("serial number"), max_length=50, db_index=True)
    # In PEM, the signing certificate first, its root last.
    chain = models.TextField(_("chain"))
    origin = models.CharField(_("origin"), max_length=8, choices=Origin.choices)
    begins_at = models.DateTimeField(_("valid from"))
    ends_at = models.DateTimeField(_("valid until"))
    created_at = models.DateTimeField(_("in use since"), auto_now_add=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("signing certificate")
        verbose_name_plural = _("signing certificates")

    def __str__(self) -> str:
        return self.sha256
