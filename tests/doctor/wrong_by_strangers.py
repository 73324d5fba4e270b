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
