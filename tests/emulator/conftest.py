from tests.emulator.fixtures import emulator, running_emulator

__all__ = ["emulator", "running_emulator"]
