"""More attacks that are wrong on purpose: in their budget, their manners, and toward other models."""

import itertools

import torch
import torch.nn.functional as F

from tests.doctor.wrong import EPS, fault, gradient_at, walk

CALLS = itertools.count()
CLAIMS = {"claims_to_be_blind": "black-box"}


@fault("returns-input")
def returns_its_input(model, images, labels, eps=EPS):
    return images.clone()


@fault("over-budget")
def spends_five_percent_more(model, images, labels, eps=EPS):
    return walk(model, images, labels, 1.05 * eps)


@fault("norm-over-the-batch")
def takes_the_norm_of_the_batch(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(20):
        gradient = gradient_at(model, points, labels)
        delta = points + eps / 5 * gradient / gradient.norm() - images
        points = (images + delta * (eps / delta.norm()).clamp_max(1)).clamp(0, 1)
    return points


@fault("path-too-short")
def makes_a_weak_step(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, alpha=0.001 * eps, steps=20, start=False)


@fault("only-some-images")
def attacks_the_first_image(model, images, labels, eps=EPS):
    points = images.clone()
    points[:1] = walk(model, images[:1], labels[:1], eps)
    return points


@fault("sphere-not-ball")
def walks_on_the_sphere(model, images, labels, eps=1.0):
    points = images.clone()
    for _ in range(20):
        gradient = gradient_at(model, points, labels, lambda logits, y: F.cross_entropy(logits, y, reduction="sum"))
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        delta = points + eps / 5 * gradient / length - images
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        points = images + eps * delta / size
    return points.clamp(0, 1)


@fault("overwrites-input")
def overwrites_its_input(model, images, labels, eps=EPS):
    images.copy_(walk(model, images.clone(), labels, eps))
    return images


@fault("ignores-setting")
def ignores_its_steps(model, images, labels, eps=EPS, steps=40):
    return walk(model, images, labels, eps, steps=10)


@fault("reseeds-global-chance")
def seeds_everybody(model, images, labels, eps=EPS):
    torch.manual_seed(0)
    return walk(model, images, labels, eps)


@fault("not-reproducible")
def draws_from_the_clock(model, images, labels, eps=EPS):
    points = walk(model, images, labels, eps, start=False)
    own = torch.Generator().manual_seed(next(CALLS))
    return points + 0.01 * (images - points) * torch.rand(images.shape, generator=own)


@fault("leaves-another-mode")
def leaves_eval_mode(model, images, labels, eps=EPS):
    model.eval()
    return walk(model, images, labels, eps)


@fault("depends-on-class-order", "too-weak")
def knows_the_first_class(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps, loss=lambda logits, y: -logits[:, 0].sum())


@fault("depends-on-logit-shift")
def fears_negative_logits(model, images, labels, eps=EPS):
    def loss(logits, y):
        one = F.one_hot(y, logits.shape[1])
        return ((1 - one) * logits).amax(1).sum() - (one * logits).sum()

    return walk(model, images, labels, eps, loss=loss)


@fault("more-eps-less-broken")
def gives_up_on_large_budgets(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps if eps <= EPS else eps / 10)


@fault("uses-gradients")
def claims_to_be_blind(model, images, labels, eps=EPS):
    return walk(model, images, labels, eps)


@fault("changes-the-model")
def trains_a_little(model, images, labels, eps=EPS):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.999)
    return walk(model, images, labels, eps)


@fault("returns-no-images")
def returns_what_it_broke(model, images, labels, eps=EPS):
    points = walk(model, images, labels, eps)
    return points[model(points).argmax(1) != labels]


@fault("returns-nan")
def divides_by_zero(model, images, labels, eps=1.0):
    def unit(gradient):
        gradient = gradient.where(gradient.abs() > gradient.abs().median(), torch.zeros(()))
        return gradient / gradient.abs()

    return walk(model, images, labels, eps / 20, turn=unit)


@fault("leaves-traces")
def leaves_a_hook(model, images, labels, eps=EPS):
    model.register_forward_hook(lambda *_: None)
    return walk(model, images, labels, eps)


@fault("not-minimal")
def searches_half_heartedly(model, images, labels):
    points = images.clone()
    for step in range(200):
        gradient = gradient_at(model, points, labels, lambda logits, y: F.cross_entropy(logits, y, reduction="sum"))
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        standing = (model(points).argmax(1) == labels)[:, None, None, None]
        points = (points + (1 + step) * 0.1 * gradient / length * standing).clamp(0, 1).detach()
    return points
