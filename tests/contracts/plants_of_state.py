"""More attacks that are wrong on purpose: in their manners, their bills and their settings."""

import itertools
from dataclasses import replace

import torch

from assay.adversary.goal import untargeted
from assay.attacks import attack
from assay.attacks.add_noise import add_noise, noisy, read
from assay.attacks.fmn import fmn
from assay.attacks.pgd import pgd
from assay.chance import Draws
from tests.contracts.plants import planted, walk

CALLS = itertools.count()


@planted("the_same_draws_give_the_same_bits", "other points")
def counts_its_calls(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, Draws(next(CALLS), draws.index))


@planted("company_changes_nothing", "other points")
def scales_by_its_neighbours(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, lambda gradient: gradient / gradient.abs().mean().clamp_min(1e-12))


@planted("leaves_the_classifier_alone", "during the attack: mode")
def leaves_the_classifier_in_train_mode(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    victim.classifier.train()
    return points


@planted("leaves_the_classifier_alone", "requires_grad")
def thaws_the_weights(victim, images, goal, threat, draws):
    victim.classifier.requires_grad_(True)
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_the_classifier_alone", ".grad")
def backpropagates_into_the_weights(victim, images, goal, threat, draws):
    for parameter in victim.classifier.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_the_classifier_alone", "hooks")
def leaves_a_hook_behind(victim, images, goal, threat, draws):
    next(victim.classifier.children()).register_forward_hook(lambda *_: None)
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_the_classifier_alone", "values of")
def rounds_the_weights(victim, images, goal, threat, draws):
    for parameter in victim.classifier.parameters():
        parameter.data = parameter.data.half().float()
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_the_classifier_alone", "values of 1.running_mean")
def moves_the_batch_statistics(victim, images, goal, threat, draws):
    victim.classifier.train()
    victim.classifier(images)
    victim.classifier.eval()
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_the_classifier_alone", "attributes")
def writes_on_the_classifier(victim, images, goal, threat, draws):
    victim.classifier.attacked = True
    return pgd(victim, images, goal, threat, draws)


@planted("leaves_the_classifier_alone_when_it_fails", "swallowed")
def swallows_errors(victim, images, goal, threat, draws):
    try:
        return pgd(victim, images, goal, threat, draws)
    except RuntimeError:
        return images.clone()


@planted("leaves_the_classifier_alone_when_it_fails", "hooks")
def leaves_a_hook_after_an_error(victim, images, goal, threat, draws):
    hook = victim.classifier.register_forward_hook(lambda *_: None)
    points = pgd(victim, images, goal, threat, draws)
    hook.remove()
    return points


@planted("asks_no_more_than_it_says", "yet the attack asked for gradients")
@attack(kind="budget", access="scores", norms=("linf",), oracle_factor={"linf": 1.02})
def takes_gradients_and_says_scores(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, draws)


@planted("asks_no_more_than_it_says", "were enough")
def says_gradients_and_takes_none(victim, images, goal, threat, draws):
    return threat.start(images, draws.uniform(images.shape[1:], "start"))


@planted("asks_through_the_victim_only", "forwards made")
def asks_behind_the_victims_back(victim, images, goal, threat, draws):
    victim.classifier(images)
    return pgd(victim, images, goal, threat, draws)


@planted("takes_the_gradient_where_it_stands", "where the gradient had turned")
def gives_up_at_the_first_failure(victim, images, goal, threat, draws, *, steps: int = 40):
    return pgd(victim, images, goal, threat, draws, steps=1, random_start=False)


@planted("gradients_of_nan_are_a_fault", "on gradients of NaN")
def takes_nan_for_zero(victim, images, goal, threat, draws):
    return walk(victim, images, goal, threat, change=lambda gradient: gradient.nan_to_num())


@planted("logits_of_nan_are_a_fault", "on logits of NaN")
def shows_nothing_that_gives_nan(victim, images, goal, threat, draws):
    points = pgd(victim, images, goal, threat, draws)
    lost = victim.logits(points).isnan().any(1)
    return torch.where(lost[:, None, None, None], images, points)


@planted("no_restart_hides_nan", "where some restarts gave NaN")
def prefers_restarts_without_nan(victim, images, goal, threat, draws, *, restarts: int = 1):
    best = images.clone()
    for restart in range(restarts):
        points = pgd(victim, images, goal, threat, Draws(draws.seed + restart, draws.index), steps=2)
        best = torch.where(victim.logits(points).isnan().any(1)[:, None, None, None], best, points)
    return best


@planted("takes_no_images_at_all", "no images")
def fails_without_images(victim, images, goal, threat, draws):
    assert len(images), "no images"
    return pgd(victim, images, goal, threat, draws)


@planted("makes_as_many_steps_as_it_is_told", "passes for 3 steps")
def ignores_its_steps(victim, images, goal, threat, draws, *, steps: int = 40):
    return pgd(victim, images, goal, threat, draws, steps=10)


@planted("makes_as_many_steps_as_it_is_told", "restarts")
def makes_more_steps_than_told(victim, images, goal, threat, draws, *, steps: int = 40):
    return pgd(victim, images, goal, threat, draws, steps=3 * steps)


@planted("hears_each_of_its_settings", "does the same as")
def ignores_its_step_size(victim, images, goal, threat, draws, *, step_size: float | None = None):
    return pgd(victim, images, goal, threat, draws)


@planted("hears_each_of_its_settings", "does the same as")
def ignores_its_restarts(victim, images, goal, threat, draws, *, restarts: int = 1):
    return pgd(victim, images, goal, threat, draws)


@planted("goes_to_the_end_when_told", "left when fooled")
def leaves_when_fooled(victim, images, goal, threat, draws, *, steps: int = 40):
    return pgd(victim, images, untargeted(goal.classes), threat, draws, steps=steps)


@planted("has_the_signature_of_all", "has no default")
def has_a_setting_without_a_default(victim, images, goal, threat, draws, *, steps: int):
    return pgd(victim, images, goal, threat, draws, steps=steps)


@planted("has_the_signature_of_all", "it takes")
def knows_better(model, pixels, goal, threat, draws):
    return pgd(model, pixels, goal, threat, draws)


@planted("is_named_like_its_file_and_cites_its_source", "it lives in")
def lives_in_a_file_of_another_name(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, draws)


@planted("has_facts", "does not know")
@attack(kind="budget", access="gradients", norms=("linf",), oracle_factor={"l2": 1.02})
def promises_what_it_does_not_know(victim, images, goal, threat, draws):
    return pgd(victim, images, goal, threat, draws)


@planted("has_facts", "a control or a fitted one nothing")
@attack(kind="fitted", access="labels", norms=("linf",), oracle_factor={"linf": 1.02})
def promises_what_others_have_fitted(victim, images, goal, threat, draws, *, delta: str = ""):
    return add_noise(victim, images, goal, threat, draws, delta=delta)


@planted("stays_within_its_budget", "of the budget spent")
@attack(kind="fitted", access="labels", norms=("linf", "l2", "l1"))
def adds_its_noise_whole(victim, images, goal, threat, draws, *, delta: str = ""):
    return noisy(images, read(delta, tuple(images.shape[1:])), replace(threat, eps=None))


@planted("hears_each_of_its_settings", "does the same as")
@attack(kind="fitted", access="labels", norms=("linf",))
def adds_a_noise_of_its_own(victim, images, goal, threat, draws, *, delta: str = ""):
    return noisy(images, torch.linspace(-1, 1, images[0].numel()).reshape(images.shape[1:]), threat)


@planted("returns_images_of_its_own", "not finite")
def divides_a_gradient_of_zero_by_its_length(victim, images, goal, threat, draws):
    """Momentum as some libraries compute it: 0 / 0 where the network is flat."""
    return walk(
        victim, images, goal, threat, lambda gradient: gradient / gradient.abs().flatten(1).sum(1)[:, None, None, None]
    )


SMALLEST = attack(kind="minimum", access="gradients", norms=("linf", "l2"), oracle_factor={"linf": 1.05, "l2": 1.05})


@planted("finds_the_smallest_change", "where 1.05 is promised")
@SMALLEST
def goes_a_tenth_too_far(victim, images, goal, threat, draws):
    points = fmn(victim, images, goal, threat, draws)
    return (images + 1.1 * (points - images)).clamp(0, 1)


@planted("finds_the_smallest_change", "not broken at all")
@SMALLEST
def returns_what_lies_before_the_boundary(victim, images, goal, threat, draws):
    points = fmn(victim, images, goal, threat, draws)
    return images + 0.95 * (points - images)


@planted("the_scale_of_logits_does_not_matter", "of logits × 1 + -50 not broken")
@SMALLEST
def masks_the_label_with_a_zero(victim, images, goal, threat, draws):
    """max((1 - one_hot) · logits), as some libraries find the best other class, is 0 where all logits are below it."""
    points, logits = fmn(victim, images, goal, threat, draws), victim.logits(images)
    return torch.where((logits.amax(1) < 0)[:, None, None, None], images, points)


@planted("the_scale_of_logits_does_not_matter", "of logits × 200 + 0")
@SMALLEST
def climbs_a_softmax_that_has_saturated(victim, images, goal, threat, draws):
    points, logits = fmn(victim, images, goal, threat, draws), victim.logits(images)
    return torch.where((logits.softmax(1).amax(1) == 1)[:, None, None, None], images, points)


@planted("black_and_white_pixels_move", "of black and white images")
@SMALLEST
def takes_the_inverse_tanh_of_the_corners(victim, images, goal, threat, draws):
    """Where atanh is infinite tanh has no slope: a pixel of 0 or 1 stays there."""
    points = fmn(victim, images, goal, threat, draws)
    return torch.where((images == 0) | (images == 1), images, points)
