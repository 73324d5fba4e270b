"""Cascade: a few cheap walks on every image, and more of them only where the boundary has come near."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import as_column, unit
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim, predicted
from assay.attacks import attack
from assay.chance import Draws

Images = Float[Tensor, "B C H W"]
Kind = Literal["probability", "margin"]
Effort = Literal["quick", "standard"]
PATIENCE = 2.0  # times what its last walk gained: how much further a class may get
CLOSE = 0.02  # a run that ended so near may be got across by another
LONG = 20  # steps of a run whose end tells how near an image comes
WIDE = 1.5  # times eps: how far a relaxed walk may stray at first


@dataclass(frozen=True)
class Walk:
    """One walk, of each image on several lines at once. Lengths are in eps; margins and leads, in the standard
    deviations of an image's own clean logits.

    climbs: for each line the margin of probabilities, the margin, or the lead of the n-th nearest class over the label.
    near, lead: only images whose best margin so far is above -near, and where that class has led by more than -lead.
    again: only where earlier runs ended so differently, or so near, that one more may get across.
    leave: after so many steps those go whose margin is below minus that. relaxed: every line once for each, with a
    ball that over so many steps shrinks from WIDE to its size. onward: from the best point so far, not from a random
    one. exact: in float32.
    """

    steps: int
    climbs: Sequence[Kind | int]
    near: float = math.inf
    lead: float = math.inf
    again: bool = False
    leave: tuple[tuple[int, float], ...] = ()
    relaxed: tuple[int, ...] = (0,)
    onward: bool = False
    size: float = 1.0
    exact: bool = False
    momentum: float = 0.75


EITHER: tuple[Kind, ...] = ("probability", "margin")
FIRST = Walk(20, ["probability"], leave=((10, 1.0),), momentum=0.5)
SCHEDULES: dict[Effort, tuple[tuple[Walk, ...], ...]] = {  # walks that are taken together have as many steps
    "quick": (
        (FIRST,),
        (Walk(3, range(1, 5), near=0.7, momentum=0.0),),
        (Walk(20, ["margin"], near=0.2, leave=((5, 0.15),), momentum=0.0),),
        (
            Walk(30, [1, 2], lead=0.05, momentum=0.0),
            Walk(30, EITHER, near=0.2, again=True, relaxed=(0, 0), momentum=0.0),
        ),
        (Walk(20, ["margin"], near=0.05, onward=True, size=0.25, exact=True),),
    ),
    "standard": (
        (FIRST,),
        (Walk(3, range(1, 10), near=1.0, momentum=0.0),),
        (Walk(10, [1, 2, 3, 4], lead=0.5, momentum=0.0),),
        (Walk(20, ["margin"], near=0.5, leave=((10, 0.3),), momentum=0.5),),
        (
            Walk(50, [1, 2, 3, 4], lead=0.5, again=True, momentum=0.0),
            Walk(50, EITHER, near=0.5, again=True, relaxed=(0, 0, 0), momentum=0.0),
            Walk(50, EITHER, near=0.5, again=True, relaxed=(10,)),
        ),
        (
            Walk(100, EITHER, near=0.3, again=True, relaxed=(0, 0), momentum=0.0),
            Walk(100, EITHER, near=0.3, again=True, relaxed=(20,)),
        ),
        (
            Walk(40, [1, 2], lead=0.05, exact=True, momentum=0.0),
            Walk(40, ["margin"], near=0.05, onward=True, size=0.25, exact=True),
            Walk(40, ["margin"], near=0.03, exact=True),
        ),
    ),
}


@attack(kind="budget", access="gradients", norms=("linf", "l2", "l1"), oracle_factor={"linf": 1.02, "l2": 1.02})
def cascade(
    victim: Victim, images: Images, goal: Goal, threat: Threat, draws: Draws, *, effort: Effort = "standard"
) -> Images:
    """A schedule of short walks; what they have learnt of an image's margins decides which it gets next.

    Every walk is PGD with momentum and a cosine step from eps (see pgd). They differ in what they climb: the margin
    between probabilities, at the image's own temperature; that between logits; or the lead of one other class.
    Sources: probability margins, Ma et al. 2024, arXiv 2411.15210; cosine steps from eps, Liu et al. 2022, arXiv
    2203.05154; relaxed balls and leaving where it is hopeless, constraint relaxation, AAAI 2025, article 32670.
    """
    standing = Standing(victim, images, goal, threat)
    for number, walks in enumerate(SCHEDULES[effort]):
        standing.take(walks, draws, number)
    standing.search.look(standing.best)
    return standing.search.best


@dataclass(frozen=True)
class Lines:
    """Where the lines of a walk are. An image has as many as it is worth; `rows` says whose each is."""

    rows: Int64[Tensor, "L"]
    rival: Int64[Tensor, "L"]  # the class to overtake the label; -1 for none in particular
    soft: Bool[Tensor, "L"]  # whether it climbs the margin of probabilities
    relaxed: Int64[Tensor, "L"]  # the steps over which its ball shrinks
    size: Float[Tensor, "L"]  # of its first step, in eps
    momentum: Float[Tensor, "L"]
    counts: Bool[Tensor, "L"]  # whether its end tells how near an image comes: an untargeted run from a random point
    points: Float[Tensor, "L C H W"]
    direction: Float[Tensor, "L C H W"]
    top: Float[Tensor, "L"]  # the best margin on this line

    @classmethod
    def of(cls, parts: Sequence["Lines"]) -> "Lines":
        """All of them."""
        return cls(*(torch.cat(values) for values in zip(*(vars(part).values() for part in parts), strict=True)))

    def __getitem__(self, rows: Tensor) -> "Lines":
        return Lines(*(values[rows] for values in vars(self).values()))


@dataclass(frozen=True)
class Climbed:
    """What each line climbs. It is unchanged when the logits are shifted or scaled: `spread` is scaled with them."""

    goal: Goal
    spread: Float[Tensor, "L"]
    rival: Int64[Tensor, "L"]
    soft: Bool[Tensor, "L"]

    def __getitem__(self, rows: Tensor | slice) -> "Climbed":
        return Climbed(self.goal[rows], self.spread[rows], self.rival[rows], self.soft[rows])

    def score(self, logits: Float[Tensor, "L K"]) -> Float[Tensor, "L"]:
        own, cooled = self.goal.classes[:, None], 2 * logits / self.spread[:, None]
        if self.goal.targeted:  # the probability of a class far off is flat; its logarithm is not
            best = torch.where(self.soft, cooled.log_softmax(1).gather(1, own)[:, 0], -_leads(logits, own).amax(1))
        else:
            best = _leads(torch.where(self.soft[:, None], cooled.softmax(1), logits), own).amax(1)
        lead = logits.gather(1, self.rival.clamp_min(0)[:, None])[:, 0] - logits.gather(1, own)[:, 0]
        return torch.where(self.rival >= 0, lead, best)


def _leads(logits: Float[Tensor, "L K"], own: Int64[Tensor, "L 1"]) -> Float[Tensor, "L K"]:
    """By how much each other class is ahead of one; -inf for itself."""
    return (logits - logits.gather(1, own)).scatter(1, own, -torch.inf)


class Standing:
    """What is known of each image: whether it still stands, its best margin and where that was, the best lead of every
    class, and the lowest and the highest margin that its long lines have ended with."""

    def __init__(self, victim: Victim, images: Images, goal: Goal, threat: Threat) -> None:
        self.search = Search(victim, images, goal, threat)
        logits = victim.logits(images)
        self.spread = (
            (logits - logits.mean(1, keepdim=True)).square().mean(1).sqrt().clamp_min(torch.finfo(logits.dtype).tiny)
        )
        blurred = logits if victim.precision == "float32" else victim.logits(images, exact=False)
        self.blur = 2 * ((logits - blurred).abs().amax(1) / self.spread)  # of a margin, in the search's precision
        self.leads = torch.full_like(logits, -torch.inf)
        self.margin = torch.full_like(self.spread, -torch.inf)
        self.before = self.leads
        self.lowest, self.highest = -self.margin, self.margin
        self.best = images
        self.learn(torch.arange(len(images), device=images.device), images, logits)

    def learn(self, rows: Int64[Tensor, "L"], points: Images, logits: Float[Tensor, "L K"]) -> Float[Tensor, "L"]:
        """Keep what these answers tell, and return the margins. NaN is the best margin there is, for the judge."""
        goal, before = self.search.goal[rows], self.margin[rows]
        leads = _leads(logits, goal.classes[:, None]) / self.spread[rows, None]
        margin = -leads.amax(1) if goal.targeted else leads.amax(1)
        self.leads = self.leads.scatter_reduce(0, rows[:, None].expand_as(leads), leads, "amax")
        self.margin = self.margin.scatter_reduce(0, rows, margin, "amax")
        better = ~(margin <= before) & ~before.isnan() & ~(margin < self.margin[rows])
        self.best = self.best.index_copy(0, rows[better], points[better])
        return margin

    def take(self, walks: tuple[Walk, ...], draws: Draws, number: int) -> None:
        """Walks, together. A line ends where its image is broken, or hopeless."""
        search, before, leave = self.search, self.leads, dict(walks[0].leave)
        parts = [self.lines(walk, draws, number, part) for part, walk in enumerate(walks)]
        lines, steps, exact = Lines.of([line for part in parts for line in part]), walks[0].steps, walks[0].exact
        for step in range(steps if len(lines.rows) else 0):
            climbed = Climbed(search.goal[lines.rows], self.spread[lines.rows], lines.rival, lines.soft)
            logits, gradient = search.victim.gradient(lines.points, climbed, exact)
            lines = self.tried(lines, logits, (lines.relaxed <= step) | (step == 0), exact)
            reach = (self.margin + self.blur)[lines.rows]
            stay = search.open[lines.rows] & ~(reach < -leave.get(step, math.inf))
            lines, gradient = (lines, gradient) if stay.all() else (lines[stay], gradient[stay])
            if not len(lines.rows):
                return
            lines = self.moved(lines, gradient, (1 + math.cos(math.pi * step / steps)) / 2, step)
        if len(lines.rows):
            lines = self.tried(lines, search.victim.logits(lines.points), torch.ones_like(lines.soft), exact=True)
        self.before = torch.where(self.leads > before, before, self.before)
        self.end(lines.rows[lines.counts], lines.top[lines.counts], afresh=len(parts) > 1)

    def end(self, rows: Int64[Tensor, "N"], top: Float[Tensor, "N"], afresh: bool) -> None:
        """Keep between which margins the long lines of each image have ended: those of the last walk if it has many."""
        if afresh:
            self.lowest[rows], self.highest[rows] = torch.inf, -torch.inf
        self.lowest = self.lowest.scatter_reduce(0, rows, top, "amin")
        self.highest = self.highest.scatter_reduce(0, rows, top, "amax")

    def lines(self, walk: Walk, draws: Draws, number: int, part: int) -> list[Lines]:
        """Where the lines of a walk begin."""
        search, order, found = self.search, self.leads.argsort(dim=1, descending=True, stable=True), []
        near = search.open & (self.margin + self.blur > -walk.near)
        uneven = self.highest + (self.highest - self.lowest).nan_to_num(0) + CLOSE + self.blur > 0
        for line, (climbs, relaxed) in enumerate(product(walk.climbs, walk.relaxed)):
            rival, chosen = torch.full_like(order[:, 0], -1), near & uneven if walk.again else near
            if isinstance(climbs, int):
                rival, chosen = self.behind(order, climbs, near, walk)
            rows = chosen.nonzero()[:, 0]
            points = self.best[rows]
            if not walk.onward:
                uniform = draws[rows].uniform(points.shape[1:], "cascade", number, part, line)
                points = search.threat[rows].start(search.images[rows], uniform)
            smooth = climbs != "margin" if search.goal.targeted else climbs == "probability"
            counts = walk.steps >= LONG and not walk.onward and not isinstance(climbs, int)
            size, momentum, top = (self.margin.new_full((len(rows),), x) for x in (walk.size, walk.momentum, -math.inf))
            counted = torch.full_like(rows, counts).bool()
            told = (rival[rows], torch.full_like(rows, smooth).bool(), torch.full_like(rows, relaxed))
            found.append(Lines(rows, *told, size, momentum, counted, points, torch.zeros_like(points), top))
        return found

    def behind(
        self, order: Int64[Tensor, "B K"], nearest: int, near: Bool[Tensor, "B"], walk: Walk
    ) -> tuple[Int64[Tensor, "B"], Bool[Tensor, "B"]]:
        """The n-th nearest class of each image, and whether a walk toward it is worth while. A targeted goal has but
        one, which is climbed by its probability."""
        targeted = self.search.goal.targeted
        if targeted or nearest >= order.shape[1]:  # else there is no such class
            worth = near & (self.margin + self.blur > -walk.lead) & (targeted and nearest == 1)
            return torch.full_like(order[:, 0], -1), worth
        rival = order[:, nearest - 1]
        lead, before = (leads.gather(1, rival[:, None])[:, 0] for leads in (self.leads, self.before))
        worth = near & (lead + self.blur > -walk.lead)
        if walk.again:
            worth &= lead + PATIENCE * (lead - before).nan_to_num(0) + CLOSE + self.blur > 0
        return rival, worth

    def tried(self, lines: Lines, logits: Float[Tensor, "L K"], inside: Bool[Tensor, "L"], exact: bool) -> Lines:
        """Learn from the points that are inside the ball: one outside tells nothing of the margins within."""
        where = inside.nonzero()[:, 0]
        rows, points, logits = (
            (lines.rows, lines.points, logits)
            if inside.all()
            else (values[where] for values in (lines.rows, lines.points, logits))
        )
        top = torch.maximum(lines.top[where], self.learn(rows, points, logits))
        self.search.test(rows, points, predicted(logits), confirmed=exact)
        return replace(lines, top=lines.top.index_copy(0, where, top))

    def moved(self, lines: Lines, gradient: Images, share: float, step: int) -> Lines:
        """A step of that share, and back into the ball, which is wider in the first steps of a relaxed line."""
        images, threat = self.search.images[lines.rows], self.search.threat[lines.rows]
        direction = as_column(lines.momentum, gradient) * lines.direction + unit(gradient)
        size = as_column(share * lines.size, gradient) * threat.radius(images)
        ahead = threat.climb(lines.points, direction, size)
        wider = (1 - (step + 1) / lines.relaxed.clamp_min(1)).clamp_min(0) * (WIDE - 1)
        if (wider > 0).any():
            threat = threat.at(torch.as_tensor(threat.eps, device=wider.device) * (1 + wider))
        return replace(lines, points=threat.project(ahead, images), direction=direction)
