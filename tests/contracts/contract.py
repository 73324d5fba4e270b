"""The contract: every check, in one list. A check takes a call of an attack and raises AssertionError if it fails.

A check knows the facts of an attack and never its name: a new file in assay/attacks is held to all of them.
"""

from collections.abc import Callable
from types import ModuleType

from assay.spec import Call
from tests.contracts import company, examined, form, limits, manners, power, smallest

Check = Callable[[Call], None]


def _checks(module: ModuleType) -> dict[str, Check]:
    return {name.removeprefix("check_"): value for name, value in vars(module).items() if name.startswith("check_")}


CHECKS: dict[str, Check] = {
    name: check
    for module in (examined, power, smallest, limits, manners, company, form)
    for name, check in _checks(module).items()
}
