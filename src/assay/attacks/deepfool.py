"""DeepFool: step to the nearest class boundary, as if every logit were linear, until one has been crossed."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import Goal, Logits, targeted
from assay.adversary.norms import as_column
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim, predicted
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive

Images = Float[Tensor, "B C H W"]
PerImage = Float[Tensor, "B"]
TIE = 1e-6  # logits: breaks a tie that the label has won
FAR = 1e6  # pixels: room where there is no box
TINY = 1e-30


@attack(
    kind="minimum",
    access="gradients",
    norms=("linf", "l2", "l1"),
    oracle_factor={"linf": 1.05, "l2": 1.05, "l1": 1.05},
)
def deepfool(
    victim: Victim,
    images: Images,
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 50,
    classes: Count = 9,
    overshoot: Positive = 0.02,
) -> Images:
    """Moosavi-Dezfooli et al. 2016, arXiv 1511.04599, algorithm 2 and §3.3: x ← x + r to the nearest of the boundaries
    with the likeliest other `classes`, where r is the smallest change with ∇gap · r = -gap, gap = z_label - z_other.

    overshoot is the share of the gap by which r goes beyond.

    Differs: r is the smallest *within the pixel box*, where the authors take |gap| / ‖∇gap‖ and clip: pixels at its
    edge leave the rest to the others, and linear classifiers need one step. Each step overshoots, not their sum.
    The authors aim at no class. Toward one, its boundary with the best other is crossed; in linf its boundaries with
    all, each pixel by the largest of their steps.
    """
    search, free = Search(victim, images, goal, threat), threat.at(None)
    rivals = _likeliest(goal, victim.logits(images), classes)
    points = images
    for _ in search.rounds(steps):
        logits = victim.logits(points)  # in float32: what is left to go may be little
        won = goal.reached(predicted(logits))
        if goal.until == "fooled" and bool(won.all()):
            break
        step = size = None
        for gap, slope in _boundaries(victim, points, logits, goal, rivals, threat):
            found = _smallest(free, points, slope, (1 + overshoot) * gap + TIE)
            length = free.size(found).masked_fill((slope * found).flatten(1).sum(1) < gap, torch.inf)  # out of reach
            if step is None or size is None:
                step, size = found, length
            elif goal.targeted:
                step = torch.where(found.abs() > step.abs(), found, step)
            else:
                nearer = ~(length >= size)
                step, size = torch.where(as_column(nearer, found), found, step), torch.where(nearer, length, size)
        assert step is not None
        points = torch.where(as_column(won, points), points, free.project(points + step, images))
    search.look(points)
    return search.best


def _likeliest(goal: Goal, logits: Logits, classes: int) -> Int64[Tensor, "B N"]:
    others = logits.scatter(1, goal.classes[:, None], -torch.inf)
    return others.topk(min(classes, logits.shape[1] - 1), dim=1).indices


def _boundaries(
    victim: Victim, points: Images, logits: Logits, goal: Goal, rivals: Int64[Tensor, "B N"], threat: Threat
) -> list[tuple[PerImage, Images]]:
    """Of each boundary how many logits away it is, and the gradient along which that shrinks."""
    if goal.targeted and threat.norm.name != "linf":
        margin = replace(goal, loss="margin")
        return [(-margin.score(logits), victim.gradients(points, [margin])[1][0])]
    sign = -1 if goal.targeted else 1
    logit = [targeted(one, loss="logit") for one in (goal.classes, *rivals.unbind(1))]
    own, *others = victim.gradients(points, logit)[1]
    return [
        (sign * (logit[0].score(logits) - rival.score(logits)), sign * (gradient - own))
        for rival, gradient in zip(logit[1:], others, strict=True)
    ]


def _smallest(threat: Threat, points: Images, slope: Images, gap: PerImage) -> Images:
    """The smallest delta in the box with slope · delta = gap; as far as the box lets it, where that is not enough.

    For linf and l2 a pixel moves by min(t · pace, room), where pace is 1 or |slope|. What that gains is concave in t
    and piecewise linear, with a corner where a pixel runs out of room: the t in search is the largest over its pieces.
    For l1 the steepest pixels move, one after the other.
    """
    steep, want = slope.flatten(1).double().abs(), gap.double()[:, None]
    low, high = threat.box or (-FAR, FAR)
    room = torch.where(slope > 0, high - points, points - low).flatten(1).double().clamp_min(0)
    if threat.norm.name == "l1":
        order = steep.argsort(dim=1, descending=True, stable=True)
        gains, rooms = (steep * room).gather(1, order), room.gather(1, order)
        share = ((want - (gains.cumsum(1) - gains)) / gains.clamp_min(TINY)).clamp(0, 1)
        moves = torch.empty_like(room).scatter_(1, order, share * rooms)
    else:
        pace = steep if threat.norm.name == "l2" else (steep > 0).double()
        order = (room / pace.clamp_min(TINY)).argsort(dim=1, stable=True)
        gains, rates = (steep * room).gather(1, order), (steep * pace).gather(1, order)
        rest = rates.flip(1).cumsum(1).flip(1)
        t = ((want - (gains.cumsum(1) - gains)) / rest.clamp_min(TINY)).amax(1, keepdim=True)
        moves = torch.minimum(t.clamp_min(0) * pace, room)
    return (moves * slope.flatten(1).sign() + 0 * steep).to(points).reshape_as(points)
