"""Acts on credits in any order: `python -m tests.faults credits [EXAMPLES] [SEED]`.

Prints the seed, what was done and the CPU time. With the same seed, the same examples come again.
The smallest example that fails is printed step by step.
"""

import logging
import random
import sys
import time
from collections import Counter

from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.credit_machine import CreditMachine, make_people
from tests.faults.standalone import studio

EXAMPLES, STEPS = 2000, 20


def main(examples: int = EXAMPLES, number: int = 0) -> int:
    logging.disable()
    number = number or random.SystemRandom().randrange(1, 10**6)
    sys.stdout.write(f"{connection.vendor}: {examples} examples, seed {number}\n")
    sys.stdout.flush()
    CreditMachine.done = done = Counter[str]()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    with studio():
        CreditMachine.people = make_people()
        started = time.process_time()
        run_state_machine_as_test(seed(number)(CreditMachine), settings=chosen)
        seconds = time.process_time() - started
    acts = ", ".join(f"{name} {count}" for name, count in sorted(done.items()))
    sys.stdout.write(f"{connection.vendor}: no example fails; {seconds:.0f} s of CPU; {acts}\n")
    return 0
