"""What the diagnostics are held to: faulty models and lazy suites, each with the checks that ring, and honest ones."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.adversary.goal import Loss, targeted, untargeted
from assay.adversary.threat import linf, read_threat
from assay.adversary.victim import Victim
from assay.attacks.fgsm import fgsm
from assay.attacks.noise import noise
from assay.attacks.pgd import pgd
from assay.chance import Draws, seeded
from assay.data import load
from assay.evaluate.checks import Case, Light
from tests.doctor.networks import WRONG, Altered, cases, skilled, small
from tests.doctor.right_networks import RIGHT

Suite = Callable[[nn.Module, Tensor, Tensor, Draws, str], Tensor]
Rings = dict[str, tuple[Light, str]]  # check: light, and a word of its reason


@dataclass(frozen=True)
class Faulty:
    """A model and a suite, of which the number is not to be believed, and who has to say so."""

    make: Callable[[], nn.Module]
    rings: Rings
    suite: Suite
    threat: str = "linf(0.15)"


def strong(loss: Loss = "margin", targets: int = 9) -> Suite:
    """PGD of some starts, and then toward each of the likeliest other classes, as an honest suite does."""

    def attack(net: nn.Module, images: Tensor, labels: Tensor, draws: Draws, threat: str) -> Tensor:
        ball, goal = read_threat(threat), untargeted(labels, loss)
        with Victim(net) as victim:
            points = pgd(victim, images, goal, ball, draws, steps=40, restarts=2)
            others = victim.logits(images).scatter(1, labels[:, None], -torch.inf).argsort(1, descending=True)
            for aims in others[:, : min(targets, others.shape[1] - 1)].unbind(1):
                rows = (~goal.reached(victim.labels(points))).nonzero()[:, 0]
                found = pgd(victim, images[rows], targeted(aims[rows], loss), ball, draws[rows], steps=40)
                points = points.index_copy(0, rows, found)
        return points

    return attack


def one(attack: Callable[..., Tensor]) -> Suite:
    """A suite of one weak attack."""

    def run(net: nn.Module, images: Tensor, labels: Tensor, draws: Draws, threat: str) -> Tensor:
        with Victim(net) as victim:
            return attack(victim, images, untargeted(labels, "margin"), read_threat(threat), draws)

    return run


def nothing(net: nn.Module, images: Tensor, labels: Tensor, draws: Draws, threat: str) -> Tensor:
    """A suite that does not even try."""
    return images.clone()


def case_of(
    net: nn.Module, images: Tensor, labels: Tensor, classes: int, threat: str = "linf(0.15)", suite: Suite | None = None
) -> Case:
    """The images that the net has right, and what the suite has made of them."""
    with seeded(0, "suite"):
        with Victim(net) as victim:
            right = victim.labels(images) == labels
        images, labels = images[right], labels[right]
        draws = Draws(0, torch.arange(len(images)))
        points = (suite or strong())(net, images, labels, draws, threat)
        with Victim(net) as victim:
            broken = untargeted(labels).reached(victim.labels(points))
    return Case(net, images, labels, draws, read_threat(threat), broken, classes, points)


@cache
def hardened() -> nn.Module:
    """The plain one of the doctor's tests, taught against an attack at each step. To be copied, not to be changed."""
    digits = load("digits", "train", 600)
    images, labels = digits.pixels(), digits.labels
    threat, draws = linf(0.15), Draws(0, torch.arange(len(images)))
    with seeded(0, "hardened"):
        net = small(64)
        optimizer = torch.optim.Adam(net.parameters(), 1e-2)
        for step in range(80):
            attacked = replace(draws, seed=step)
            with Victim(net, micro_batch=len(images)) as victim:
                shown = pgd(victim, images, untargeted(labels, until="end"), threat, attacked, steps=5)
            optimizer.zero_grad()
            F.cross_entropy(net(shown), labels).backward()
            optimizer.step()
    return net.eval()


class OffGrid(nn.Module):
    """Another answer to images that no file of 8 bit holds."""

    def __init__(self) -> None:
        super().__init__()
        self.net = skilled()

    def forward(self, images: Tensor) -> Tensor:
        levels = images * 255
        off = ((levels - levels.round()).abs() > 0.05).flatten(1).any(1)
        logits: Tensor = self.net(images)
        return torch.where(off[:, None], logits.roll(1, 1), logits)


class Maze(nn.Module):
    """The gradient of every image points one way in one half of its pixel space and back in the other half."""

    def __init__(self, waves: float = 2500.0, height: float = 0.004) -> None:
        super().__init__()
        self.net, self.waves, self.height = skilled(), waves, height

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(images + self.height * torch.sin(self.waves * images))
        return logits


def rounding(levels: int) -> Callable[[], nn.Module]:
    return lambda: Altered(lambda x: (x * (levels - 1)).round() / (levels - 1))


def kept_back(count: int) -> Callable[[Case], Case]:
    """That many images, that the suite did break, counted as survivors: what one more restart would have broken."""

    def change(case: Case) -> Case:
        broken = case.broken.clone()
        broken[broken.nonzero()[:count, 0]] = False
        return replace(case, broken=broken)

    return change


def normed(x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, training=True) * 0.37 + 0.3


LAZY: Rings = {
    "restarts": ("red", "more random starts"),
    "step_doubling": ("red", "fall to 20 steps"),
    "iterative_against_one_step": ("red", "one step"),
    "white_box_against_black_box": ("red", "no gradients"),
    "target_coverage": ("red", "other classes"),
    "noise_control": ("red", "random noise"),
}
FLAT: Rings = {
    "gradients": ("red", "is zero"),
    "unbounded_attack": ("red", "lead nowhere"),
    "loss_landscape": ("red", "rugged"),
}
RANDOM: Rings = {"randomness": ("red", "EoT")}
FAULTY: dict[str, Faulty] = {
    "logits_times_200": Faulty(lambda: Altered(after=lambda x: 200 * x), {"saturation": ("amber", "mind")}, strong()),
    "logits_times_200_and_a_suite_on_ce": Faulty(
        lambda: Altered(after=lambda x: 200 * x), {"saturation": ("red", "misled")}, strong("ce", 0)
    ),
    "rounds_to_8_levels": Faulty(rounding(8), FLAT, strong()),
    "rounds_to_16_levels": Faulty(rounding(16), FLAT, strong()),
    "noise_inside": Faulty(lambda: Altered(lambda x: x + 0.1 * torch.randn_like(x)), RANDOM, strong()),
    "noise_inside_and_nothing_left": Faulty(
        lambda: Altered(lambda x: x + 0.05 * torch.randn_like(x)),
        {"randomness": ("amber", "randomised")},
        strong(),
        "linf(0.4)",
    ),
    "dropout_left_on": Faulty(WRONG["dropout_by_function"][0], RANDOM, strong()),
    "dropout_that_ignores_eval": Faulty(WRONG["dropout_that_ignores_eval"][0], RANDOM, strong()),
    "winners_take_all": Faulty(WRONG["k_winners"][0], {"loss_landscape": ("red", "rugged")}, strong()),
    "softmax_head": Faulty(WRONG["softmax"][0], {"logits_or_probabilities": ("red", "softmax")}, strong()),
    "batch_norm_by_function": Faulty(lambda: Altered(normed), {"batch_independence": ("red", "neighbours")}, strong()),
    "batch_norm_of_logits": Faulty(
        lambda: Altered(after=lambda x: F.batch_norm(x, None, None, training=True)),
        {"batch_independence": ("red", "alone")},
        strong(),
    ),
    "batch_norm_that_stays_in_train_mode": Faulty(
        WRONG["batch_norm_that_stays_in_train_mode"][0], {"batch_independence": ("red", "")}, strong()
    ),
    "ripple": Faulty(Maze, {"loss_landscape": ("red", "mislead")}, strong()),
    "off_the_grid": Faulty(OffGrid, {"eight_bit": ("amber", "8 bit")}, strong()),
    "nan_gradient": Faulty(WRONG["nan_gradient"][0], {"gradients": ("red", "not a number")}, strong()),
    "no_way_back": Faulty(WRONG["detached"][0], {"gradients": ("amber", "no gradients")}, nothing),
    "lazy_suite": Faulty(skilled, LAZY, nothing, "linf(0.4)"),
    "one_step_for_a_suite": Faulty(
        skilled, {"restarts": ("red", ""), "step_doubling": ("red", "")}, one(fgsm), "l2(0.9)"
    ),
    "noise_for_a_suite": Faulty(
        skilled, {"noise_control": ("amber", "far ahead")}, one(partial(noise, restarts=8)), "linf(0.43)"
    ),
}


def _two() -> Case:
    net, images, labels, _ = RIGHT["of_two_classes"]()
    assert labels is not None
    return case_of(net, images, labels, 2, "linf(0.3)")


def _colours() -> Case:
    net, images, labels, classes = RIGHT["of_colours"]()
    with Victim(net) as victim:
        known = victim.labels(images) if labels is None else labels
    return case_of(net, images, known, classes or 10, "linf(8/255)")


def _digits(make: Callable[[], nn.Module], threat: str = "linf(0.15)", change: Callable[[Case], Case] = lambda c: c):  # type: ignore[no-untyped-def]
    return lambda: change(case_of(make(), *cases(), 10, threat))


HONEST: dict[str, Callable[[], Case]] = {
    "plain": _digits(skilled),
    "plain_at_a_small_eps": _digits(skilled, "linf(0.03)"),
    "plain_in_l2": _digits(skilled, "l2(0.5)"),
    "plain_in_l1": _digits(skilled, "l1(2)"),
    "linear": _digits(lambda: RIGHT["hardened"]()[0]),
    "hardened": _digits(lambda: copy.deepcopy(hardened())),
    "hardened_and_a_suite_that_missed_two": _digits(lambda: copy.deepcopy(hardened()), change=kept_back(2)),
    "with_batch_norm_and_dropout": _digits(lambda: RIGHT["batch_norm_and_dropout"]()[0]),
    "gelu": _digits(lambda: RIGHT["gelu"]()[0]),
    "shifts_its_logits": _digits(lambda: RIGHT["shifts_its_logits"]()[0]),
    "tokens": _digits(lambda: RIGHT["in_tokens"]()[0]),
    "two_classes": _two,
    "three_channels": _colours,
}


@cache
def faulty(name: str) -> Case:
    """A faulty case."""
    fault = FAULTY[name]
    return case_of(fault.make(), *cases(), 10, fault.threat, fault.suite)
