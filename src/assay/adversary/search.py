"""How the enemy keeps count: one attack on one shard, which images are still open, and the best point of each."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import as_column
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim, predicted

Images = Float[Tensor, "B C H W"]


class Search:
    """Keeps the open images and their best points, so that an attack works on the whole shard without an index.

    An image closes when float32 confirms that an allowed point reaches the goal; `best` is then that point. Of an
    image that stays open, `best` is the point of highest score among those looked at, or the first without a score
    (NaN), which no other may hide: the judge calls it a fault.
    With goal.until "end" nothing closes. Without eps (a minimum-norm threat) nothing closes either, and `best` is the
    smallest confirmed point.
    """

    def __init__(self, victim: Victim, images: Images, goal: Goal, threat: Threat) -> None:
        self.victim = victim
        self.images = images
        self.goal = goal
        self.threat = threat
        self.best = images.clone()
        self.looked = False
        self.best_score: Tensor | None = None  # of best, per image; None while there was nothing to compare
        self.size = images.new_full((len(images),), torch.inf)  # of best, where it is confirmed
        self.tests = goal.until == "fooled" or threat.eps is None  # without eps there is no end but the smallest
        self.closes = self.tests and threat.eps is not None
        self.scores = torch.full_like(self.size, -torch.inf)  # at the points of the last gradient
        self.fooled = images.new_zeros(
            len(images), dtype=torch.bool
        )  # whether those last tested win, as far as is known
        self.open = ~self.fooled
        if self.closes:  # eps 0 leaves nothing to search
            self.open &= torch.as_tensor(threat.eps, device=images.device) > 0

    def rounds(self, steps: int) -> Iterator[int]:
        """0 … steps-1, ending early when no image is open."""
        for step in range(steps):
            if self.closes and not self.open.any():
                return
            yield step

    def gradient(self, points: Images, climbed: Goal | None = None) -> Images:
        """The score's gradient at each point, zero where closed. Its forward also tests them, and leaves `scores`.

        The scores, as the gradient, are in the victim's search precision. They are those of another goal if one is
        given to be climbed: a way to the search's own goal, by which alone the points are tested.
        """
        rows = self._rows()
        climbed = (self.goal if climbed is None else climbed)[rows]
        logits, gradient = self.victim.gradient(points[rows], climbed)
        scores = climbed.score(logits)
        self.scores = torch.full_like(self.size, -torch.inf).index_copy(0, self._index(rows), scores)
        if self.tests:
            self.test(rows, points[rows], predicted(logits), confirmed=False)
        return gradient if isinstance(rows, slice) else torch.zeros_like(points).index_copy(0, rows, gradient)

    def look(self, points: Images) -> None:
        """Test the points in float32 and keep, of the images that stay open, those with the highest score."""
        if not self.tests and not self.looked:
            self.best, self.looked = points, True  # nothing to compare with: spare the pass, unless a second look comes
        else:
            self.score(points)

    def score(self, points: Images) -> Float[Tensor, "B"]:
        """The score at each point, in float32, -inf where closed; and look at them."""
        rows = self._rows()
        if not self.open.any():
            return torch.full_like(self.size, -torch.inf)
        labels, found = self._scored(points[rows], self.goal[rows])
        score = torch.full_like(self.size, -torch.inf).index_copy(0, self._index(rows), found)
        if self.best_score is None:
            self.best_score = (
                self._scored(self.best, self.goal)[1] if self.looked else torch.full_like(score, -torch.inf)
            )
        better = self.open & self.size.isinf() & ~(score < self.best_score) & ~self.best_score.isnan()
        self.best = torch.where(as_column(better, points), points, self.best)
        self.best_score = torch.where(better, score, self.best_score)
        if self.tests:
            self.test(rows, points[rows], labels, confirmed=True)
        return score

    def fools(self, points: Images) -> Bool[Tensor, "B"]:
        """Whether each point wins, by its predicted class alone; False where closed. Where none has won, it is kept."""
        rows = self._rows()
        if self.open.any():
            self.best = torch.where(as_column(self.open & self.size.isinf(), points), points, self.best)
            self.test(rows, points[rows], self.victim.labels(points[rows]), confirmed=True)
        return self.fooled

    def _scored(self, points: Images, goal: Goal) -> tuple[Tensor, Tensor]:
        logits = self.victim.logits(points)
        labels = predicted(logits)
        return labels, goal.score(logits).masked_fill(labels < 0, torch.nan)

    def test(self, rows: Tensor | slice, points: Images, labels: Tensor, confirmed: bool) -> None:
        """Close those of the images `rows` whose points win by these labels; unless confirmed, float32 is asked."""
        self.fooled = torch.zeros_like(self.fooled)
        claimed = self.goal[rows].reached(labels).nonzero()[:, 0]
        if not len(claimed):
            return
        where, points = self._index(rows)[claimed], points[claimed]
        images = self.images[where]
        reached, size = self.threat[where].contains(points, images), self.threat.size(points - images)
        won = reached & (size < self.size[where])
        if not confirmed and won.any():  # who is no smaller than the best need not be asked again
            real = torch.ones_like(won)
            real[won] = self.goal[where[won]].reached(self.victim.labels(points[won]))
            reached, won = reached & real, won & real
        self.fooled[where[reached]] = True
        self.best[where[won]] = points[won]
        self.size[where[won]] = size[won]
        if self.closes:
            self.open[where[won]] = False

    def _rows(self) -> Tensor | slice:
        """The open images; all of them as a slice, which copies nothing."""
        return self.open.nonzero()[:, 0] if self.closes and not self.open.all() else slice(None)

    def _index(self, rows: Tensor | slice) -> Tensor:
        return torch.arange(len(self.images), device=self.images.device) if isinstance(rows, slice) else rows
