"""Training and hardening of mnist_cnn, beside the textbook loop in one run.

The textbook: a Dataset that makes one float32 image at a time, a DataLoader, Adam at 1e-3; for hardening the loop of
Madry et al. 2018 around it. It does not go through PIL as torchvision's MNIST does, which is slower.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import journal  # first: it says how threads wait
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from assay import Classifier, Draws, ImageSet, Victim, linf, load, untargeted
from assay.adversary.victim import fast_precision
from assay.attacks.pgd import pgd
from assay.cli.learning import start
from assay.cli.options import load_run
from assay.models.mnist_cnn import mnist_cnn
from assay.train.recipes import RECIPES

EPS, STEPS, BATCH = 0.3, 7, 128
RECIPE = RECIPES["mnist_cnn"]()
Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5120, help="for hardening")
    parser.add_argument("--rounds", type=int, default=5, help="of hardening")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--as-right", type=int, default=0, help="epochs the textbook gets to be as right; alone")
    parser.add_argument("--log", action="store_true", help="append the figures to log.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.as_right:
        about = [
            f"one training each; the textbook is asked about the test images after each of {asked.as_right} epochs"
        ]
        journal.present("mnist_cnn until the textbook is as right", about, [compare_equals(asked.as_right)], asked.log)
        return
    with tempfile.TemporaryDirectory() as folder:
        training = compare_training(Path(folder) / "run", asked)
        hardening = compare_hardening(Path(folder) / "run", asked)
    about = [
        f"training: {asked.epochs} epochs of 55 000 images, batches of {BATCH}, with loading; assay also validates and "
        f"writes its run; {asked.seeds} seeds in turn; accuracy on 10 000 test images",
        f"hardening: linf {EPS}, {STEPS} steps, an epoch of {asked.images} images; crafting is the attack alone; "
        f"{asked.rounds} rounds in turn after a warm-up; median (smallest–largest)",
    ]
    journal.present("training and hardening of mnist_cnn", about, [training, hardening], asked.log)


class Digits(Dataset[tuple[Tensor, int]]):
    """ToTensor and Normalize, image by image."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.labels = images.images, images.labels
        (self.mean,), (self.spread,) = images.mean_and_spread()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        pixels = self.images[place].to(torch.float32).div(255)
        return (pixels - self.mean) / self.spread, int(self.labels[place])


def textbook(
    images: ImageSet,
    epochs: int,
    seed: int,
    attack: Attack | None = None,
    after: Callable[[nn.Module], bool] = lambda _: False,
) -> nn.Module:
    """The loop as it is taught; `after` each epoch it may be told to stop."""
    torch.manual_seed(seed)
    net = mnist_cnn(images.shape, len(images.classes))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loader = DataLoader(Digits(images), batch_size=BATCH, shuffle=True)
    for _ in range(epochs):
        for pixels, labels in loader:
            points = attack(net, pixels, labels) if attack else pixels
            optimizer.zero_grad()
            F.cross_entropy(net(points), labels).backward()
            optimizer.step()
        if after(net):
            break
    return net


def madry(images: ImageSet) -> Attack:
    """PGD on normalised pixels, written plainly."""
    (mean,), (spread,) = images.mean_and_spread()
    eps, low, high = EPS / spread, -mean / spread, (1 - mean) / spread

    def attack(net: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
        points = (pixels + torch.empty_like(pixels).uniform_(-eps, eps)).clamp(low, high)
        for _ in range(STEPS):
            points.requires_grad_()
            gradient = torch.autograd.grad(F.cross_entropy(net(points), labels), points)[0]
            points = points.detach() + 2.5 * eps / STEPS * gradient.sign()
            points = torch.clamp(points, pixels - eps, pixels + eps).clamp(low, high)
        return points

    return attack


def craft(classifier: Classifier, images: ImageSet) -> None:
    """As assay's training does it: batch by batch, in eval mode, to the end."""
    precision = fast_precision(torch.device("cpu"))
    for rows in torch.arange(len(images)).split(BATCH):
        batch = images.rows(rows)
        with Victim(classifier, precision=precision, micro_batch=len(batch)) as victim:
            goal = untargeted(batch.labels, until="end")
            pgd(victim, batch.pixels(), goal, linf(EPS), Draws(0, batch.index), steps=STEPS)


def compare_training(run: Path, asked: argparse.Namespace) -> str:
    """Seconds to a trained network, and what it is worth."""
    test = load("mnist", "test")
    (mean,), (spread,) = load("mnist", "train").mean_and_spread()
    right: dict[str, list[float]] = {"assay": [], "textbook": []}

    def assay(seed: int) -> float:
        began = time.perf_counter()
        _learn(run, seed=seed, epochs=asked.epochs)
        seconds = time.perf_counter() - began
        right["assay"].append(_accuracy(load_run(run)[1], test.pixels(), test.labels))
        return seconds

    def plain(seed: int) -> float:
        began = time.perf_counter()
        net = textbook(load("mnist", "train"), asked.epochs, seed)
        seconds = time.perf_counter() - began
        right["textbook"].append(_accuracy(net, (test.pixels() - mean) / spread, test.labels))
        return seconds

    seconds = journal.in_turn({"assay": assay, "textbook": plain}, asked.seeds)
    rows = [
        (
            name,
            journal.spread(taken, 1),
            journal.times(taken, seconds["textbook"]),
            f"{statistics.mean(right[name]):.2f} ({', '.join(f'{share:.2f}' for share in right[name])})",
        )
        for name, taken in seconds.items()
    ]
    return journal.table(("training", "seconds", "times the textbook", "accuracy %, mean (seeds)"), rows)


def compare_equals(epochs: int) -> str:
    """Seconds of learning until the textbook is as right as assay."""
    train, test = load("mnist", "train"), load("mnist", "test")
    (mean,), (spread,) = train.mean_and_spread()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        _learn(Path(folder) / "run")
        ours = time.perf_counter() - began
        wanted = _accuracy(load_run(Path(folder) / "run")[1], test.pixels(), test.labels)
    rows = [("assay", RECIPE.epochs, f"{ours:.1f}", "", f"{wanted:.2f}")]
    began, looking = time.perf_counter(), 0.0

    def after(net: nn.Module) -> bool:
        nonlocal looking
        looked = time.perf_counter()
        right = _accuracy(net, (test.pixels() - mean) / spread, test.labels)
        net.train()
        took = looked - began - looking
        rows.append(("textbook", len(rows), f"{took:.1f}", f"{took / ours:.1f}", f"{right:.2f}"))
        looking += time.perf_counter() - looked
        return right >= wanted

    textbook(train, epochs, 0, after=after)
    return journal.table(("", "epochs", "seconds", "times assay's", "accuracy %"), rows)


def compare_hardening(run: Path, asked: argparse.Namespace) -> str:
    """Images a second: of a whole epoch, and of its attack alone."""
    images = load("mnist", "train", asked.images)
    attack, loader = madry(images), DataLoader(Digits(images), batch_size=BATCH)
    against = {"attack": f"pgd(steps={STEPS})", "threat": f"linf({EPS})", "images": asked.images}
    _learn(run, epochs=1, images=10_000)
    classifier = load_run(run)[1]
    net = load_run(run)[1].net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    batches = list(loader)
    calls: dict[str, Callable[[int], float]] = {
        "assay, epoch": lambda seed: _learn(run, epochs=1, seed=seed, **against)[0]["seconds"],
        "textbook, epoch": journal.timed(lambda seed: textbook(images, 1, seed, attack)),
        "assay, crafting": journal.timed(lambda _: craft(classifier, images)),
        "textbook, crafting": journal.timed(lambda _: [attack(net, *batch) for batch in batches]),
    }
    seconds = {name: taken[1:] for name, taken in journal.in_turn(calls, asked.rounds + 1).items()}
    rows = [
        (
            name,
            journal.spread(len(images) / second for second in taken),
            journal.times(taken, seconds["textbook, " + name.split(", ")[1]]),
        )
        for name, taken in seconds.items()
    ]
    return journal.table(("hardening", "images/s", "times the textbook"), rows)


def _learn(run: Path, **settings: Any) -> list[dict[str, Any]]:
    return start(run, RECIPE.changed(**settings), device="cpu", force=True, resume=False)[1]


def _accuracy(model: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return 100 * float((model.eval()(pixels).argmax(1) == labels).float().mean())


if __name__ == "__main__":
    main()
