"""Every attack of the folder keeps every line of the contract."""

import pytest

from assay.attacks import ATTACKS
from assay.spec import defaults, read
from tests.contracts import company, examined, limits, power, smallest
from tests.contracts.contract import CHECKS
from tests.contracts.play import facts, having, settings

HARD = {module.__name__ for module in (examined, power, smallest)}
SLOW = HARD | {module.__name__ for module in (company, limits)}


def _cases():
    """What an attack can do it does with its usual questions; without gradients those are many. All the rest is shown
    by a few."""
    for name in ATTACKS:
        call = having(read(name, ATTACKS, "attack"), samples=20)
        asks = "steps" in settings(call) and (
            facts(call).access != "gradients" or defaults(call.function)["steps"] > 500
        )
        few = having(call, steps=5, samples=4, tries=4) if "samples" in settings(call) else having(call, steps=60)
        if "effort" in settings(call):  # the same walks, fewer of them
            call = having(call, effort="quick")
        for check, function in CHECKS.items():
            patient = facts(call).kind == "minimum" or (asks and function.__module__ in SLOW)
            marks = pytest.mark.slow if patient else ()
            some = few if asks and function.__module__ not in HARD else call
            yield pytest.param(some, check, id=f"{name}-{check}", marks=marks)


def _at_length():
    for check in CHECKS:
        yield pytest.param(
            read("cascade", ATTACKS, "attack"), check, id=f"cascade-standard-{check}", marks=pytest.mark.long
        )


@pytest.mark.parametrize(("call", "check"), [*_cases(), *_at_length()])
def test_attack(call, check):
    CHECKS[check](call)
