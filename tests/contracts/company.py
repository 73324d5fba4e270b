"""That an image's answer is its own: the same again, alone, in any company; and that chance is what it says."""

from collections.abc import Iterator

import torch
from torch import Tensor

from assay.spec import Call
from tests.contracts.play import away, facts, having, play, settings, threat, verdicts
from tests.contracts.worlds import Flat, chosen, small_net

EPS = 0.2


def check_the_same_draws_give_the_same_bits(call: Call) -> None:
    """Twice the same, whatever global chance has done in between."""
    images, net, short = chosen(6), small_net(), having(call, steps=20)
    for norm in facts(call).norms:
        for classifier in (net, Flat()):
            goal, budget = away(classifier, images), threat(norm, EPS)
            first, again = (play(short, classifier, images, goal, budget).points for _ in range(2))
            assert torch.equal(first, again), f"{norm}: the same call returned other points"


def check_other_draws_start_elsewhere(call: Call) -> None:
    """An attack with restarts or a random start: another seed and another image's index, another start."""
    if settings(call).keys() & {"restarts", "random_start"}:
        images = chosen(1).expand(4, -1, -1, -1)
        flat, index = Flat(), torch.tensor([0, 1, 1, 5])
        for norm in facts(call).norms:
            goal, budget = away(flat, images), threat(norm, EPS)
            first = play(call, flat, images, goal, budget, index=index).points
            other = play(call, flat, images, goal, budget, index=index, seed=8).points
            assert not (first == other).flatten(1).all(1).any(), f"{norm}: the same start for another seed"
            assert torch.equal(first[1], first[2]), f"{norm}: another start for the same index"
            assert not torch.equal(first[0], first[1]), f"{norm}: the same start for another index"


def check_company_changes_nothing(call: Call) -> None:
    """Alone, in a batch, in another order, in shards of 1, 7 and 256: the same points to the bit, the same verdicts."""
    images, net = chosen(20), small_net()
    index, short = torch.arange(20) * 3 + 100, having(call, steps=5)
    for norm in facts(call).norms:
        goal, budget = away(net, images), threat(norm, torch.linspace(0.02, 0.4, 20))
        whole = play(short, net, images, goal, budget, index=index).points
        verdict = verdicts(call, net, images, goal, budget, whole)
        for company, rows in _companies(len(images)):
            part = play(short, net, images[rows], goal[rows], budget[rows], index=index[rows]).points
            found = verdicts(call, net, images[rows], goal[rows], budget[rows], part)
            assert (found == verdict[rows.numpy()]).all(), f"{norm}: other verdicts {company}"
            assert torch.equal(part, whole[rows]), f"{norm}: other points {company}"


def _companies(n: int) -> Iterator[tuple[str, Tensor]]:
    every = torch.arange(n)
    yield "in another order", every * 7 % n
    for size in (1, 7, 256):
        for rows in every.split(size):
            yield f"in a shard of {size}", rows
