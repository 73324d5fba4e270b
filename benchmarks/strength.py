"""How strong: assay's attacks and torchattacks', with the same settings and steps, all judged by assay's judge.

Robust means here: classified right, and not broken within the budget, as float32 sees it. Only images that the net has
right are attacked, by both sides. Torchattacks gets the same frozen net, so that nobody wastes passes on weights.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import journal  # first: it says how threads wait
import numpy as np
import torch
from contenders import BATCH, counted
from torch import Tensor

from assay import Draws, Victim, judge, l2, load, spec, untargeted
from assay.adversary.goal import Until
from assay.adversary.threat import Threat, read_threat
from assay.adversary.victim import frozen, predicted
from assay.attacks import ATTACKS
from assay.cli.options import load_run
from assay.models.classifier import Classifier

STEP_SIZES = {"linf": 0.01, "l2": 0.2}
NORMS = {"linf": "Linf", "l2": "L2"}
INSIDE = (0.001, 0.999)  # pixels of 0 and 1 cannot move in torchattacks' CW
SHARD = 256
ALIKE = 1.001  # lengths that differ by less are the same
DUEL_HEAD = (
    "threat", "attack", "n", "robust: assay", "robust: torchattacks", "difference, points", "only assay broke it",
    "only torchattacks did", "faults", "passes: assay (of them padding)", "passes: torchattacks", "target",
)  # fmt: skip
LENGTH_HEAD = (
    "", "broken", "l2: median", "l2: mean", "than CW: shorter, longer", "than DeepFool: shorter, longer",
    "passes (of them padding)",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--queried", type=int, default=200, help="images for square")
    parser.add_argument("--minimised", type=int, default=100, help="images for cw and fmn")
    parser.add_argument("--threats", nargs="+", default=["linf(0.1)", "linf(0.3)", "l2(2.0)"])
    parser.add_argument("--duels", nargs="*", choices=list(DUELS), default=list(DUELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", action="store_true", help="append the figures to log.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    for path in asked.runs:
        run, classifier = load_run(path)
        recipe = run.read_json("config.json")["recipe"]
        budgets = compare_budgets(classifier, asked) if asked.duels else []
        tables = [journal.table(DUEL_HEAD, budgets)] if asked.duels else []
        if asked.minimised:
            tables.append(journal.table(LENGTH_HEAD, compare_lengths(classifier, asked.minimised)))
        journal.present(f"strength beside torchattacks, {path.name}", about(recipe, asked), tables, asked.log)


def about(recipe: dict[str, Any], asked: argparse.Namespace) -> list[str]:
    """What a reader must know of the figures."""
    against = f"hardened by {recipe['attack']} at {recipe['threat']}" if recipe["attack"] else "undefended"
    return [
        f"{recipe['model']}, {against}; MNIST test images that it has right, of the first n; float32; {asked.seeds} "
        "seeds, median (smallest–largest); counts of images are sums over the seeds",
        "robust in percent of the images attacked; difference: assay's less torchattacks', negative where assay is "
        "stronger; target: no more than half a point",
        "pgd: 40 steps of 0.01 (l2: 0.2); apgd: 50 steps, one run; square: 1000 questions, the margin; last point "
        "only: assay without its tests on the way, as torchattacks",
        "passes for each image attacked, forward + backward, by hooks, with clean pass, tests, padding",
        f"second table: pixels within {INSIDE}, {asked.minimised} images; median over all, a failure counts as "
        f"infinite; mean over the images that all broke; shorter or longer by more than {ALIKE - 1:.1%}, a failure is "
        "longer than anything",
    ]


@dataclass(frozen=True)
class Images:
    """Those that a net has right."""

    pixels: Tensor
    labels: Tensor
    index: Tensor


@dataclass(frozen=True)
class Answer:
    """What a library returned, judged: which images broke, how long the change is, how many faults, what it cost."""

    broken: np.ndarray
    length: np.ndarray
    faults: int
    passes: tuple[float, float]
    padding: tuple[float, float] = (0.0, 0.0)

    @property
    def robust(self) -> float:
        """In percent."""
        return 100 * (1 - float(self.broken.mean()))


Contender = Callable[[Classifier, Images, Threat, int], Answer]


def ours(text: str, until: Until = "fooled") -> Contender:
    """An attack of assay's, in shards as an evaluation has them; {step} in its text is the norm's step size."""

    def contend(classifier: Classifier, images: Images, threat: Threat, seed: int) -> Answer:
        attack = spec.read(text.format(step=STEP_SIZES[threat.norm.name]), ATTACKS, "attack")
        points, asked = [], [0, 0]
        with counted(classifier) as passes:
            for start in range(0, len(images.labels), SHARD):
                rows = slice(start, start + SHARD)
                with Victim(classifier, access=attack.function.facts.access) as victim:  # type: ignore[attr-defined]
                    goal, draws = untargeted(images.labels[rows], until=until), Draws(seed, images.index[rows])
                    points.append(attack(victim, images.pixels[rows], goal, threat, draws))
                asked = [asked[0] + victim.forwards, asked[1] + victim.backwards]
        real = {"forwards": asked[0], "backwards": asked[1]}
        return judged(classifier, images, threat, torch.cat(points), passes, real)

    return contend


def theirs(make: Callable[[Classifier, Threat, int], Any]) -> Contender:
    """An attack of torchattacks', in batches, each with chance of its own."""

    def contend(classifier: Classifier, images: Images, threat: Threat, seed: int) -> Answer:
        points = []
        with frozen(classifier), counted(classifier) as passes:
            batches = zip(images.pixels.split(BATCH), images.labels.split(BATCH), strict=True)
            for number, (pixels, labels) in enumerate(batches):
                torch.manual_seed(1000 * seed + number)
                points.append(make(classifier, threat, 1000 * seed + number)(pixels, labels))
        return judged(classifier, images, threat, torch.cat(points), passes, passes)

    return contend


def judged(
    classifier: Classifier, images: Images, threat: Threat, points: Tensor, passes: dict[str, int], real: dict[str, int]
) -> Answer:
    """Whatever a library says of its points, the judge decides. A threat without eps is one of smallest changes."""
    kind = "minimum" if threat.eps is None else "budget"
    with Victim(classifier, access="scores") as victim:
        found = judge(victim, images.pixels, untargeted(images.labels), threat, points, kind)
    broken, n = found.verdict == "broken", len(images.labels)
    each = tuple(passes[name] / n for name in ("forwards", "backwards"))
    padding = tuple((passes[name] - real[name]) / n for name in ("forwards", "backwards"))
    length = np.where(broken, found.l2.astype(float), np.inf)
    return Answer(broken, length, int((found.verdict == "fault").sum()), each, padding)  # type: ignore[arg-type]


def _pgd(classifier: Classifier, threat: Threat, _: int) -> Any:
    from torchattacks import PGD, PGDL2

    make, step = {"linf": PGD, "l2": PGDL2}[threat.norm.name], STEP_SIZES[threat.norm.name]
    return make(classifier, eps=threat.eps, alpha=step, steps=40, random_start=True)


def _apgd(classifier: Classifier, threat: Threat, seed: int, loss: str) -> Any:
    from torchattacks import APGD

    return APGD(classifier, norm=NORMS[threat.norm.name], eps=threat.eps, steps=50, n_restarts=1, seed=seed, loss=loss)


def _square(classifier: Classifier, threat: Threat, seed: int) -> Any:
    from torchattacks import Square

    asked = {"n_queries": 999, "n_restarts": 1, "p_init": 0.8, "loss": "margin"}  # and the stripes are a question, too
    return Square(classifier, norm=NORMS[threat.norm.name], eps=threat.eps, seed=seed, **asked)


def _cw(classifier: Classifier, *_: object) -> Any:
    from torchattacks import CW

    return CW(classifier, c=1, kappa=0, steps=400, lr=0.01)


def _deepfool(classifier: Classifier, *_: object) -> Any:
    from torchattacks import DeepFool

    return DeepFool(classifier, steps=50, overshoot=0.02)


PGD_TEXT = "pgd(steps=40, step_size={step})"
DUELS: dict[str, tuple[Contender, dict[str, Contender]]] = {
    "pgd": (theirs(_pgd), {"pgd": ours(PGD_TEXT), "pgd, last point only": ours(PGD_TEXT, "end")}),
    "apgd": (theirs(partial(_apgd, loss="ce")), {"apgd, ce": ours('apgd(steps=50, loss="ce")')}),
    "apgd-dlr": (theirs(partial(_apgd, loss="dlr")), {"apgd, dlr": ours('apgd(steps=50, loss="dlr")')}),
    "square": (theirs(_square), {"square": ours("square(steps=1000)")}),
}
SHORTEST: dict[str, Contender] = {
    "torchattacks CW, 400 steps": theirs(_cw),
    "torchattacks DeepFool, 50 steps": theirs(_deepfool),
    "assay cw, 4 × 100 steps": ours("cw(steps=100, searches=4)"),
    "assay cw, 4 × 80 steps": ours("cw(steps=80, searches=4)"),
    "assay fmn, 100 steps": ours("fmn(steps=100)"),
    "assay fmn, 300 steps": ours("fmn(steps=300)"),
    "assay deepfool, 50 steps": ours("deepfool(steps=50)"),
}


def compare_budgets(classifier: Classifier, asked: argparse.Namespace) -> list[tuple[object, ...]]:
    """A row for each threat and attack of assay's."""
    rows = []
    for threat in map(read_threat, asked.threats):
        for name in asked.duels:
            peer, contenders = DUELS[name]
            n = min(asked.queried, asked.images) if name == "square" else asked.images
            images = right(classifier, n)
            there = tried(f"torchattacks {name}", peer, classifier, images, threat, asked.seeds)
            for label, contender in contenders.items():
                here = tried(label, contender, classifier, images, threat, asked.seeds)
                rows.append((threat, label, len(images.labels), *faced(here, there)))
                print(json.dumps([str(cell) for cell in rows[-1]]), file=sys.stderr, flush=True)
    return rows


def tried(
    name: str, contend: Contender, classifier: Classifier, images: Images, threat: Threat, seeds: int
) -> list[Answer]:
    """An answer for each seed."""
    began = time.perf_counter()
    answers = [contend(classifier, images, threat, seed) for seed in range(seeds)]
    robust = ", ".join(f"{answer.robust:.1f}" for answer in answers)
    print(f"{threat} {name}: {robust} in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return answers


def faced(here: Sequence[Answer], there: Sequence[Answer]) -> list[str]:
    """What a row says of assay (here) and its peer."""
    pairs = list(zip(here, there, strict=True))
    differences = [one.robust - other.robust for one, other in pairs]
    return [
        journal.spread((one.robust for one in here), 1),
        journal.spread((other.robust for other in there), 1),
        journal.spread(differences, 1),
        str(sum(int((one.broken & ~other.broken).sum()) for one, other in pairs)),
        str(sum(int((other.broken & ~one.broken).sum()) for one, other in pairs)),
        f"{sum(one.faults for one in here)}, {sum(other.faults for other in there)}",
        cost(here, padding=True),
        cost(there),
        "met" if statistics.median(differences) <= 0.5 else "missed",
    ]


def cost(answers: Sequence[Answer], padding: bool = False) -> str:
    """Passes forward + backward, the mean over the seeds."""

    def both(values: Iterable[tuple[float, float]]) -> str:
        return " + ".join(f"{statistics.mean(each):.1f}" for each in zip(*values, strict=True))

    passes = both(answer.passes for answer in answers)
    return f"{passes} ({both(answer.padding for answer in answers)})" if padding else passes


def compare_lengths(classifier: Classifier, n: int) -> list[tuple[object, ...]]:
    """A row for each attack that looks for the smallest change."""
    images = right(classifier, n, INSIDE)
    found = {name: tried(name, contend, classifier, images, l2(), 1)[0] for name, contend in SHORTEST.items()}
    everybody = np.logical_and.reduce([answer.broken for answer in found.values()])
    marks = [answer.length for answer in list(found.values())[:2]]
    rows = []
    for name, answer in found.items():
        beside = [f"{(answer.length * ALIKE < mark).sum()}, {(answer.length > mark * ALIKE).sum()}" for mark in marks]
        median = float(np.median(answer.length))
        mean = answer.length[everybody].mean() if everybody.any() else np.nan
        share = f"{answer.broken.sum()} of {len(answer.broken)}"
        rows.append((name, share, f"{median:.3f}", f"{mean:.3f} ({everybody.sum()})", *beside, cost([answer], True)))
    return rows


def right(classifier: Classifier, n: int, box: tuple[float, float] = (0.0, 1.0)) -> Images:
    """Of the first n test images those that the net has right, with pixels within the box."""
    images = load("mnist", "test", n)
    pixels = images.pixels().clamp(*box)
    with Victim(classifier, access="scores") as victim:
        rows = (predicted(victim.logits(pixels)) == images.labels).nonzero()[:, 0]
    return Images(pixels[rows], images.labels[rows], images.index[rows])


if __name__ == "__main__":
    main()
