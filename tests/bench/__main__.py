"""`python -m tests.bench`: see `measuring`."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.bench.measuring import main  # noqa: E402  # needs the settings above

sys.exit(main())
