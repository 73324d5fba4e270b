"""An attack under examination: what it claims, the canaries built for its eps, and each trial run once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from torch.nn import Sequential

from assay.adversary.threat import THREATS
from assay.adversary.yours import Yours
from assay.doctor import canaries
from assay.doctor.canaries import CLEAR, Canary
from assay.doctor.evidence import Ways
from assay.doctor.linear import Norm
from assay.doctor.nets import Mirror, Wrapped
from assay.doctor.trial import Trial, run

Claim = Literal["one-step", "iterative", "minimum", "black-box"]
USUAL_EPS: dict[Norm, float] = {"linf": 8 / 255, "l2": 1.0, "l1": 12.0}
LAZY = 0.6  # of eps: what a black-box attack must break, whose queries are few
MOST, FEWER = 47, 17  # images, and of a slow attack: primes, so that no batch size divides them
TRIALS = 40  # that a whole examination makes, more or less
MANY = 8  # places asked about: who goes through so many does not make one step
HALF = 0.5  # of eps: what one step from a random start must break
AUDIBLE = 0.15  # spread of the logits of near classes
SAME = 0.02  # by which a length may miss eps and still be eps


@dataclass
class Examination:
    """attack, in `norm`, at `eps`, which `claims` to be of one kind, on `n` images; each trial is made once.

    told: whether it was said to be of that kind, and not only taken for it.
    """

    attack: Yours
    norm: Norm
    eps: float
    claims: Claim
    n: int = MOST
    told: bool = False

    @cached_property
    def first(self) -> Trial:
        """The trial that most is read from: a linear canary, in eval mode.

        Of ten classes eight are out of reach; who aims at those, as targeted attacks may, is tried on two. A search for
        the smallest change is tried far from the box, which some theories do not know.
        """
        ten = run(self.attack, canaries.straight(self.norm, self.eps, n=self.n, corners=self.spends))
        if ten.points is None or not self.spends or not weak(ten):
            return ten
        two = run(self.attack, canaries.straight(self.norm, self.eps, classes=2, n=self.n))
        return two if self.aims_elsewhere or not weak(two) else ten

    @property
    def straight(self) -> Canary:
        """The canary of the first trial."""
        return self.first.canary

    @cached_property
    def ways(self) -> Ways:
        """How it went about the first trial."""
        return Ways(self.first)

    @cached_property
    def bent(self) -> Trial:
        """The trial on hidden directions."""
        return run(self.attack, canaries.bent(self.norm, self.eps, n=self.n // 2, others=self.others))

    @cached_property
    def bent_ways(self) -> Ways:
        """How it went about hidden directions."""
        return Ways(self.bent)

    @cached_property
    def peaked(self) -> Trial:
        """The trial on an answer in the middle."""
        return run(self.attack, canaries.peaked(self.norm, self.eps, others=self.others))

    @cached_property
    def peaked_ways(self) -> Ways:
        """How it went about an answer in the middle."""
        return Ways(self.peaked)

    @cached_property
    def still(self) -> Trial:
        """The trial with eps 0, of an attack that hears eps."""
        return run(self.attack, self.straight, eps=0.0)

    @cached_property
    def opposite(self) -> Trial:
        """The trial on the opposite of the model, mirrored: toward one of two classes it would be the same without."""
        return self.twin("the opposite", lambda canary: Sequential(Mirror(), Wrapped(canary.net, -1.0)))

    @cached_property
    def reseeded(self) -> Trial:
        """The first trial with another seed."""
        return run(self.attack, self.straight, seed=2)

    @cached_property
    def luck(self) -> float:
        """The share of images whose fate is another with another seed."""
        other = run(self.attack, self.straight, seed=3)
        return 0.0 if other.points is None else float((other.fallen != self.first.fallen).mean())

    @cached_property
    def level(self) -> Ways:
        """How it goes about four near classes, where one loss can be told from another."""
        near = canaries.level(self.norm, self.eps, n=2 * self.n // 3)
        spread = float(near.net(near.images).detach().std(1).mean())
        louder = Wrapped(near.net, max(1.0, AUDIBLE / spread))  # all losses have one gradient on logits that are flat
        return Ways(run(self.attack, near.under(near.name, louder)))

    @cached_property
    def aims_elsewhere(self) -> bool:
        """Whether its gradients are of another class than the label, as those of a targeted attack are."""
        labels = self.level.trial.canary.labels
        aims = [label != int(labels[image]) for image, label in self.level.aims()]
        return bool(aims) and float(np.mean(aims)) > 0.5

    @cached_property
    def looks_for_small_changes(self) -> bool:
        """Whether it stays at the boundary, and gives the image back where it has found none: no walk within eps."""
        lost = self.bent.points is not None and not self.bent.sizes[self.bent.standing].any()
        return lost and follows_the_boundary(self.first)

    @property
    def others(self) -> int:
        """Classes out of reach on the curved canaries: none for whoever may aim at them."""
        return 0 if self.aims_elsewhere else 8

    @property
    def spends(self) -> bool:
        """Whether it has a budget, and does not look for the smallest change."""
        return self.claims != "minimum"

    def must(self, trial: Trial) -> np.ndarray:
        """Images that an attack of this claim has to break: with few queries not those at the very edge."""
        share = {"black-box": LAZY, "one-step": HALF if self.starts_elsewhere else CLEAR}.get(self.claims, CLEAR)
        return trial.canary.radius <= share * trial.eps

    @cached_property
    def starts_elsewhere(self) -> bool:
        """Whether its first gradient is taken at another place than the image."""
        first = [(way[0].point, clean) for way, clean in zip(self.ways.steps, self.straight.images, strict=True) if way]
        return any(float((point - clean).abs().max()) > 1e-6 for point, clean in first)

    def missed(self, trial: Trial) -> np.ndarray:
        """Those of them that it has left standing."""
        return self.must(trial) & ~trial.fallen

    def twin(self, name: str, change: Callable[[Canary], Any], **how: Any) -> Trial:
        """A trial on the linear canary's images and another network."""
        return run(self.attack, self.straight.under(name, change(self.straight)), **how)


def examination(
    attack: Yours, norm: Norm | None, eps: float | None, claims: Claim | None, seconds: float
) -> Examination:
    """The norm, the eps and the claim of an attack: as told, as it says of itself, or as one run shows.

    seconds: what there is time for; a slow attack is shown fewer images.
    """
    told = eps if eps is not None else attack.eps
    if eps is not None and eps > 1 and norm is None and _walks_in_linf(attack):
        raise ValueError(f"it walks in linf, where eps is at most 1, got {eps:g}; for 8 levels of 255 write 8/255")
    first_norm: Norm = norm or ("linf" if told is None or told <= 0.5 else "l2")
    first_eps = told if told is not None else USUAL_EPS[first_norm]
    trial = run(attack, canaries.straight(first_norm, first_eps))
    found_norm, found_eps, even = first_norm, first_eps, told is not None or attack.hears_eps
    if trial.points is not None and trial.deltas.isfinite().all():
        for name in ("linf", "l2", "l1") if norm is None else (norm,):
            sizes = THREATS[name]().size(trial.deltas).numpy()
            moved = sizes[sizes > 1e-9]
            if not len(moved):
                continue
            if even and np.abs(np.median(moved) / first_eps - 1) <= SAME and not (name == "linf" and first_eps > 0.5):
                found_norm = name
                break
            if not even and moved.max() <= (1 + SAME) * np.median(moved) and len(moved) > 8:
                found_norm, found_eps, even = name, float(np.median(moved)), True
                break
    by_word = claims is not None
    if claims is None:
        claims = _claim(trial, even)
    if claims == "minimum" and norm is None and not even:
        found_norm = "l2"
    slow = trial.seconds > seconds / TRIALS
    n = FEWER if slow else MOST
    return Examination(attack, found_norm, found_eps if even else USUAL_EPS[found_norm], claims, n, by_word)


def _walks_in_linf(attack: Yours) -> bool:
    """Whether its changes are as large as its eps in linf, an eps that is usual there."""
    if not attack.hears_eps:
        return False
    usual = USUAL_EPS["linf"]
    trial = run(attack, canaries.straight("linf", usual))
    if trial.points is None or not trial.deltas.isfinite().all():
        return False
    return bool(abs(np.median(trial.sizes) / usual - 1) <= SAME)


def _claim(trial: Trial, even: bool) -> Claim:
    if not even:
        return "minimum"
    ways = Ways(trial)
    if ways.questions == 0 and len(trial.record.passes) > 1:
        return "black-box"
    if ways.tries_losses():
        return "one-step"
    asked = len({each.images.numpy().tobytes() for each in trial.record.passes})
    return "one-step" if ways.questions <= 1 and asked < MANY else "iterative"


def weak(trial: Trial) -> bool:
    """Whether it leaves more images standing than bad luck explains."""
    return bool(trial.standing.sum() > max(1, 0.06 * trial.canary.breakable.sum()))


def follows_the_boundary(trial: Trial) -> bool:
    """Whether the images that fall end just beyond their own smallest eps, though there was more to spend."""
    if trial.points is None or trial.fallen.sum() < 6:
        return False
    ratio = (trial.sizes / trial.canary.radius)[trial.fallen]
    spent = trial.sizes[trial.fallen] / trial.eps
    return bool(np.median(ratio) < 1.3 and np.percentile(ratio, 75) < 1.5 and spent.std() > 0.1 and spent.max() < 1.02)


class Clock:
    """How much time is left for checks that can be left out."""

    def __init__(self, seconds: float) -> None:
        self.began, self.seconds = time.perf_counter(), seconds

    @property
    def spent(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self.began

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - self.spent
