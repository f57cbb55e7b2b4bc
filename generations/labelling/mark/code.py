"""How a number becomes bits that survive errors, and comes back.

40 bits of number and 24 check bits that depend on the key are encoded with a convolutional code of
rate 1/4 and constraint length 9 (generators 463, 535, 733, 745: Proakis, Digital Communications,
table 8.2-3, free distance 24) and decoded with the Viterbi algorithm.
"""

import hashlib
import hmac

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NUMBER_BITS, CHECK_BITS = 40, 24
LARGEST_NUMBER = 2**NUMBER_BITS - 1

_MEMORY = 8
_GENERATORS = (0o463, 0o535, 0o733, 0o745)
_STATES = 2**_MEMORY
_STEPS = NUMBER_BITS + CHECK_BITS + _MEMORY
CODED_BITS = _STEPS * len(_GENERATORS)


def encode(number: int, key: bytes) -> Floats:
    """The number's code word: `CODED_BITS` values of 1 or -1. Raises ValueError."""
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError(f"the mark holds numbers from 0 to {LARGEST_NUMBER}")
    message = number << CHECK_BITS | _check(number, key)
    register, word = 0, []
    for step in range(_STEPS):
        bit = message >> (NUMBER_BITS + CHECK_BITS - 1 - step) & 1 if step < _STEPS - _MEMORY else 0
        register = bit << _MEMORY | register >> 1
        word += [_parity(register & generator) for generator in _GENERATORS]
    return np.array(word, np.float32)


def decode(received: Floats, key: bytes) -> list[int | None]:
    """The number in each row of `received`, or None where the check bits do not fit.

    A row has `CODED_BITS` values: the sign is the bit, the size how certain it is.
    """
    return [_checked(bits, key) for bits in _viterbi(received)]


def _checked(bits: NDArray[np.uint8], key: bytes) -> int | None:
    message = int.from_bytes(np.packbits(bits[: NUMBER_BITS + CHECK_BITS]).tobytes())
    number = message >> CHECK_BITS
    return number if message & 2**CHECK_BITS - 1 == _check(number, key) else None


def _check(number: int, key: bytes) -> int:
    return int.from_bytes(hmac.digest(key, b"check %d" % number, hashlib.sha256)[:3])


def _parity(value: int) -> int:
    return 1 if value.bit_count() % 2 else -1


# A state is the last eight bits, the newest first. States 2k and 2k+1 both lead to k, and with a
# one as the next bit to k + 128.
_OUTPUTS = np.array(
    [
        [_parity((bit << _MEMORY | state) & generator) for generator in _GENERATORS]
        for bit in (0, 1)
        for state in range(_STATES)
    ],
    np.float32,
)


def _viterbi(received: Floats) -> NDArray[np.uint8]:
    """The most likely bits of each row."""
    rows = len(received)
    scores = np.full((rows, _STATES), -np.inf, np.float32)
    scores[:, 0] = 0
    steps = received.reshape(rows, _STEPS, len(_GENERATORS))
    chosen = np.empty((_STEPS, rows, _STATES), np.bool_)
    for step in range(_STEPS):
        gains = (steps[:, step] @ _OUTPUTS.T).reshape(rows, 2, _STATES)
        ways = (gains + scores[:, None]).reshape(rows, _STATES, 2)
        chosen[step] = ways[..., 1] > ways[..., 0]
        scores = ways.max(axis=2)
    return _traced_back(chosen)


def _traced_back(chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    rows = chosen.shape[1]
    state, every = np.zeros(rows, np.int64), np.arange(rows)
    bits = np.empty((rows, _STEPS), np.uint8)
    for step in reversed(range(_STEPS)):
        bits[:, step] = state >> (_MEMORY - 1)
        state = (state << 1 & _STATES - 1) | chosen[step, every, state]
    return bits
