"""What the doctor says of everybody's attacks, of ours too: the same checks, one code with two uses."""

from assay.doctor.attack import examine_attack
from assay.evaluate.guest import house
from assay.spec import Call
from tests.contracts.play import facts


def check_the_doctor_finds_nothing(call: Call) -> None:
    """In no norm that it knows. What it promises to this house alone is in the other files of the contract."""
    kind = facts(call).kind
    if kind in ("budget", "minimum"):
        for norm in facts(call).norms:
            found = examine_attack(house(call, norm), norm=norm, claims="minimum" if kind == "minimum" else None)  # type: ignore[arg-type]
            assert found.healthy, f"{norm}: " + "; ".join(f"{each.name}: {each.effect}" for each in found.findings)
