"""`make messages`: bring each catalogue up to date, and list what it does not translate."""

import sys

from tests.languages import catalogue


def main() -> int:
    lacking = 0
    for locale in catalogue.languages():
        updated = catalogue.update(locale)
        without = catalogue.missing(updated, updated)
        lacking += len(without)
        print(f"{locale}: {len(updated)} messages, {len(without)} without a translation")
        for message in without:
            print(f"  {message.id!r}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
