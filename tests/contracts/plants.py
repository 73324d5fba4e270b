"""Attacks that are wrong on purpose: one fault each, and the check of the contract that must see it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.attacks.fmn import fmn
from assay.attacks.pgd import pgd
from assay.chance import Draws
from assay.spec import Call

PROMISE = {"linf": 1.02, "l2": 1.02}


@dataclass(frozen=True)
class Plant:
    call: Call
    caught_by: str
    saying: str


PLANTS: dict[str, Plant] = {}


def planted(caught_by: str, saying: str) -> Callable:
    """Register a wrong attack, the check that must catch it, and what that check must say."""

    def register(function: Callable) -> Callable:
        if not hasattr(function, "facts"):
            function = attack(kind="budget", access="gradients", norms=("linf", "l2"), oracle_factor=PROMISE)(function)
        PLANTS[function.__name__] = Plant(Call(function.__name__, function, {}), caught_by, saying)
        return function

    return register


def larger(threat: Threat, factor: float) -> Threat:
    return replace(threat, eps=threat.eps * factor)


def walk(
    victim: Victim,
    images: Tensor,
    goal: Goal,
    threat: Threat,
    along: Callable[[Tensor], Tensor] | None = None,
    change: Callable[[Tensor], Tensor] | None = None,
    look_again: bool = True,
    keep: bool = True,
    confirm: bool = True,
) -> Tensor:
    """A textbook attack without Search, in which faults can be put: 20 steps of eps / 8 from the image itself."""
    points, best = images, images
    won = torch.zeros(len(images), dtype=torch.bool)
    for step in range(20):
        if look_again or step == 0:
            logits, gradient = victim.gradient(points, goal)
        labels = victim.labels(points) if confirm else logits.argmax(1)
        if keep:
            best = torch.where((won | ~goal.reached(labels))[:, None, None, None], best, points)
            won = won | goal.reached(labels)
        gradient = gradient if change is None else change(gradient)
        size = threat.radius(images) / 8
        points = threat.climb(points, gradient, size) if along is None else points + size * along(gradient)
        points = threat.project(points, images)
    return torch.where(won[:, None, None, None], best, points) if images.numel() else images.clone()


@planted("breaks_linear_models_at_its_factor", "not broken")
def returns_its_input(victim, images, goal, threat, draws):
    return images.clone()


@planted("reaches_two_class_targets_at_its_factor", "targets were not reached")
def flips_the_sign_of_a_target(victim, images, goal, threat, draws):
    return pgd(victim, images, replace(goal, targeted=False), threat, draws)


@planted("the_doctor_finds_nothing", "wrong-sign")
def goes_downhill(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, change=lambda gradient: -gradient)


@planted("stays_within_its_budget", "of the budget spent")
def spends_five_percent_more(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, larger(threat, 1.05), draws)


@planted("breaks_nothing_below_the_exact_radius", "images broken within")
@attack(kind="minimum", access="gradients", norms=("linf", "l2"), oracle_factor=PROMISE)
def makes_the_classifier_easier(victim, images, goal, threat, draws):
    layer = victim.classifier[1] if isinstance(victim.classifier, torch.nn.Sequential) else None
    if isinstance(layer, torch.nn.Linear):
        with torch.no_grad():
            layer.bias.zero_()
    return fmn(victim, images, goal, threat, draws)


@planted("stays_within_its_budget", "of the budget spent")
def leaves_the_ball_where_it_fails(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    further = pgd(victim, images, goal, larger(threat, 2), draws)
    return torch.where(goal.reached(victim.labels(points))[:, None, None, None], points, further)


@planted("breaks_linear_models_at_its_factor", "not broken")
def takes_the_norm_over_the_batch(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, lambda gradient: gradient / gradient.norm().clamp_min(1e-12))


@planted("breaks_linear_models_at_its_factor", "not broken")
def steps_along_the_mean_loss(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, lambda gradient: gradient / len(gradient))


@planted("breaks_linear_models_at_its_factor", "not broken")
def makes_small_steps(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, draws, steps=20, step_size=0.0005, random_start=False)


@planted("breaks_linear_models_at_its_factor", "not broken")
def attacks_the_first_image_only(victim, images, goal, threat, draws):
    points = images.clone()
    points[:1] = pgd(victim, images, goal, threat, draws)[:1]
    return points


@planted("breaks_linear_models_off_the_box", "not broken")
@attack(kind="budget", access="gradients", norms=("linf", "l2"), oracle_factor={"linf": 1.02})
def steps_by_the_sign_in_l2(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, lambda gradient: gradient.sign())


@planted("one_eps_for_all_breaks_those_within_it", "left standing")
def spends_half_of_an_eps_that_is_a_number(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat if isinstance(threat.eps, Tensor) else larger(threat, 0.5), draws)


@planted("reaches_any_target_at_its_factor", "reached at 1.02")
def minds_the_logit_of_the_target_alone(victim, images, goal, threat, draws):
    return pgd(victim, images, replace(goal, loss="logit"), threat, draws)


@planted("takes_the_gradient_where_it_stands", "where the gradient had turned")
def keeps_the_first_gradient(victim, images, goal, threat, draws, *, steps: int = 40):
    return walk(victim, images, goal, threat, look_again=False)


@planted("keeps_an_earlier_success", "did not keep it")
def returns_the_last_point(victim, images, goal, threat, draws, *, steps: int = 40, step_size: float = 0.1):
    return walk(victim, images, goal, threat, keep=False)


@planted("decides_in_float32", "on bfloat16's word")
def trusts_bfloat16(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, confirm=False)


@planted("stays_within_the_pixels", "a pixel of")
def forgets_the_pixel_range(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, replace(threat, box=None), draws)


@planted("stays_within_each_images_own_budget", "for eps")
def takes_the_largest_eps_for_all(victim, images, goal, threat, draws):
    eps = threat.eps.max().expand(len(images)) if isinstance(threat.eps, Tensor) else threat.eps
    return pgd(victim, images, goal, replace(threat, eps=eps), draws)


@planted("eps_zero_returns_the_image", "has changed")
def moves_without_a_budget(victim, images, goal, threat, draws):
    return (pgd(victim, images, goal, threat, draws) + 1e-7).clamp(0, 1)


@planted("a_failure_has_spent_its_budget", "where 0.1 was allowed")
def returns_the_clean_image_where_it_fails(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    return torch.where(goal.reached(victim.labels(points))[:, None, None, None], points, images)


@planted("a_failure_has_spent_its_budget", "black image")
def returns_black_where_it_fails(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    return torch.where(goal.reached(victim.labels(points))[:, None, None, None], points, 0.0)


@planted("returns_images_of_its_own", "not finite")
def returns_nan_where_it_fails(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    return torch.where(goal.reached(victim.labels(points))[:, None, None, None], points, torch.nan)


@planted("returns_images_of_its_own", "float64")
def returns_doubles(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, draws).double()


@planted("returns_images_of_its_own", "require a gradient")
def returns_a_graph(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, draws).requires_grad_()


@planted("returns_images_of_its_own", "caller's memory")
def returns_the_callers_memory(victim, images, goal, threat, draws):
    return images


@planted("returns_images_of_its_own", "shape")
def returns_only_what_it_broke(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    return points[goal.reached(victim.labels(points))]


@planted("leaves_the_callers_tensors_alone", "the caller's images changed")
def overwrites_its_input(victim, images, goal, threat, draws):
    return images.copy_(pgd(victim, images, goal, threat, draws)).clone()


@planted("leaves_the_callers_tensors_alone", "the caller's classes changed")
def overwrites_the_classes(victim, images, goal, threat, draws):
    goal.classes.zero_()
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_global_chance_alone", "torch's global generator")
def reseeds_torch(victim, images, goal, threat, draws):
    torch.manual_seed(0)
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_global_chance_alone", "numpy's global generator")
def draws_from_numpy(victim, images, goal, threat, draws):
    start = images + torch.from_numpy(np.random.random(images.shape)).float() * 0.01
    return pgd(victim, images, goal, threat, draws) if images.numel() else start


@planted("leaves_global_chance_alone", "python's global generator")
def draws_from_python(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, Draws(random.randrange(9), draws.index))


@planted("other_draws_start_elsewhere", "the same start for another seed")
def ignores_the_seed(victim, images, goal, threat, draws, *, restarts: int = 1):
    return pgd(victim, images, goal, threat, Draws(0, draws.index), restarts=restarts)


@planted("other_draws_start_elsewhere", "the same start for another index")
def ignores_the_index(victim, images, goal, threat, draws, *, restarts: int = 1):
    return pgd(victim, images, goal, threat, Draws(draws.seed, 0 * draws.index), restarts=restarts)


@planted("company_changes_nothing", "points in another order")
def draws_by_place_in_the_batch(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, Draws(draws.seed, torch.arange(len(images))))
