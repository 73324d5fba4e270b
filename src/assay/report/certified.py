"""What is proven: how many images no attack whatever can break, beside how many the attacks have left."""

from assay.report.html import Panel, percent, table
from assay.report.seen import Evaluated, Seen

TITLE = "Certified bound"


def certified(seen: list[Seen]) -> Panel:
    """The lower bound by interval arithmetic, and the upper one by the attacks, at every eps."""
    plain = (
        "Attacks show that a picture can be broken; a proof shows that it cannot. The truth lies between the two. A "
        "bound of 0 says only that this way of proving did not succeed."
    )
    attacked = [(one, one.attacked) for one in seen if one.attacked and one.attacked.figures["certified"]]
    if not attacked:
        run = seen[0].typed
        return Panel(
            "certified", TITLE, plain, fill=f"assay harden {run} --method ibp --threat 'linf(0.1)' --out PROVEN"
        )
    head = ("model", "eps", "proven (95 %)", "not broken (95 %)", "neither proven nor broken")
    rows = [row for pair in attacked for row in _rows(*pair)]
    return Panel(
        "certified", TITLE, plain, table(head, rows, "At every eps: at least, and at most, so many are robust")
    )


def _rows(one: Seen, evaluation: Evaluated) -> list[tuple[object, ...]]:
    return [
        (
            one.name,
            f"{line['eps']:.4g}",
            percent(line),
            percent(left),
            f"{left['count'] - line['count']} of {line['n']}",
        )
        for line in evaluation.figures["certified"]
        if line["eps"] and (left := evaluation.robust(line["eps"]))
    ]
