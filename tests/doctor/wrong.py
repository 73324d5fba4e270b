"""Attacks that are wrong on purpose, one fault each, with the name that the doctor must give it.

Those that were measured in the field; wrong_in_manners.py has those that the contract of a library should have caught.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

EPS = 8 / 255
WRONG: dict[str, tuple[Callable, tuple[str, ...]]] = {}


def fault(*names: str) -> Callable:
    """Register a wrong attack with the names that are right for it."""

    def register(function: Callable) -> Callable:
        WRONG[function.__name__] = (function, names)
        return function

    return register


def gradient_at(model, points, labels, loss=F.cross_entropy):
    points = points.detach().requires_grad_(True)
    return torch.autograd.grad(loss(model(points), labels), points)[0]


def walk(
    model, images, labels, eps, *, alpha=None, steps=10, loss=F.cross_entropy, turn=torch.sign, clip=True, project=True,
    start=True, sign=1,
):  # fmt: skip
    """The textbook, in which faults can be put."""
    alpha = eps / 4 if alpha is None else alpha
    points = images + eps * (2 * torch.rand_like(images) - 1) * start
    points = points.clamp(0, 1) if clip else points
    for _ in range(steps):
        points = points + sign * alpha * turn(gradient_at(model, points, labels, loss))
        points = images + (points - images).clamp(-eps, eps) if project else points
        points = points.clamp(0, 1) if clip else points
    return points.detach()


@fault("stale-gradient")
def asks_at_the_clean_image(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(10):
        points = (points + eps / 4 * gradient_at(model, images, labels).sign()).clamp(images - eps, images + eps)
        points = points.clamp(0, 1)
    return points


@fault("no-projection")
def never_projects(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, project=False)


@fault("no-pixel-clip")
def never_clips(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, clip=False)


@fault("eps-in-other-units")
def eps_on_normalised_images(model, images, labels, eps=0.1):
    mean, std = 0.1307, 0.3081
    normal = (images - mean) / std
    delta = torch.zeros_like(images)
    for _ in range(20):
        gradient = gradient_at(lambda x: model((x * std + mean).clamp(0, 1)), normal + delta, labels)
        delta = (delta + eps / 4 * gradient.sign()).clamp(-eps, eps)
    return ((normal + delta) * std + mean).clamp(0, 1)


@fault("clamp-in-other-units")
def clamps_normalised_images(model, images, labels, eps=0.1):
    mean, std = 0.1307, 0.3081
    normal = (images - mean) / std
    points = normal.clone()
    for _ in range(20):
        gradient = gradient_at(lambda x: model(x * std + mean), points, labels)
        points = (points + eps / std / 4 * gradient.sign()).clamp(normal - eps / std, normal + eps / std).clamp(0, 1)
    return points * std + mean


@fault("softmax-before-cross-entropy")
def takes_softmax_twice(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, loss=lambda logits, y: F.cross_entropy(logits.softmax(1), y))


@fault("nll-on-logits")
def takes_nll_of_logits(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, loss=F.nll_loss)


@fault("train-mode")
def attacks_in_train_mode(model, images, labels, eps=EPS):
    model.train()
    return walk(model, images, labels, eps)


@fault("train-mode")
def crafts_in_train_mode(model, images, labels, eps=EPS):
    model.train()
    points = walk(model, images, labels, eps)
    model.eval()
    return points


@fault("wrong-sign")
def descends(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, sign=-1)


@fault("targeted-sign")
def climbs_toward_a_target(model, images, labels, eps=EPS):
    with torch.no_grad():
        targets = model(images).scatter(1, labels[:, None], 1e9).argmin(1)
    return walk(model, images, targets, eps)


@fault("targeted-sign")
def climbs_when_told_targeted(model, images, labels, eps=EPS, targeted=False):
    return walk(model, images, labels, eps)


@fault("path-too-short")
def makes_tiny_steps(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, alpha=eps / 20, steps=5, start=False)


@fault("too-few-steps")
def makes_three_steps(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, alpha=eps / 2, steps=3)


@fault("step-too-large")
def jumps_between_corners(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, alpha=2 * eps, steps=20)


@fault("batch-scaled-step", "raw-gradient-step")
def steps_by_the_mean_gradient(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, alpha=0.3 * eps, turn=lambda gradient: gradient, steps=20, start=False)


@fault("gradients-accumulate")
def forgets_zero_grad(model, images, labels, eps=EPS):
    delta = torch.zeros_like(images, requires_grad=True)
    for _ in range(20):
        F.cross_entropy(model(images + delta), labels).backward()
        delta.data = (delta + eps / 4 * delta.grad.sign()).clamp(-eps, eps)
        delta.data = (images + delta.data).clamp(0, 1) - images
    return (images + delta.detach()).clamp(0, 1)


@fault("predicted-labels")
def believes_the_model(model, images, labels, eps=EPS):
    with torch.no_grad():
        labels = model(images).argmax(1)
    return walk(model, images, labels, eps)


@fault("eight-bit-rounding")
def rounds_to_eight_bit(model, images, labels, eps=10.4 / 255):
    return (walk(model, images, labels, eps) * 255).round() / 255


@fault("eight-bit-rounding")
def truncates_to_eight_bit(model, images, labels, eps=10.4 / 255):
    return (walk(model, images, labels, eps) * 255).int().float() / 255


@fault("no-gradient")
def detaches_the_graph(model, images, labels, eps=EPS):
    points = images.clone().requires_grad_(True)
    loss = F.cross_entropy(model(points).detach(), labels) + 0 * points.sum()
    gradient = torch.autograd.grad(loss, points)[0]
    return (images + eps * gradient.sign()).clamp(0, 1).detach()


@fault("no-gradient")
def works_without_gradients(model, images, labels, eps=EPS):
    points = images + eps * (2 * torch.rand_like(images) - 1)
    for _ in range(10):
        points = points.detach().requires_grad_(True)
        with torch.no_grad():
            F.cross_entropy(model(points), labels)
        step = torch.zeros_like(points) if points.grad is None else points.grad.sign()
        points = (points + eps / 4 * step).clamp(images - eps, images + eps).clamp(0, 1)
    return points.detach()


@fault("stops-after-one-step")
def loses_its_leaf(model, images, labels, eps=EPS):
    points = images.clone().requires_grad_(True)
    for _ in range(10):
        F.cross_entropy(model(points), labels).backward()
        points = (points + eps / 4 * points.grad.sign()).clamp(0, 1)
    return points.detach()


@fault("stops-after-one-step")
def loses_its_leaf_and_goes_on(model, images, labels, eps=EPS):
    leaf = images.clone().requires_grad_(True)
    points, grad = leaf, None
    for _ in range(10):
        loss = F.cross_entropy(model(points), labels)
        if points.is_leaf:
            grad = torch.autograd.grad(loss, points)[0]
            points = (points + eps * grad.sign()).clamp(0, 1).detach() + 0 * leaf
        else:
            torch.autograd.grad(loss, points)
    return points.detach()


@fault("just-noise")
def is_noise(model, images, labels, eps=EPS):
    return (images + eps * torch.randn_like(images).sign()).clamp(0, 1)


@fault("returns-input")
def loops_over_a_range_of_eps(model, images, labels, eps=EPS):
    points = images.clone()
    for _ in range(int(eps)):
        points = points + gradient_at(model, points, labels).sign()
    return points


@fault("over-budget", "no-projection")
def stacks_patches(model, images, labels, eps=EPS):
    points = walk(model, images, labels, eps)
    for corner in (0, 3, 5):
        points[:, :, corner : corner + 4, corner : corner + 4] += eps
    return points.clamp(0, 1)
