"""Is a model what an evaluation takes it for: logits, of one image at a time, with gradients that lead somewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim, frozen
from assay.attacks.pgd import pgd
from assay.attacks.square import square
from assay.chance import Draws
from assay.doctor.findings import SHOWN, Diagnosis, Finding, Severity, worst_first
from assay.doctor.mends import OF_MODELS
from assay.doctor.trial import percent
from assay.files import fault

MANY = 0.2  # of the images
EPS = {1: 0.1, 3: 8 / 255}  # by channels, for the number that a finding is about
FEW, QUERIES = 32, 300
SCALES: dict[str, Callable[[Tensor], Tensor]] = {  # the likeliest first
    "2 · x - 1": lambda x: 2 * x - 1,
    "the mean and std of ImageNet": lambda x: _normal(x, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "the mean and std of CIFAR-10": lambda x: _normal(x, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    "the mean and std of MNIST": lambda x: _normal(x, (0.1307,), (0.3081,)),
    "each image's own mean and std": lambda x: (
        (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True).clamp_min(1e-6)
    ),
    "255 · x": lambda x: 255 * x,
    "x / 255": lambda x: x / 255,
    "1 - x": lambda x: 1 - x,
    "the channels in the other order": lambda x: x.flip(1),
}


def _normal(x: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    if len(mean) not in (1, x.shape[1]):
        return x
    return (x - torch.tensor(mean).reshape(1, -1, 1, 1)) / torch.tensor(std).reshape(1, -1, 1, 1)


@dataclass
class Patient:
    """A module in eval mode, images `(N, C, H, W)` in [0, 1]; labels and the number of classes where they are known."""

    net: nn.Module
    images: Float[Tensor, "N C H W"]
    labels: Int64[Tensor, "N"] | None
    classes: int | None

    def ask(self, images: Tensor) -> Tensor:
        """Logits, without a gradient."""
        with torch.no_grad():
            answer: Tensor = self.net(images.clone())
        return answer.float()

    @cached_property
    def logits(self) -> Tensor:
        """The answer to the images."""
        return self.ask(self.images)

    @cached_property
    def spread(self) -> float:
        """How far apart logits are, to measure differences by."""
        return max(float(self.logits.std()), 1e-12)

    def gradient(self, images: Tensor, loss: str) -> Tensor:
        """Of ce or margin, away from what is predicted, with respect to the images."""
        goal = untargeted(self.logits.argmax(1), "ce" if loss == "ce" else "margin")
        images = images.clone().requires_grad_()
        with torch.enable_grad():
            score = goal.score(self.net(images).float()).sum()
        if not score.requires_grad:
            return torch.zeros_like(images)
        found = torch.autograd.grad(score, images, allow_unused=True)[0]
        return torch.zeros_like(images) if found is None else found

    @cached_property
    def margin_gradient(self) -> Tensor:
        """Of the margin, at the images."""
        return self.gradient(self.images, "margin")

    @cached_property
    def under_attack(self) -> str:
        """What pgd leaves and what square leaves of some images: the number that a gradient is trusted with."""
        images, left = self.images[:FEW], []
        eps = EPS.get(self.images.shape[1], 8 / 255)
        goal = untargeted(self.logits[:FEW].argmax(1))
        draws = Draws(0, torch.arange(len(images)))
        for attack in (lambda *given: pgd(*given, steps=20), lambda *given: square(*given, steps=QUERIES)):
            with Victim(self.net) as victim:
                try:
                    points = attack(victim, images, goal, linf(eps), draws)
                except RuntimeError:  # no gradient at all
                    left.append("cannot be run")
                    continue
                standing = 1 - float(goal.reached(victim.labels(points)).float().mean())
                left.append(f"leaves {percent(standing)} of {len(images)} images standing")
        return f"at linf({eps:.3g}) pgd {left[0]}, square {left[1]}"


def _found(name: str, severity: Severity, effect: str, rows: Tensor | None = None) -> list[Finding]:
    images = () if rows is None else tuple(rows.nonzero()[:SHOWN, 0].tolist())
    return [Finding(name, severity, effect, OF_MODELS[name], "", images)]


def answers(case: Patient) -> list[Finding]:
    """It takes the images, and returns a finite number for each class."""
    try:
        shape = tuple(case.net(case.images[:2].clone()).shape)
    except Exception as error:  # the network may be anybody's
        return _found("crashes", "error", f"no number at all: {fault(error)}")
    if len(shape) != 2 or shape[0] != len(case.images[:2]) or shape[1] < 2:
        return _found("crashes", "error", f"it returns {shape} for 2 images, (2, classes) wanted")
    if case.classes is not None and shape[1] < case.classes:
        lost = 0 if case.labels is None else float((case.labels >= shape[1]).float().mean())
        said = f"{shape[1]} outputs for {case.classes} classes: {percent(lost)} of the images can never be right"
        return _found("fewer-outputs-than-classes", "error", said)
    bad = ~case.logits.isfinite().all(1)
    return (
        _found("nan-output", "error", f"{int(bad.sum())} of {len(bad)} images without an answer", bad)
        if bad.any()
        else []
    )


def logits(case: Patient) -> list[Finding]:
    """The answers are logits, not probabilities or their logarithms."""
    given = case.logits
    if bool((given >= -1e-6).all()) and bool(((given.sum(1) - 1).abs() < 1e-3).all()):
        sure = float((given.amax(1) > 1 - 1e-6).float().mean())
        said = f"{percent(sure)} of the images have a probability of 1: cross-entropy on it has no gradient there"
        return _found("softmax-output", "error", f"{said}; {case.under_attack}")
    if bool((given <= 1e-6).all()) and bool((given.logsumexp(1).abs() < 1e-3).all()):
        return _found("log-softmax-output", "warning", "cross-entropy is the same, a loss such as cw's or dlr is not")
    return []


def stillness(case: Patient) -> list[Finding]:
    """The same answer again, and nothing changed by asking."""
    before = [(name, buffer.clone()) for name, buffer in case.net.named_buffers()]
    first, again = case.ask(case.images), case.ask(case.images)
    buffers = dict(case.net.named_buffers())
    drifted = [name for name, buffer in before if not torch.equal(buffer, buffers[name])]
    awake = [name or "the module" for name, part in case.net.named_modules() if part.training]
    if drifted or awake:
        said = f"after eval(), {(drifted + awake)[0]} {'has changed by asking' if drifted else 'is in train mode'}"
        return _found("train-mode", "error", f"{said}; {_moved(first, again)}")
    if float((first - again).abs().max()) <= 1e-5 * case.spread:
        return []
    return _found("random-output", "error", f"{_moved(first, again)}; {case.under_attack}")


def company(case: Patient) -> list[Finding]:
    """An image alone gets what it gets among others."""
    some = case.images[:16]
    alone = torch.cat([case.ask(image[None]) for image in some])
    among, again = (case.ask(case.images)[: len(some)] for _ in range(2))
    if float((alone - among).abs().max()) <= 1e-2 * case.spread + 3 * float((among - again).abs().max()):
        return []
    return _found("batch-dependent", "error", f"alone and among {len(case.images)}: {_moved(alone, among)}")


def _moved(one: Tensor, other: Tensor) -> str:
    changed = int((one.argmax(1) != other.argmax(1)).sum())
    return f"{changed} of {len(one)} predictions differ, logits by up to {float((one - other).abs().max()):.3g}"


def gradients(case: Patient) -> list[Finding]:
    """There is a gradient, it is finite, and its neighbours' are like it."""
    margin = case.margin_gradient.flatten(1)
    lost, zero = ~margin.isfinite().all(1), (margin == 0).all(1)
    if lost.float().mean() > MANY / 10:
        said = f"at {int(lost.sum())} of {len(lost)} images the gradient is not finite"
        return _found("nan-gradient", "error", f"{said}; {case.under_attack}", lost)
    if zero.float().mean() > MANY:
        said = f"at {int(zero.sum())} of {len(zero)} images the gradient is zero"
        return _found("zero-gradient", "error", f"{said}; {case.under_attack}", zero)
    silent = (case.gradient(case.images, "ce").flatten(1) == 0).all(1) & ~zero
    findings = []
    if silent.float().mean() > MANY:
        said = f"at {int(silent.sum())} of {len(zero)} images cross-entropy has no gradient left"
        findings += _found("saturated-gradient", "warning", f"{said}; {case.under_attack}", silent)
    noise = Draws(0, torch.arange(len(case.images))).uniform(case.images.shape[1:], "doctor") - 0.5
    near = case.gradient((case.images + 2e-3 * noise).clamp(0, 1), "margin").flatten(1)
    alike = torch.nn.functional.cosine_similarity(margin, near, dim=1)
    if float(alike.median()) < 0.3:
        said = f"gradients a thousandth of a pixel apart have a cosine of {float(alike.median()):.2f}"
        findings += _found("shattered-gradient", "error", f"{said}; {case.under_attack}", alike < 0.3)
    return findings


def smoothness(case: Patient) -> list[Finding]:
    """A change far below what eight bits hold still moves the answer."""
    noise = Draws(0, torch.arange(len(case.images))).uniform(case.images.shape[1:], "doctor") - 0.5
    inside = case.images.clamp(0.02, 0.98)  # off the ends, where a clamp of the model's own would hold it
    base = case.ask(inside)
    still = (case.ask(inside + 2e-5 * noise) == base).all(1)
    moved = (case.ask((inside + 0.2 * noise).clamp(0, 1)) != base).any(1)
    if not (still & moved).float().mean() > 0.5:
        return []
    said = f"{int(still.sum())} of {len(still)} images answer the same, to the bit, however they are moved by 1e-5"
    return _found("rounds-inside", "error", f"{said}; {case.under_attack}", still)


def pixels(case: Patient) -> list[Finding]:
    """It does best on the pixels that it is given."""
    if case.labels is None:
        return []
    own = _right(case.logits, case.labels)
    rates = {name: _right(case.ask(scale(case.images)), case.labels) for name, scale in SCALES.items()}
    best = next(name for name in rates if rates[name] >= max(rates.values()) - 0.02)
    if rates[best] < own + 0.1 or rates[best] < 0.4:
        return []
    said = f"{percent(own)} of {len(case.labels)} images right as they are, {percent(rates[best])} given {best}"
    return _found("wrong-pixel-scale", "error", said)


def class_order(case: Patient) -> list[Finding]:
    """Its outputs stand in the order of the labels."""
    if case.labels is None:
        return []
    count, said = case.logits.shape[1], case.logits.argmax(1)
    table = torch.zeros(count, count, dtype=torch.int64)
    table.index_put_((case.labels, said), torch.ones_like(said), accumulate=True)
    rows, columns = linear_sum_assignment(-table.numpy())
    own, best = _right(case.logits, case.labels), float(table.numpy()[rows, columns].sum()) / len(said)
    swapped = [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if a != b and table[a, b] > 0]
    if best < own + 0.15 or best < 0.5 or not swapped:
        return []
    first = ", ".join(f"{a} for {b}" for a, b in swapped[:3])
    said_of = f"{percent(own)} right as they stand, {percent(best)} with other numbers (label {first}, …)"
    return _found("classes-permuted", "error", said_of)


def _right(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


CHECKS = (answers, logits, stillness, company, gradients, smoothness, pixels, class_order)


def examine_model(
    net: nn.Module,
    images: Float[Tensor, "N C H W"],
    labels: Int64[Tensor, "N"] | None = None,
    classes: int | None = None,
    name: str = "the model",
) -> Diagnosis:
    """Everything that can be found out about a model by asking it; its modes come back."""
    began, findings, made = time.perf_counter(), list[Finding](), list[str]()
    with frozen(net):
        case = Patient(net, images, labels, classes)
        for check in CHECKS:
            found = [Finding(**{**vars(each), "check": check.__name__}) for each in check(case)]
            findings += found
            made.append(check.__name__)
            if check is answers and found:
                break
    about = f"a model of images {'×'.join(map(str, images.shape[1:]))}"
    return Diagnosis(name, about, worst_first(findings), tuple(made), (), time.perf_counter() - began)
