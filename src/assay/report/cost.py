"""What an attack climbed, step by step, where it recorded that."""

from assay.report.figures import DASHES, RUNS, drawing, key, svg
from assay.report.html import Panel
from assay.report.seen import Seen

FILL = "assay attack {run} --attack penalised --goal 'toward(3)' --threat 'l2(5)'"


def cost(seen: list[Seen]) -> Panel:
    """A line for each attack that keeps a curve: the mean over the first images."""
    plain = "How an attack with a price on distance climbs: a flat end says that more steps would change nothing."
    found = [
        (one, name, values)
        for one in seen
        if one.attacked and one.attacked.folder.has("curves.safetensors")
        for name, values in sorted(one.attacked.folder.read_arrays("curves.safetensors").items())
    ]
    if not found:
        return Panel("cost", "The climb", plain, fill=FILL.format(run=seen[0].typed))
    texts = []
    with drawing(6.4, 3 + 0.25 * len(found)) as (figure, ax):
        for place, (one, name, values) in enumerate(found):
            colour, dash = RUNS[one.place % len(RUNS)], DASHES[place % len(DASHES)]
            ax.plot(range(len(values)), values, color=colour, linestyle=dash, label=key(f"{one.name}: {name}"))
            texts.append(f"{one.name}, {name}: from {values[0]:.3g} to {values[-1]:.3g} in {len(values)} steps")
        ax.set(xlabel="step", ylabel="what is climbed, mean")
        figure.legend(loc="outside lower center", fontsize=9)
        body = svg(figure, "cost", "What the attacks climbed", "; ".join(texts) + ".")
    return Panel("cost", "The climb", plain, body)
