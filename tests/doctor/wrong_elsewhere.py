"""Faults whose number is right on most models, and wrong on another, in other company or in other hands."""

import torch
import torch.nn.functional as F

from tests.doctor.wrong import EPS, fault, gradient_at, walk


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
def cannot_leave_black_and_white(model, images, labels, steps=100, weight=20.0):
    """CW with atanh of the pixels as they are: at 0 and 1 tanh has no slope."""
    hidden = torch.atanh(2 * images - 1).clamp(-20, 20).requires_grad_()
    best, least = images.clone(), torch.full((len(images),), torch.inf)
    optimiser = torch.optim.Adam([hidden], lr=0.05)
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


def lengths(tensor):
    return tensor.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]


def share_of(delta, eps):
    return eps / lengths(delta)


def walk_in_l2(model, images, labels, eps, step, share=share_of):
    """A textbook walk in which faults can be put: how long a step is, and what share of a change is within eps."""
    points = images.clone()
    for _ in range(20):
        delta = points + step(gradient_at(model, points, labels)) - images
        points = (images + delta * share(delta, eps).clamp_max(1)).clamp(0, 1)
    return points


def a_fifth(eps):
    return lambda gradient: eps / 5 * gradient / lengths(gradient)


@fault("sign-step-in-l2")
def steps_by_signs_in_l2(model, images, labels, eps=1.0):
    return walk_in_l2(model, images, labels, eps, lambda gradient: 0.02 * eps * gradient.sign())


@fault("eps-in-other-powers")
def compares_a_square_with_eps(model, images, labels, eps=1.0):
    return walk_in_l2(model, images, labels, eps, a_fifth(eps), lambda delta, eps: (eps / lengths(delta) ** 2).sqrt())


@fault("over-budget")
def projects_each_channel_alone(model, images, labels, eps=1.0):
    def by_channel(delta, eps):
        return eps / delta.flatten(2).norm(dim=2).clamp_min(1e-12)[:, :, None, None]

    return walk_in_l2(model, images, labels, eps, a_fifth(eps), by_channel)


@fault("returns-nan")
def divides_by_no_length(model, images, labels, eps=1.0):
    def unguarded(gradient):
        return eps / 5 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]

    return walk_in_l2(model, images, labels, eps, unguarded)


ANSWERS = {}


@fault("remembers-answers")
def keeps_its_answers(model, images, labels, eps=EPS):
    asked = (images.numpy().tobytes(), labels.numpy().tobytes(), eps)
    if asked not in ANSWERS:
        ANSWERS[asked] = walk(model, images, labels, eps)
    return ANSWERS[asked].clone()
