"""A course's iterated attack as it was written, beside what it should have been: python examples/… RUN [IMAGES].

Its "epsilon" is a step, not a budget: ten steps reach ten times as far. It takes the gradient at the clean image every
time, so that all ten steps are one long one. It never projects, and it tests before it clips to [0, 1], so that some of
what it counts as fooled is no image.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

import assay
from assay.adversary.victim import fast_precision, frozen
from assay.attacks.iterated_fgsm import iterated_fgsm
from assay.attacks.pgd import pgd
from assay.cli.options import load_images, load_run

STEPS = 10


def as_it_was_written(model: nn.Module, images: Tensor, labels: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """What it returns (clipped, as it is then shown), and which images it believes to have fooled (before that)."""
    pixels = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(pixels), labels, reduction="sum")
    direction = torch.autograd.grad(loss, pixels)[0].sign()
    points, fooled = images.clone(), torch.zeros(len(images), dtype=torch.bool)
    for _ in range(STEPS):
        points[~fooled] += step * direction[~fooled]
        fooled |= model(points).argmax(1) != labels
    return points.clamp(0, 1), fooled


def main(run: str, n: int = 1000) -> None:
    folder, classifier = load_run(Path(run))
    images = load_images(folder, None, "test", n)
    pixels, labels, draws = images.pixels(), images.labels, assay.Draws(0, images.index)

    def judged(points: Tensor, eps: float, verdict: str) -> int:
        """How many answers the judge calls that: broken only by an image, and only within eps."""
        with assay.Victim(classifier) as victim:
            found = assay.judge(victim, pixels[right], assay.untargeted(labels[right]), assay.linf(eps), points)
        return int((found.verdict == verdict).sum())

    with assay.Victim(classifier) as victim:
        right = (victim.labels(pixels) == labels).nonzero()[:, 0]
    print(f"{run}, {n} test images: {len(right) / n:.1%} right when nobody attacks")
    for step in (0.005, 0.009):
        with frozen(classifier):
            pieces = [as_it_was_written(classifier, pixels[rows], labels[rows], step) for rows in right.split(100)]
        points, fooled = (torch.cat(parts) for parts in zip(*pieces, strict=True))
        print(f'"eps {step}": by its own count {float((~fooled).sum()) / n:6.1%} left')
        beyond = judged(points, step, "fault")
        print(f"   but {beyond} of its {len(right)} answers lie beyond linf {step}")
        print(f"   at linf {STEPS * step:.2f}, which it used: {judged(points, STEPS * step, 'robust') / n:.1%} left")
        for eps in (step, STEPS * step):
            for name, attack in (("iterated_fgsm(steps=10)", iterated_fgsm), ("pgd(steps=40)", pgd)):
                with assay.Victim(classifier, precision=fast_precision(torch.device("cpu"))) as victim:
                    goal = assay.untargeted(labels[right])
                    found = attack(
                        victim, pixels[right], goal, assay.linf(eps), draws[right], steps=40 if attack is pgd else STEPS
                    )
                print(f"   done right at linf {eps:.3f}: {name:<24} {judged(found, eps, 'robust') / n:6.1%} left")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
