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
from assay.adversary.victim import frozen
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

    def left(points: Tensor, eps: float) -> str:
        """Accuracy that the judge finds: broken only by an image, and only within eps."""
        with assay.Victim(classifier) as victim:
            verdicts = assay.judge(victim, pixels[right], assay.untargeted(labels[right]), assay.linf(eps), points)
        faults = int((verdicts.verdict == "fault").sum())
        return f"{(verdicts.verdict == 'robust').sum() / n:6.1%}" + (
            f", {faults} answers beyond that eps" if faults else ""
        )

    with assay.Victim(classifier) as victim:
        right = (victim.labels(pixels) == labels).nonzero()[:, 0]
    print(f"{run}, {n} test images: {len(right) / n:.1%} right when nobody attacks")
    for step in (0.005, 0.009):
        with frozen(classifier):
            pieces = [as_it_was_written(classifier, pixels[rows], labels[rows], step) for rows in right.split(100)]
        points, fooled = (torch.cat(parts) for parts in zip(*pieces, strict=True))
        print(f'"eps {step}": by its own count {float((~fooled).sum()) / n:6.1%} left')
        print(f"   the judge, at linf {step}, which it says to be:   {left(points, step)}")
        print(f"   the judge, at linf {STEPS * step:.2f}, which it used:      {left(points, STEPS * step)}")
        for eps in (step, STEPS * step):
            for name, attack in (("iterated_fgsm(steps=10)", iterated_fgsm), ("pgd(steps=40)", pgd)):
                with assay.Victim(classifier) as victim:
                    goal = assay.untargeted(labels[right])
                    found = attack(
                        victim, pixels[right], goal, assay.linf(eps), draws[right], steps=40 if attack is pgd else STEPS
                    )
                print(f"   done right at linf {eps:.3f}: {name:<24} {left(found, eps)}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
