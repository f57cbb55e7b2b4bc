from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generations import certificates


class Command(BaseCommand):
    help = (
        "Prints the roots of the certificates that sign images, in PEM. Give them to those who are "
        "to verify the studio's images with a reader that does not know the studio. Lines that "
        "begin with # name certificates that were withdrawn; their roots are left out."
    )

    def handle(self, **options: Any) -> None:
        for row in certificates.withdrawn():
            when = f"{row.withdrawn_at:%Y-%m-%d %H:%M:%SZ}"
            self.stdout.write(f"# Withdrawn on {when}: the certificate with SHA-256 {row.sha256}")
        roots = certificates.roots()
        if not roots:
            raise CommandError(
                "There is no root yet: the first image makes it, or `manage.py rotate_label_key`."
            )
        self.stdout.write(roots, ending="")
