"""What a batch is hardened with: one method in one file, one function named like it; beside these, any attack.

method(batch, *, settings) -> fit      it crafts, and returns what is to be learnt from what it made:
fit() -> logits, loss                  `(B, K)` and a number; called once for each step of the weights
"""

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any

from assay import spec
from assay.adversary.threat import Threat
from assay.attacks import ATTACKS
from assay.spec import Folder
from assay.train.methods.batch import Fit

__all__ = ["KNOWN", "METHODS", "Fit", "read_method", "single_step"]

METHODS = Folder("assay.train.methods", helpers=("batch",))
KNOWN: Mapping[str, Callable[..., Any]] = ChainMap(METHODS, ATTACKS)  # type: ignore[arg-type]
ONLY_LINF = ("fast", "ibp")
ONE_STEP = ("fast", "fgsm")


def single_step(method: spec.Call) -> bool:
    """Whether a method makes one step: those can be learnt by heart."""
    return method.name in ONE_STEP or method.settings.get("steps") == 1


def read_method(text: str, threat: Threat) -> spec.Call:
    """The method that text such as "pgd(steps=7)" or "trades(beta=6)" names; ValueError in one line if it is none."""
    call = spec.read(text, KNOWN, "method")
    norm = threat.norm.name
    if call.name in METHODS:
        allowed: tuple[str, ...] = ("linf",) if call.name in ONLY_LINF else ("linf", "l2", "l1")
    else:
        facts = call.function.facts  # type: ignore[attr-defined]
        if facts.kind != "budget":
            raise ValueError(f"{call.name} spends no eps: a hardening needs an attack that does, such as pgd(steps=7)")
        allowed = facts.norms
    if norm not in allowed:
        raise ValueError(f"{call.name} is for {' and '.join(allowed)}, got {threat}")
    return call
