"""Do the same pixels get the same answer? If not, how often do points fool, and what does the mean gradient break?"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.evaluate.checks import ASKED, Case, Finding, Light, check, found
from assay.evaluate.checks.probes import STEPS, few, fools, new_falls, of

DRAWS = 8  # draws of the model that one gradient is the mean of: Athalye and others take 10 to 30
VOTES = 16  # draws by which a point is judged
FOOLS = 0.5  # of the draws: below, a point that the suite counts as broken is not what the model mostly answers


@check()
def randomness(case: Case) -> Finding:
    """Ask several times; attack the expectation over draws where it matters (EoT, Athalye et al. 2018, 1802.00420).

    A survivor has fallen if the points of a PGD along the gradient of the mean logits fool most of 16 draws.
    """
    if not case.randomised:
        return found("green", f"the same pixels get the same answer, {ASKED} times", asked=ASKED)
    if case.access == "labels":
        return found("amber", "randomised: the same pixels get different classes, and there are no scores to average")
    moved = (case.answers.argmax(2) != case.labels).float().mean()
    said = f"randomised: the same clean pixels are wrong in {float(moved):.0%} of {ASKED} askings"
    evidence = {"clean_wrong": float(moved)}
    light: Light = "amber"
    if case.points is not None and case.broken.any():
        held = _votes(case, case.broken.nonzero()[:, 0], case.points[case.broken])
        evidence["draws_fooled"] = float(held.mean())
        said += f"; what the suite counts as broken fools in {evidence['draws_fooled']:.0%} of the draws"
        light = "red" if evidence["draws_fooled"] < FOOLS else light
    rows = few(case)
    if not case.differentiable or not len(rows):
        return found(light, said, **evidence)
    with Victim(Mean(case.classifier), micro_batch=len(rows)) as victim:
        goal = untargeted(case.labels[rows], "margin")
        points = pgd(victim, case.images[rows], goal, case.threat, case.draws[rows], steps=STEPS)
    fell = _votes(case, rows, points) > FOOLS
    evidence |= {"looked": len(rows), "fell": int(fell.sum())}
    light = "red" if new_falls(case, fell) == "red" else light
    said += f"; along the gradient's mean over {DRAWS} draws {of(fell, len(fell))} survivors fall: it needs EoT"
    return found(light, said, **evidence)


class Mean(nn.Module):
    """A randomised model, in expectation: the mean of its logits over several draws."""

    def __init__(self, model: nn.Module, draws: int = DRAWS) -> None:
        super().__init__()
        self.model, self.draws = model, draws

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """One pass for each draw, for a model may use one draw for a whole batch."""
        return torch.stack([self.model(images) for _ in range(self.draws)]).mean(0)


def _votes(case: Case, rows: Tensor, points: Tensor) -> Float[Tensor, "R"]:
    """The share of draws in which each point fools."""
    return torch.stack([fools(case, rows, points) for _ in range(VOTES)]).float().mean(0)
