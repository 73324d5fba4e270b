"""Attacks as a careful student writes them: no check may speak against any of them."""

import copy

import torch
import torch.nn.functional as F


def fgsm(model, images, labels, eps=8 / 255):
    points = images.clone().requires_grad_(True)
    loss = F.cross_entropy(model(points), labels)
    gradient = torch.autograd.grad(loss, points)[0]
    return (images + eps * gradient.sign()).clamp(0, 1).detach()


def fgsm_by_backward(model, images, labels, epsilon=0.1):
    points = images.detach().clone()
    points.requires_grad = True
    loss = F.nll_loss(F.log_softmax(model(points), dim=1), labels)
    model.zero_grad()
    loss.backward()
    points = points + epsilon * points.grad.data.sign()
    return torch.clamp(points, 0, 1).detach()


def pgd(model, images, labels, eps=8 / 255, alpha=2 / 255, steps=10):
    points = (images + torch.empty_like(images).uniform_(-eps, eps)).clamp(0, 1)
    for _ in range(steps):
        points = points.detach().requires_grad_(True)
        loss = F.cross_entropy(model(points), labels)
        gradient = torch.autograd.grad(loss, points)[0]
        points = points.detach() + alpha * gradient.sign()
        points = images + (points - images).clamp(-eps, eps)
        points = points.clamp(0, 1)
    return points.detach()


def pgd_of_madry(model, images, labels, eps=0.3, step=0.01, nb_iter=40):
    points = (images + torch.rand_like(images) * 2 * eps - eps).clamp(0, 1)
    for _ in range(nb_iter):
        points.requires_grad_(True)
        loss = F.cross_entropy(model(points), labels, reduction="sum")
        loss.backward()
        with torch.no_grad():
            points = points + step * points.grad.sign()
            points = torch.max(torch.min(points, images + eps), images - eps).clamp(0, 1)
    return points.detach()


def pgd_on_delta(model, images, labels, epsilon, alpha=2 / 255, num_iter=20):
    delta = torch.zeros_like(images, requires_grad=True)
    for _ in range(num_iter):
        loss = F.cross_entropy(model(images + delta), labels)
        loss.backward()
        delta.data = (delta + alpha * delta.grad.detach().sign()).clamp(-epsilon, epsilon)
        delta.data = (images + delta.data).clamp(0, 1) - images
        delta.grad.zero_()
    return (images + delta.detach()).clamp(0, 1)


def pgd_one_by_one(model, images, labels, eps=8 / 255):
    return torch.cat([pgd(model, image[None], label[None], eps) for image, label in zip(images, labels, strict=True)])


def pgd_with_early_stop(model, images, labels, eps=8 / 255, alpha=2 / 255, steps=20):
    points, best = images + torch.empty_like(images).uniform_(-eps, eps), images.clone()
    points, open_ = points.clamp(0, 1), torch.arange(len(images))
    for _ in range(steps):
        part = points[open_].detach().requires_grad_(True)
        logits = model(part)
        loss = F.cross_entropy(logits, labels[open_], reduction="sum")
        gradient = torch.autograd.grad(loss, part)[0]
        best[open_] = part.detach()
        stay = logits.argmax(1) == labels[open_]
        moved = part.detach() + alpha * gradient.sign()
        moved = torch.min(torch.max(moved, images[open_] - eps), images[open_] + eps).clamp(0, 1)
        points[open_] = moved
        open_ = open_[stay]
        if len(open_) == 0:
            return best
    best[open_] = points[open_]
    return best


def margin_pgd(model, images, labels, eps=8 / 255, alpha=2 / 255, steps=20):
    points = images.clone()
    for _ in range(steps):
        points.requires_grad_(True)
        logits = model(points)
        own = logits.gather(1, labels[:, None])[:, 0]
        other = logits.scatter(1, labels[:, None], -1e9).max(1).values
        gradient = torch.autograd.grad((other - own).sum(), points)[0]
        points = points.detach() + alpha * gradient.sign()
        points = (images + (points - images).clamp(-eps, eps)).clamp(0, 1)
    return points


def momentum(model, images, labels, eps=8 / 255, alpha=2 / 255, steps=10, decay=1.0):
    points, memory = images.clone(), torch.zeros_like(images)
    for _ in range(steps):
        points.requires_grad_(True)
        loss = F.cross_entropy(model(points), labels)
        gradient = torch.autograd.grad(loss, points)[0]
        gradient = gradient / gradient.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
        memory = decay * memory + gradient
        points = (points.detach() + alpha * memory.sign()).clamp(images - eps, images + eps).clamp(0, 1)
    return points.detach()


def pgd_l2(model, images, labels, eps=1.0, alpha=0.2, steps=20):
    points = images.clone()
    for _ in range(steps):
        points.requires_grad_(True)
        loss = F.cross_entropy(model(points), labels, reduction="sum")
        gradient = torch.autograd.grad(loss, points)[0]
        length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        delta = points.detach() + alpha * gradient / length - images
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        points = (images + delta * (eps / size).clamp_max(1)).clamp(0, 1)
    return points.detach()


def least_likely(model, images, labels, eps=8 / 255, alpha=1 / 255, steps=20):
    with torch.no_grad():
        targets = model(images).scatter(1, labels[:, None], 1e9).argmin(1)
    points = images.clone()
    for _ in range(steps):
        points.requires_grad_(True)
        loss = F.cross_entropy(model(points), targets)
        gradient = torch.autograd.grad(loss, points)[0]
        points = (points.detach() - alpha * gradient.sign()).clamp(images - eps, images + eps).clamp(0, 1)
    return points.detach()


def random_search(model, images, labels, eps=0.1, steps=2000):
    """Corners of the cube, one block of pixels turned over at a time."""
    signs = torch.where(torch.rand_like(images) < 0.5, -1.0, 1.0)

    @torch.no_grad()
    def margins(signs):
        logits = model((images + eps * signs).clamp(0, 1))
        own = logits.gather(1, labels[:, None])[:, 0]
        return logits.scatter(1, labels[:, None], -1e9).max(1).values - own

    best, rows = margins(signs), torch.arange(len(images))
    for step in range(steps):
        side = 1 if step > steps // 3 else 2
        y = torch.randint(0, images.shape[2] - side + 1, (len(images),))
        x = torch.randint(0, images.shape[3] - side + 1, (len(images),))
        trial = signs.clone()
        for i in range(side):
            for j in range(side):
                trial[rows, :, y + i, x + j] *= -1
        found = margins(trial)
        better = found > best
        signs[better], best = trial[better], torch.maximum(best, found)
    return (images + eps * signs).clamp(0, 1)


def least_likely_in_small_steps(model, images, labels, eps=0.1):
    return least_likely(model, images, labels, eps, alpha=eps / 10, steps=20)


def pgd_in_doubles(model, images, labels, eps=8 / 255, steps=10):
    delta = torch.zeros_like(images).double()
    for _ in range(steps):
        points = (images + delta).float().requires_grad_(True)
        gradient = torch.autograd.grad(F.cross_entropy(model(points), labels, reduction="sum"), points)[0]
        delta = (delta + eps / 4 * gradient.sign()).clamp(-eps, eps)
        delta = (images + delta).clamp(0, 1) - images
    return (images + delta).float().clamp(images - eps, images + eps).clamp(0, 1)


def pgd_by_an_optimiser(model, images, labels, eps=8 / 255):
    delta = torch.zeros_like(images, requires_grad=True)
    optimiser = torch.optim.SGD([delta], lr=eps / 4)
    for _ in range(20):
        optimiser.zero_grad()
        (-F.cross_entropy(model(images + delta), labels)).backward()
        delta.grad.sign_()
        optimiser.step()
        delta.data = (images + delta.data.clamp(-eps, eps)).clamp(0, 1) - images
    return (images + delta.detach()).clamp(0, 1)


def best_of_restarts(model, images, labels, eps=8 / 255):
    best = images.clone()
    for _ in range(3):
        points = pgd(model, images, labels, eps)
        fallen = (model(points).argmax(1) != labels)[:, None, None, None]
        best = torch.where(fallen, points, best)
    return torch.where((best == images).flatten(1).all(1)[:, None, None, None], points, best)


def nesterov(model, images, labels, eps=8 / 255, decay=0.9, steps=20):
    points, memory = images.clone(), torch.zeros_like(images)
    for _ in range(steps):
        ahead = (points + eps / 10 * decay * memory).requires_grad_(True)
        gradient = torch.autograd.grad(F.cross_entropy(model(ahead), labels), ahead)[0]
        memory = decay * memory + gradient / gradient.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
        points = (points + eps / 10 * memory.sign()).clamp(images - eps, images + eps).clamp(0, 1)
    return points


def one_step_from_a_random_corner(model, images, labels, eps=0.3):
    start = (images + eps / 2 * torch.randn_like(images).sign()).clamp(0, 1).requires_grad_(True)
    gradient = torch.autograd.grad(F.cross_entropy(model(start), labels), start)[0]
    return (start.detach() + eps / 2 * gradient.sign()).clamp(0, 1)


class Bound:
    """Like an object of torchattacks: made for a model, called with images and labels."""

    def __init__(self, model, eps=8 / 255, alpha=2 / 255, steps=10):
        self.model, self.eps, self.alpha, self.steps = model, eps, alpha, steps

    def __call__(self, images, labels):
        return pgd(self.model, images, labels, self.eps, self.alpha, self.steps)


def one_step_toward_each_class(model, images, labels, eps=8 / 255):
    """Several gradients at one place, and not one of them is stale."""
    points = images.clone().requires_grad_()
    logits = model(points)
    own, best = logits.gather(1, labels[:, None])[:, 0], images.clone()
    for other in range(logits.shape[1]):
        gradient = torch.autograd.grad((logits[:, other] - own).sum(), points, retain_graph=True)[0]
        tried = (images + eps * gradient.sign()).clamp(0, 1)
        with torch.no_grad():
            standing = (model(best).argmax(1) == labels)[:, None, None, None]
        best = torch.where(standing, tried, best)
    return best.detach()


def adam_on_the_change(model, images, labels, eps=8 / 255):
    """Its moments are sums of gradients, and no fault."""
    delta = torch.zeros_like(images, requires_grad=True)
    optimiser = torch.optim.Adam([delta], lr=eps / 4)
    for _ in range(30):
        logits = model(images + delta)
        own = logits.gather(1, labels[:, None])[:, 0]
        rival = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
        optimiser.zero_grad()
        (own - rival).sum().backward()
        optimiser.step()
        with torch.no_grad():
            delta.copy_((images + delta.clamp(-eps, eps)).clamp(0, 1) - images)
    return (images + delta.detach()).clamp(0, 1)


def on_a_copy_of_the_model(model, images, labels, eps=8 / 255, steps=20):
    own = copy.deepcopy(model).requires_grad_(False)
    return pgd(own, images, labels, eps, steps=steps)


def nes_with_a_seed_of_its_own(model, images, labels, eps=8 / 255):
    """Seeded chance by place: another company, another way, the same end."""
    own = torch.Generator().manual_seed(5)
    points = images.clone()
    with torch.no_grad():
        for _ in range(20):
            estimate = torch.zeros_like(images)
            for _ in range(60):
                noise = torch.randn(images.shape, generator=own)
                for way in (1.0, -1.0):
                    logits = model(points + 0.002 * way * noise)
                    rival = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
                    score = rival - logits.gather(1, labels[:, None])[:, 0]
                    estimate += way * score[:, None, None, None] * noise
            points = points + eps / 4 * estimate.sign()
            points = points.clamp(images - eps, images + eps).clamp(0, 1)
    return points


RIGHT = {
    name: function
    for name, function in list(globals().items())
    if callable(function) and getattr(function, "__module__", "") == __name__
}
