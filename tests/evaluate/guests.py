"""Attacks as users hand them in, right and wrong: a file for `assay attack RUN --attack FILE.py:FUNCTION`."""

import random

import numpy as np
import torch
import torch.nn.functional as F

EPS = 0.1


def climb(model, images, labels, eps, steps=10, sign=1):
    """pgd of this house from the image itself, until each image is fooled: the same steps, written by hand."""
    points, best, open_ = images.clone(), images.clone(), torch.ones(len(images), dtype=torch.bool)
    for _ in range(steps):
        points = points.detach().requires_grad_(True)
        logits = model(points)
        open_ &= (logits.argmax(1) == labels) if sign > 0 else (logits.argmax(1) != labels)
        loss = F.cross_entropy(logits, labels, reduction="sum")
        gradient = torch.autograd.grad(loss, points)[0]
        moved = points.detach() + sign * 4 * eps / steps * gradient.sign()
        moved = torch.min(torch.max(moved, images - eps), images + eps).clamp(0, 1)
        points = torch.where(open_[:, None, None, None], moved, points.detach())
        best = points
    return best.detach()


def pgd(model, images, labels, eps=EPS):
    return climb(model, images, labels, eps)


def told(model, images, labels, eps):
    return climb(model, images, labels, eps)


def either_way(model, images, labels, eps=EPS, targeted=False):
    return climb(model, images, labels, eps, sign=-1 if targeted else 1)


def in_numpy(model, images, labels, eps=EPS):
    return climb(model, images, labels, eps).numpy()[:, :, ::-1][:, :, ::-1]


def in_doubles(model, images, labels, eps=EPS):
    return climb(model, images, labels, eps).double()


class Bound:
    """As torchattacks makes them: bound to a model, called with images and labels."""

    def __init__(self, model, eps=EPS, steps=10):
        self.model, self.eps, self.steps = model, eps, steps

    def __call__(self, images, labels):
        self.model.eval()
        return climb(self.model, images, labels, self.eps, self.steps)


def bound(model):
    print("a word")  # noqa: T201
    return Bound(model, eps=0.5)


OBJECT = Bound(torch.nn.Flatten())


def rough(model, images, labels, eps=EPS):
    """Handles the model as no guest should."""
    print("a word")  # noqa: T201
    model.train()
    for part in model.modules():
        part.train()
    model.requires_grad_(True)
    points = images.requires_grad_(True)
    model.zero_grad(set_to_none=False)
    F.cross_entropy(model(points), labels).backward()
    torch.optim.SGD(model.parameters(), 10.0).step()
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    labels.zero_()
    return images.mul_(0).add_(0.5).detach() * 0 + points.detach()


def by_chance(model, images, labels, eps=EPS):
    """Draws from every global generator."""
    noise = torch.rand_like(images) + torch.from_numpy(np.random.rand(*images.shape)).float() - 1
    return (images + eps * (noise * random.random()).clamp(-1, 1)).clamp(0, 1)


def over_budget(model, images, labels, eps=EPS):
    return images + (2 * eps + 0.01) * torch.where(images > 0.5, -1.0, 1.0)


def beyond_white(model, images, labels, eps=EPS):
    return images + eps


def nan(model, images, labels, eps=EPS):
    return images * float("nan")


def other_shape(model, images, labels, eps=EPS):
    return images[:, :, 1:]


def pair(model, images, labels, eps=EPS):
    return images, labels


def nothing(model, images, labels, eps=EPS):
    pass


def words(model, images, labels, eps=EPS):
    return np.array(["a"] * len(images))


def smallest(model, images, labels):
    """Knows no eps."""
    return climb(model, images, labels, 0.1)


def raising(model, images, labels, eps=EPS):
    raise KeyError("x")


def refusing(model, images, labels, eps=EPS):
    raise ValueError("two\nlines")


def leaving(model, images, labels, eps=EPS):
    raise SystemExit(3)


elsewhere = F.triplet_margin_loss  # three values, and fails in a file that is not the user's


def unmakeable(model):
    return torch.nn.Linear(*model)
