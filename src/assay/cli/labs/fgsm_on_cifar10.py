"""A small ResNet on CIFAR-10, fooled in one step and in ten."""

import shlex

from assay.cli.labs.bench import Bench
from assay.cli.labs.plan import Lab, Row, Step, alone, exact, measured

FILE = "as_it_was_written.py"
STEPS = (0.005, 0.009)  # which the course calls eps
ATTACKS = ("fgsm", "iterated_fgsm(steps=10)", "pgd(steps=40)")
OTHER_NET = "another network than theirs, of the same layers"
THEIR_N = 200  # about


def fgsm_on_cifar10(quick: bool) -> Lab:
    """A small ResNet on CIFAR-10, fooled in one step and in ten (A)."""
    images, less = 200 if quick else 1000, "--images 4000 --epochs 3" if quick else "--images 10000"
    attacks = " ".join(f"--attack {shlex.quote(text)}" for text in ATTACKS)
    wrong = [("with_its_step", f"linf({step})") for step in STEPS]
    wrong += [("within_its_reach", f"linf({10 * step:g})") for step in STEPS]
    steps = [
        Step("data describe cifar10 --out {out}/cifar10.png", 12),
        Step("model describe resnet14", 3),
        Step(f"train resnet14 --data cifar10 {less} --out {{out}}/resnet14", 130),
        *(Step(f"attack {{out}}/resnet14 {_theirs(name)} --threat '{at}' --images {images}", 12) for name, at in wrong),
        Step(f"attack {{out}}/resnet14 {attacks} --threat 'linf(0.05)' --eps .005,.009,.01,.09 --images {images}", 60),
    ]
    title = "A small ResNet on CIFAR-10, fooled in one step and in ten"
    return Lab(title, tuple(steps), _rows, ("resnet14",), (FILE,), ("iterated_attack",))


def _theirs(name: str) -> str:
    return f"--attack {{out}}/{FILE}:{name}"


def _rows(bench: Bench) -> list[Row]:
    run, quick = "resnet14", bench.quick
    data, trained = bench.data(run), bench.recipe(run)["images"]
    return [
        exact("A1", "numbers of an image, 3×32×32", 3072, data["features"]),
        exact("A1", "classes", 10, len(data["classes"])),
        exact("A1", "training images, a sixth of the set", 10_000, trained, "ours are drawn stratified", quick),
        exact("A2", "parameters of the ResNet", 175_258, bench.parameters(run), "theirs counted from their layers"),
        alone("A2", "right on the test images", bench.test(run)),
        measured(
            "A3", "FGSM at linf 0.01: left", 10.5, bench.left(run, "fgsm", 0.01), "less", quick, OTHER_NET, THEIR_N
        ),
        measured(
            "A3", "FGSM at linf 0.05: left", 1.5, bench.left(run, "fgsm", 0.05), "less", quick, OTHER_NET, THEIR_N
        ),
        *(row for step, theirs in zip(STEPS, (0.0, 0.5), strict=True) for row in _iterated(bench, run, step, theirs)),
        *(alone("A5", f"{attack} at linf 0.05", bench.cost(run, attack, 0.05)) for attack in ("noise", *ATTACKS)),
    ]


def _iterated(bench: Bench, run: str, step: float, theirs: float) -> list[Row]:
    """Their iterated attack at their "eps": as they count it, what it really used, and the true attack at both."""
    reach = round(10 * step, 3)
    own, there = (f"{FILE}:{name}" for name in ("with_its_step", "within_its_reach"))
    faults = bench.left(run, own, step)
    beyond = f"of {faults['attacked']} answers {faults['faults']} lie beyond linf {step:g} or are no images: faults"
    why = f"its eps is a step: ten of them reach {reach:g}"
    return [
        measured(
            "A4",
            f'their iterated attack, "eps {step:g}", as they count',
            theirs,
            bench.own_count(run, own, step),
            "same",
            bench.quick,
            beyond,
            THEIR_N,
        ),
        alone("A4", f"the same answers, judged at linf {reach:g}", bench.left(run, there, reach), why),
        alone(
            "A4",
            f"the true attack (PGD, 40 steps) at linf {step:g}",
            bench.left(run, "pgd(steps=40)", step),
            "what their number claims to be",
        ),
        alone(
            "A4", f"the true attack at linf {reach:g}", bench.left(run, "pgd(steps=40)", reach), "what they paid for"
        ),
    ]
