"""More attacks that are wrong on purpose: in their manners, their bills and their settings."""

import itertools

import torch

from assay.adversary.goal import untargeted
from assay.attacks import attack
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
