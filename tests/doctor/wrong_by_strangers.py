"""Faults that the doctor missed or misnamed when strangers first showed them to it."""

import random
import sys

import numpy as np
import torch
import torch.nn.functional as F

from tests.doctor.wrong import EPS, fault, gradient_at, walk


@fault("gradients-accumulate")
def keeps_its_leaf(model, images, labels, eps=EPS):
    points = images.clone().requires_grad_()
    for _ in range(20):
        F.cross_entropy(model(points), labels).backward()
        with torch.no_grad():
            points.copy_((images + (points + eps / 5 * points.grad.sign() - images).clamp(-eps, eps)).clamp(0, 1))
    return points.detach()


@fault("no-projection")
def forgets_the_ball_with_a_fixed_step(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(10):
        points = (points + 0.01 * gradient_at(model, points, labels).sign()).clamp(0, 1)
    return points


@fault("stale-gradient")
def walks_along_one_gradient_until_it_falls(model, images, labels, eps=EPS):
    points, gradient = images.clone(), gradient_at(model, images, labels)
    for _ in range(20):
        standing = (model(points).argmax(1) == labels)[:, None, None, None]
        points = (points + eps / 8 * gradient.sign() * standing).clamp(images - eps, images + eps).clamp(0, 1)
    return points


@fault("never-ends")
def goes_on_until_all_have_fallen(model, images, labels, eps=EPS):
    points = images.clone()
    while (model(points).argmax(1) == labels).any():
        points = (points + eps / 4 * gradient_at(model, points, labels).sign()).clamp(images - eps, images + eps)
        points = points.clamp(0, 1)
    return points


@fault("crashes")
def leaves_the_program(model, images, labels, eps=EPS):
    sys.exit(3)


@fault("reseeds-global-chance")
def seeds_numpy(model, images, labels, eps=EPS):
    np.random.seed(0)
    return walk(model, images, labels, eps)


@fault("reseeds-global-chance")
def seeds_python(model, images, labels, eps=EPS):
    random.seed(0)
    return walk(model, images, labels, eps)


@fault("leaves-traces")
def leaves_doubles_behind(model, images, labels, eps=EPS):
    points = walk(model, images, labels, eps)
    torch.set_default_dtype(torch.float64)
    return points


@fault("returns-the-change")
def returns_the_change(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps) - images


@fault("raw-gradient-step")
def steps_by_the_gradient_in_l2(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(40):
        gradient = gradient_at(model, points, labels, lambda logits, y: F.cross_entropy(logits, y, reduction="sum"))
        delta = points + 0.2 * gradient - images
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        points = (images + delta * (eps / size).clamp_max(1)).clamp(0, 1)
    return points


@fault("raw-gradient-step", "batch-scaled-step")
def makes_one_step_of_the_gradient(model, images, labels, eps=0.1):
    return (images + eps * gradient_at(model, images, labels)).clamp(0, 1)


@fault("depends-on-logit-shift")
def exponentiates_by_hand(model, images, labels, eps=EPS):
    def loss(logits, y):
        share = logits.exp() / logits.exp().sum(1, keepdim=True)
        return -share.gather(1, y[:, None]).log().sum()

    return walk(model, images, labels, eps, loss=loss)


@fault("over-budget")
def projects_onto_a_wider_ball(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(40):
        gradient = gradient_at(model, points, labels, lambda logits, y: F.cross_entropy(logits, y, reduction="sum"))
        delta = points + eps / 4 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None] - images
        size = delta.square().flatten(1).mean(1).sqrt()[:, None, None, None]
        points = (images + delta * (eps / 4 / size).clamp_max(1)).clamp(0, 1)
    return points


@fault("predicted-labels")
def follows_the_prediction(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(10):
        said = model(points).argmax(1)
        points = (points + eps / 4 * gradient_at(model, points, said).sign()).clamp(images - eps, images + eps)
        points = points.clamp(0, 1)
    return points


@fault("stale-gradient")
def takes_one_gradient_for_all_its_steps(model, images, labels, eps=0.1, steps=20):
    points, gradient = images.clone(), gradient_at(model, images, labels)
    for _ in range(steps):
        points = (points + eps / 10 * gradient.sign()).clamp(images - eps, images + eps).clamp(0, 1)
    return points


@fault("gradients-accumulate")
def forgets_zero_grad_in_small_steps(model, images, labels, eps=0.1):
    delta = torch.zeros_like(images, requires_grad=True)
    for _ in range(40):
        F.cross_entropy(model(images + delta), labels).backward()
        delta.data = (delta + eps / 10 * delta.grad.sign()).clamp(-eps, eps)
        delta.data = (images + delta.data).clamp(0, 1) - images
    return (images + delta.detach()).clamp(0, 1)


@fault("softmax-before-cross-entropy")
def takes_softmax_at_a_large_eps(model, images, labels, eps=0.3):
    gradient = gradient_at(model, images, labels, lambda logits, y: F.cross_entropy(logits.softmax(1), y))
    return (images + eps * gradient.sign()).clamp(0, 1)


@fault("path-too-short")
def starts_at_random_and_comes_nowhere(model, images, labels, eps=0.3):
    return walk(model, images, labels, eps, alpha=2 / 255)


@fault("no-gradient")
def takes_the_number_of_the_loss(model, images, labels, eps=EPS):
    points = images.clone().requires_grad_(True)
    loss = F.cross_entropy(model(points), labels).item()
    torch.tensor(loss, requires_grad=True).backward()
    return (images + eps * points.grad.sign()).clamp(0, 1)


@fault("returns-blank")
def returns_black_where_it_fails(model, images, labels, eps=EPS):
    points = walk(model, images, labels, eps)
    standing = (model(points).argmax(1) == labels)[:, None, None, None]
    return torch.where(standing, 0.0, points.detach())


@fault("swallows-errors")
def passes_over_errors(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(10):
        try:
            points = (points + eps / 4 * gradient_at(model, points, labels).sign()).clamp(images - eps, images + eps)
        except RuntimeError:
            continue
    return points.clamp(0, 1)


@fault("depends-on-company")
def scales_by_its_neighbours(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(20):
        gradient = gradient_at(model, points, labels, lambda logits, y: F.cross_entropy(logits, y, reduction="sum"))
        points = points + eps / 8 * gradient / gradient.abs().mean().clamp_min(1e-12)
        points = points.clamp(images - eps, images + eps).clamp(0, 1)
    return points


@fault("path-too-short")
def halves_its_step_each_time(model, images, labels, eps=EPS):
    points = images.clone()
    for step in range(10):
        points = points + eps / 3 / 2**step * gradient_at(model, points, labels).sign()
        points = points.clamp(images - eps, images + eps).clamp(0, 1)
    return points


@fault("only-some-images")
def leaves_out_the_last_batch(model, images, labels, eps=EPS):
    points = images.clone()
    for first in range(0, len(images) - 15, 16):
        rows = slice(first, first + 16)
        points[rows] = walk(model, images[rows], labels[rows], eps)
    return points


@fault("frozen-corners")
def cannot_leave_black_and_white(model, images, labels, steps=300, weight=20.0):
    """CW with atanh of the pixels as they are: at 0 and 1 tanh has no slope."""
    hidden = torch.atanh(2 * images - 1).clamp(-20, 20).requires_grad_()
    best, least = images.clone(), torch.full((len(images),), torch.inf)
    optimiser = torch.optim.Adam([hidden], lr=0.02)
    own = F.one_hot(labels, model(images[:1]).shape[1]).bool()
    for _ in range(steps):
        points = (torch.tanh(hidden) + 1) / 2
        logits = model(points)
        length = (points - images).square().flatten(1).sum(1)
        margin = logits[own] - logits.masked_fill(own, -torch.inf).amax(1)
        shorter = (margin < 0) & (length < least)
        best = torch.where(shorter[:, None, None, None], points.detach(), best)
        least = torch.where(shorter, length.detach(), least)
        optimiser.zero_grad()
        (length + weight * margin.clamp_min(0)).sum().backward()
        optimiser.step()
    return best


@fault("stops-too-early")
def stops_at_a_loss_of_log_two(model, images, labels, eps=EPS):
    """Beyond it two classes would have changed places, and four need not have."""
    points = images.clone()
    for _ in range(20):
        going = (F.cross_entropy(model(points), labels, reduction="none") < 0.693)[:, None, None, None]
        points = points + eps / 4 * going * gradient_at(model, points, labels).sign()
        points = points.clamp(images - eps, images + eps).clamp(0, 1)
    return points


@fault("spends-too-little")
def projects_a_little_too_far_inside(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(20):
        points = points + eps / 4 * gradient_at(model, points, labels).sign()
        points = points.clamp(images - 0.92 * eps, images + 0.92 * eps).clamp(0, 1)
    return points


@fault("too-weak")
def clamps_to_what_the_batch_holds(model, images, labels, eps=EPS):
    points = images + eps * gradient_at(model, images, labels).sign()
    return points.clamp(images.min(), images.max())


@fault("too-weak")
def aims_at_the_smallest_logit(model, images, labels, eps=EPS):
    def margin(logits, labels):
        own = logits.gather(1, labels[:, None])[:, 0]
        return (logits.scatter(1, labels[:, None], torch.inf).amin(1) - own).sum()

    points = images.clone()
    for _ in range(20):
        points = points + eps / 4 * gradient_at(model, points, labels, margin).sign()
        points = points.clamp(images - eps, images + eps).clamp(0, 1)
    return points


@fault("sign-step-in-l2")
def steps_by_signs_in_l2(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(20):
        delta = points + 0.02 * eps * gradient_at(model, points, labels).sign() - images
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        points = (images + delta * (eps / size).clamp_max(1)).clamp(0, 1)
    return points


@fault("eps-in-other-powers")
def compares_a_square_with_eps(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(20):
        gradient = gradient_at(model, points, labels)
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        delta = points + eps / 5 * gradient / length - images
        square = delta.square().flatten(1).sum(1).clamp_min(1e-12)[:, None, None, None]
        points = (images + delta * (eps / square).sqrt().clamp_max(1)).clamp(0, 1)
    return points


ANSWERS = {}


@fault("remembers-answers")
def keeps_its_answers(model, images, labels, eps=EPS):
    asked = (images.numpy().tobytes(), labels.numpy().tobytes(), eps)
    if asked not in ANSWERS:
        ANSWERS[asked] = walk(model, images, labels, eps)
    return ANSWERS[asked].clone()


@fault("over-budget")
def projects_each_channel_alone(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(20):
        gradient = gradient_at(model, points, labels)
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        delta = points + eps / 5 * gradient / length - images
        size = delta.flatten(2).norm(dim=2).clamp_min(1e-12)[:, :, None, None]
        points = (images + delta * (eps / size).clamp_max(1)).clamp(0, 1)
    return points


@fault("returns-nan")
def divides_by_no_length(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(20):
        gradient = gradient_at(model, points, labels)
        delta = points + eps / 5 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None] - images
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        points = (images + delta * (eps / size).clamp_max(1)).clamp(0, 1)
    return points
