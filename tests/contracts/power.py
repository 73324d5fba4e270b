"""What an attack must be able to do, and what nobody can: linear classifiers with a known smallest eps, and bends."""

import numpy as np
import torch
from torch import Tensor

from assay.adversary.goal import GOALS, targeted, untargeted
from assay.chance import Draws
from assay.doctor.linear import SMALLEST, linear
from assay.spec import Call
from tests.contracts.play import away, facts, having, judged, labels_of, settings, threat
from tests.contracts.problems import SHAPES, Problem, problem
from tests.contracts.worlds import SHAPE, Bent, Gate, chosen

EPS = 0.25
HONEST = 0.98  # of the exact smallest eps, with room for float32


def check_breaks_linear_models_at_its_factor(call: Call) -> None:
    """Every image, in and off the corners of the box, two classes and more, each at its own eps."""
    for norm, factor in (facts(call).oracle_factor or {}).items():
        for seed, (shape, classes) in enumerate([(SHAPES[0], 2), (SHAPES[1], 2), (SHAPES[0], 3), (SHAPES[1], 5)]):
            _all_fall(call, norm, problem(norm, shape, classes, seed), factor)


def check_breaks_linear_models_off_the_box(call: Call) -> None:
    """In every norm that it knows."""
    if promised := facts(call).oracle_factor:
        for norm in facts(call).norms:
            for seed, shape in enumerate(SHAPES):
                grey = problem(norm, shape, 2, seed, grey=True)
                assert not np.isinf(grey.radius).all()
                near = grey.rows(grey.radius < 0.3)  # so that the box stays out of reach
                _all_fall(call, norm, near, promised.get(norm, max(promised.values())))


def check_breaks_nothing_below_the_exact_radius(call: Call) -> None:
    """Who breaks what cannot be broken has left the ball, or claims what is not so."""
    for norm in facts(call).norms:
        for seed, (shape, classes) in enumerate([(SHAPES[0], 2), (SHAPES[1], 4)]):
            case = problem(norm, shape, classes, seed, rivals=True)
            eps = np.where(np.isinf(case.radius), 1.0, case.radius * HONEST)
            fallen = judged(call, case.classifier, case.images, untargeted(case.labels), threat(norm, eps)) == "broken"
            assert not fallen.any(), f"{norm}: {fallen.sum()} images broken within {HONEST} of the smallest eps"


def check_one_eps_for_all_breaks_those_within_it(call: Call) -> None:
    """The same with one number for eps."""
    for norm, factor in (facts(call).oracle_factor or {}).items():
        case = problem(norm, SHAPES[1], 2, 3)
        eps = float(np.median(case.radius[np.isfinite(case.radius)]))
        fallen = judged(call, case.classifier, case.images, untargeted(case.labels), threat(norm, eps)) == "broken"
        near, far = case.radius * factor <= eps, case.radius * HONEST > eps
        assert near.any()
        assert far.any()
        assert fallen[near].all(), f"{norm}: {(~fallen[near]).sum()} of {near.sum()} images left standing at {eps}"
        assert not fallen[far].any(), f"{norm}: {fallen[far].sum()} images broken at {eps}, which is too little"


def check_takes_the_gradient_where_it_stands(call: Call) -> None:
    """A direction that shows only on the way is found by every attack of more than one step.

    One that looks for the smallest change may find it farther off: straight on there is nothing at any distance.
    """
    if facts(call).access == "gradients" and "steps" in settings(call):
        for norm in facts(call).norms:
            bent, images = Bent(norm, EPS), torch.full((3, *SHAPE), 0.5)
            budget = threat(norm, 2 * EPS if facts(call).kind == "minimum" else EPS)
            verdict = judged(call, bent, images, away(bent, images), budget)
            assert (verdict == "broken").all(), f"{norm}: it walked on where the gradient had turned"


def check_keeps_an_earlier_success(call: Call) -> None:
    """A point on the way that fools counts, though the last does not."""
    if {"steps", "step_size"} <= settings(call).keys():
        for norm in facts(call).norms:
            gate, images = Gate(norm, EPS), torch.full((3, *SHAPE), 0.5)
            patient = having(call, steps=20, step_size=EPS / 10)
            verdict = judged(patient, gate, images, away(gate, images), threat(norm, EPS))
            assert (verdict == "broken").all(), f"{norm}: it walked through a success and did not keep it"


def check_reaches_two_class_targets_at_its_factor(call: Call) -> None:
    """Toward the other of two classes is the same as away from one."""
    for norm, factor in (facts(call).oracle_factor or {}).items():
        case = problem(norm, SHAPES[1], 2, 8)
        case = case.rows(np.isfinite(case.radius))
        goal = targeted(1 - case.labels)
        verdict = judged(call, case.classifier, case.images, goal, threat(norm, case.radius * factor))
        assert (verdict == "broken").all(), f"{norm}: {(verdict != 'broken').sum()} targets were not reached"


def check_reaches_any_target_at_its_factor(call: Call) -> None:
    """In linf, of four classes with a block of pixels each: one point is best against all the others."""
    if factor := (facts(call).oracle_factor or {}).get("linf"):
        weight, bias, images = _blocks()
        classifier = linear(weight, bias)
        labels, logits = labels_of(classifier, images), classifier(images).detach()
        for text, goal in {
            "toward(2)": GOALS["toward"](labels, logits, Draws(0, labels), target=2),
            "least_likely": GOALS["least_likely"](labels, logits, Draws(0, labels)),
        }.items():
            rows = (goal.classes != labels).nonzero()[:, 0]
            targets = goal.classes[rows].numpy()
            radius = np.array(
                [_smallest_toward(weight, bias, x, t) for x, t in zip(images[rows].numpy(), targets, strict=True)]
            )
            for times, wanted in ((factor, True), (HONEST, False)):
                verdict = judged(call, classifier, images[rows], goal[rows], threat("linf", radius * times))
                fallen = verdict == "broken"
                assert (fallen == wanted).all(), f"{text}: {fallen.sum()} of {len(fallen)} reached at {times} × radius"


def check_decides_in_float32(call: Call) -> None:
    """A search in bfloat16, which takes half of the clean images for fooled already, goes on until it is so."""
    for norm, factor in (facts(call).oracle_factor or {}).items():
        case = problem(norm, SHAPES[0], 2, 2)
        case = case.rows(np.isfinite(case.radius))
        with torch.no_grad():
            case.classifier[1].bias += 100  # here bfloat16 knows halves only
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert (case.classifier(case.images).argmax(1) != case.labels).any()
        goal, budget = untargeted(case.labels), threat(norm, case.radius * factor * 1.5)
        verdict = judged(call, case.classifier, case.images, goal, budget, precision="bfloat16")
        assert (verdict == "broken").all(), f"{norm}: {(verdict != 'broken').sum()} images left on bfloat16's word"


def _all_fall(call: Call, norm: str, case: Problem, factor: float) -> None:
    case = case.rows(np.isfinite(case.radius))
    assert len(case.radius) >= 3
    verdict = judged(call, case.classifier, case.images, untargeted(case.labels), threat(norm, case.radius * factor))
    standing = (verdict != "broken").sum()
    assert not standing, f"{norm}: {standing} of {len(verdict)} images not broken at {factor} × their smallest eps"


def _blocks() -> tuple[np.ndarray, np.ndarray, Tensor]:
    chance = np.random.default_rng(4)
    weight = np.kron(np.eye(4), np.ones((1, 6))) * chance.uniform(0.05, 0.6, 24)
    return weight, np.array([0.1, -0.1, 0.05, 0.0]), chosen(16)


def _smallest_toward(weight: np.ndarray, bias: np.ndarray, image: np.ndarray, target: int) -> float:
    flat = image.reshape(-1).astype(np.float64)
    logits = weight @ flat + bias
    others = (other for other in range(len(weight)) if other != target)
    return max(
        SMALLEST["linf"](weight[target] - weight[other], flat, logits[other] - logits[target]) for other in others
    )
