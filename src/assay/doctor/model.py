"""Is a model what an evaluation takes it for: logits, of one image at a time, with gradients that lead somewhere."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float, Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from assay.adversary.victim import frozen
from assay.adversary.yours import kept, seeded_everywhere
from assay.attacks.pgd import pgd
from assay.chance import Draws
from assay.doctor.findings import SHOWN, Diagnosis, Finding, Severity, worst_first
from assay.doctor.mends import OF_MODELS
from assay.doctor.patient import NoAnswerError, Patient, share
from assay.doctor.trial import percent
from assay.evaluate.checks.gradients import is_lost, is_zero
from assay.evaluate.checks.logits_or_probabilities import kind_of

MANY = 0.2  # of the images
HIDDEN = 0.1  # of those that are attacked
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


def _found(name: str, severity: Severity, effect: str, rows: Tensor | None = None) -> list[Finding]:
    images = () if rows is None else tuple(rows.nonzero()[:SHOWN, 0].tolist())
    return [Finding(name, severity, effect, OF_MODELS[name], "", images)]


def answers(case: Patient) -> list[Finding]:
    """It takes the images, and returns a finite number for each class."""
    shape = case.ask(case.images[:2]).shape
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
    if kind_of(given) == "probabilities":
        sure = float((given.amax(1) > 1 - 1e-6).float().mean())
        said = f"{percent(sure)} of the images have a probability of 1: cross-entropy on it has no gradient there"
        return _found("softmax-output", "error", f"{said}; {case.under_attack}")
    if kind_of(given) == "log-probabilities":
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
    lost, zero = is_lost(margin), is_zero(margin)
    if lost.float().mean() > MANY / 10:
        said = f"at {int(lost.sum())} of {len(lost)} images the gradient is not finite"
        return _found("nan-gradient", "error", f"{said}; {case.under_attack}", lost)
    if zero.float().mean() > MANY:
        said = f"at {int(zero.sum())} of {len(zero)} images the gradient is zero"
        return _found("zero-gradient", "error", f"{said}; {case.under_attack}", zero)
    silent = is_zero(case.gradient(case.images, "ce").flatten(1)) & ~zero
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
    return findings or _hidden(case)


def _hidden(case: Patient) -> list[Finding]:
    """What is left by attacks along gradients, of either loss, should be left by one without them, too."""
    left = case.left_by_pgd
    if left is None or share(left) <= HIDDEN or case.left_by_square is None:
        return []
    again = case.left(partial(pgd, steps=20), "margin")
    hidden = left & ~case.left_by_square & (left if again is None else again)
    if share(hidden) <= HIDDEN:
        return []
    said = f"the gradients lead astray: square breaks {int(hidden.sum())} images that pgd does not"
    return _found("shattered-gradient", "error", f"{said}; {case.under_attack}", hidden)


def smoothness(case: Patient) -> list[Finding]:
    """A change far below what eight bits hold still moves the answer."""
    noise = Draws(0, torch.arange(len(case.images))).uniform(case.images.shape[1:], "doctor") - 0.5
    inside = case.images.clamp(0.02, 0.98)  # off the ends, where a clamp of the model's own would hold it
    inside = ((inside * 255).round() + 0.25) / 255  # and off the edges of 8 bits, which a small change would cross
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
    rates = {name: _rate_in(case, scale) for name, scale in SCALES.items()}
    best = next(name for name in rates if rates[name] >= max(rates.values()) - 0.02)
    gain = rates[best] - own
    clear = gain > 0.2 or (gain > 0.1 and gain > (1 - own) / 2)  # a model that is half taught prefers many a scale
    if not clear or rates[best] < _rate_of(case, 0.35):
        return []
    said = f"{percent(own)} of {len(case.labels)} images right as they are, {percent(rates[best])} given {best}"
    return _found("wrong-pixel-scale", "error", said)


def _rate_in(case: Patient, scale: Callable[[Tensor], Tensor]) -> float:
    """The share that is right of images in another scale; 0 for a model that does not take them."""
    assert case.labels is not None
    try:
        return _right(case.ask(scale(case.images)), case.labels)
    except NoAnswerError:
        return 0.0


def class_order(case: Patient) -> list[Finding]:
    """Its outputs stand in the order of the labels."""
    if case.labels is None:
        return []
    said, places = case.logits.argmax(1), torch.arange(len(case.labels))
    own, order = _right(case.logits, case.labels), _order(case, places)
    halves = [(_order(case, places[part::2]), places[1 - part :: 2]) for part in (0, 1)]  # few images fit any order
    best = sum(int((order[case.labels[rest]] == said[rest]).sum()) for order, rest in halves) / len(said)
    swapped = [(a, int(b)) for a, b in enumerate(order) if a != b and ((case.labels == a) & (said == b)).any()]
    if best < own + 0.15 or best < _rate_of(case, 0.45) or not swapped:
        return []
    first = ", ".join(f"{a} for {b}" for a, b in swapped[:3])
    said_of = f"{percent(own)} right as they stand, {percent(best)} with other numbers (label {first}, …)"
    return _found("classes-permuted", "error", said_of)


def _order(case: Patient, rows: Tensor) -> Tensor:
    """The output that stands for each label, if those images are to be right as often as can be."""
    assert case.labels is not None
    count, said = case.logits.shape[1], case.logits.argmax(1)
    table = torch.zeros(count, count)
    table.index_put_((case.labels[rows], said[rows]), torch.ones(len(rows)), accumulate=True)
    table += 0.01 * torch.eye(count)  # its own where nothing is known
    return torch.from_numpy(linear_sum_assignment(-table.numpy())[1])


def _rate_of(case: Patient, skill: float) -> float:
    """The share that is right of a model with that much skill: 0 is chance, 1 is never wrong."""
    chance = 1 / case.logits.shape[1]
    return chance + skill * (1 - chance)


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
    """Everything that can be found out about a model by asking it; it and the global generators come back as before."""
    began, findings, made = time.perf_counter(), list[Finding](), list[str]()
    with frozen(net), kept(net), seeded_everywhere(0):
        case = Patient(net, images, labels, classes)
        for check in CHECKS:
            try:
                found = check(case)
            except NoAnswerError as error:
                found = _found("crashes", "error", f"no number at all: {error}")
            found = [replace(each, check=check.__name__) for each in found]
            findings += found
            made.append(check.__name__)
            if found and (check is answers or found[0].name == "crashes"):
                break  # there is nothing to ask
    about = f"a model of images {'×'.join(map(str, images.shape[1:]))}"
    return Diagnosis(name, about, worst_first(findings), tuple(made), (), time.perf_counter() - began)
