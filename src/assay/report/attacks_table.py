"""What each attack did at the threat's eps, what it cost, and the worst case over all of them."""

from assay.report.html import Panel, percent, table
from assay.report.seen import Evaluated, Seen


def attacks_table(seen: list[Seen]) -> Panel:
    """An attack that breaks less than random noise, or a fault, would show here."""
    plain = (
        "Each attack alone, then all together: an image counts as robust only if it is right and survives every one."
    )
    attacked = [(one, one.attacked) for one in seen if one.attacked]
    if not attacked:
        return Panel("attacks", "Attack by attack", plain, fill=f"assay evaluate {seen[0].typed}")
    rows = [row for one, evaluation in attacked for row in _rows(one, evaluation)]
    head = ("model", "attack", "accuracy left (95 %)", "broken", "faults", "passes an image", "seconds")
    eps = attacked[0][1].eps
    return Panel("attacks", "Attack by attack", plain, table(head, rows, f"At eps {eps:.4g}"))


def _rows(one: Seen, evaluation: Evaluated) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [(one.name, "none", percent(evaluation.figures["clean"]), "", "", "", "")]
    for line in evaluation.figures["attacks"]:
        if line["eps"] != evaluation.eps:
            continue
        cost = evaluation.costs[line["attack"], line["eps"]]
        passes = evaluation.passes(line)
        broken = f"{line['broken']} of {line['attacked']}"
        rows.append(
            (one.name, line["attack"], percent(line), broken, line["faults"], f"{passes:.1f}", f"{cost['seconds']:.2f}")
        )
    robust = evaluation.robust(evaluation.eps)
    rows.append((one.name, "all together", percent(robust), f"{robust['n'] - robust['count']} not robust", "", "", ""))
    for line in evaluation.figures["certified"] or ():
        if line["eps"] == evaluation.eps and line["count"]:
            what = "any attack whatever: proven"
            rows.append((one.name, what, percent(line), f"{line['n'] - line['count']} not proven", "", "", ""))
    return rows
