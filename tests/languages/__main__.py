"""`make messages`: bring each catalogue up to date, and list what it does not translate."""

import sys

from tests.languages import catalogue


def main() -> int:
    lacking = 0
    for locale in catalogue.languages():
        updated = catalogue.update(locale)
        without = catalogue.missing(updated, updated)
        lacking += len(without)
        told = [f"{locale}: {len(updated)} messages, {len(without)} without a translation"]
        told += [f"  {message.id!r}" for message in without]
        sys.stdout.write("\n".join(told) + "\n")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
