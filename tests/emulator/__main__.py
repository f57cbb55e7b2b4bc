"""`python -m tests.emulator --port 8899`: the emulator as a process, until Ctrl-C or SIGTERM."""

import argparse
import contextlib
import signal
import sys

from tests.emulator.server import CHAPTERS, Emulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long a task takes")
    parser.add_argument("--small", action="store_true", help="images an eighth as wide and high")
    parser.add_argument("--fetch-references", action="store_true")
    options = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Emulator(**options) as emulator:
        print(f"PROVIDER_PRIVATE_HOSTS={emulator.host}")  # noqa: T201
        for chapter in CHAPTERS:
            name = chapter.name.upper()
            print(f"{name}_BASE_URL={emulator.base_url(chapter.name)}")  # noqa: T201
            print(f"{name}_API_KEY={emulator.key(chapter.name)}", flush=True)  # noqa: T201
            for option, value in emulator.options(chapter.name).items():
                print(f"{name}_{option.upper()}={value}", flush=True)  # noqa: T201
        print(flush=True)  # noqa: T201  # that was all
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
