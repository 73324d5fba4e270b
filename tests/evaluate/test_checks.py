"""May the number be believed? Every fault rings the check that is there for it, and no honest net rings any."""

import importlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from assay.adversary.threat import linf
from assay.adversary.victim import Access
from assay.attacks.pgd import pgd
from assay.attacks.square import square
from assay.chance import Draws
from assay.evaluate.checks import CHECKS, FEWEST, Case, Finding, found, lights, probes, verdict
from assay.evaluate.checks.probes import excess
from tests.doctor.networks import Altered, cases, skilled
from tests.evaluate.checked import FAULTY, HONEST, case_of, faulty

UNIT = {"plain", "hardened", "two_classes", "hardened_and_a_suite_that_missed_two"}
SLOW = {"winners_take_all", *HONEST.keys() - UNIT}


BLACK_BOX = importlib.import_module("assay.evaluate.checks.white_box_against_black_box")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits have 64 pixels: a third of the questions that MNIST needs are enough."""
    monkeypatch.setattr(BLACK_BOX, "QUERIES", 300)


def marked(names: object) -> list[object]:
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]  # type: ignore[attr-defined]


def check_rings(name: str, findings: dict[str, Finding], asked: object = None) -> None:
    for check, (light, word) in FAULTY[name].rings.items():
        if asked in (None, check):
            said = findings[check]
            assert said.light == light, f"{check} is {said.light}, {light} wanted: {said.because}"
            assert word in said.because, f"{check} says {said.because!r}"
            assert said.check == check
    assert verdict(findings.values())["verdict"] != "believable"


def check_peace(case: Case) -> None:
    findings = lights(case)
    assert [each for each in findings if each.light != "green"] == [], "an honest net rings"
    assert [each.check for each in findings] == list(CHECKS)
    assert verdict(findings) == {"verdict": "believable", "because": []}


@pytest.mark.parametrize("name", marked(FAULTY))
def test_a_fault_rings(name: str) -> None:
    check_rings(name, {each.check: each for each in lights(fresh(faulty(name)))})


@pytest.mark.parametrize("name", marked(HONEST))
def test_an_honest_number_is_believed(name: str) -> None:
    check_peace(HONEST[name]())


def test_square_begins_where_pgd_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """From stripes, one question breaks hardly an image; from there, those that PGD has broken."""
    monkeypatch.setattr(BLACK_BOX, "QUERIES", 1)
    case = fresh(faulty("lazy_suite"))
    some = probes.few(case)
    by_pgd = probes.fallen(case, some, pgd, steps=probes.STEPS)
    by_stripes = probes.fallen(case, some, square, steps=1)
    fell = CHECKS["white_box_against_black_box"](case).evidence["fell"]
    assert fell >= by_pgd.sum() > by_stripes.sum()


def test_every_check_has_been_heard() -> None:
    assert CHECKS.keys() - {check for fault in FAULTY.values() for check in fault.rings} == set()


def test_honest_cases_have_survivors_and_others() -> None:
    """Else most diagnostics would have nothing to look at."""
    for name in ("plain_at_a_small_eps", "hardened", "linear"):
        case = HONEST[name]()
        assert case.broken.any(), name
        assert len(case.survivors) >= FEWEST, name


HEARD = {check: name for name, fault in FAULTY.items() if name not in SLOW for check in fault.rings}


@pytest.mark.parametrize("check", HEARD)
def test_a_check_that_is_disabled_is_noticed(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"assay.evaluate.checks.{check}")
    monkeypatch.setattr(module, check, lambda case: Finding(check, "green", "nothing seen", {}))
    name = HEARD[check]
    case = fresh(faulty(name))
    with pytest.raises(AssertionError, match=f"{check} is green"):
        check_rings(name, {each: CHECKS[each](case) for each in FAULTY[name].rings}, check)


@pytest.mark.long
@pytest.mark.parametrize("check", HEARD)
def test_a_check_that_always_rings_is_noticed(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"assay.evaluate.checks.{check}")
    monkeypatch.setattr(module, check, lambda case: Finding(check, "amber", "who knows", {}))
    with pytest.raises(AssertionError, match="an honest net rings"):
        check_peace(HONEST["plain_at_a_small_eps"]())


def on_ties(odd: int, looked: int, tolerated: float = 0.0) -> str:
    return "red" if odd else "green"


SATURATED = "logits_times_200_and_a_suite_on_ce"
PLANTS: dict[str, tuple[str, str, object, str, str]] = {  # module, name, instead; the case and the check that notice
    "a temperature of one": ("saturation", "Cooled", lambda model, t: model, SATURATED, "saturation"),
    "no steps far enough": ("unbounded_attack", "largest", lambda case: case.eps / 100, "plain", "unbounded_attack"),
    "steps shorter than a ripple": ("loss_landscape", "HAIR", 1e-5, "ripple", "loss_landscape"),
    "no walk": ("randomness", "pgd", lambda victim, images, *how, **more: images, "noise_inside", "randomness"),
    "points that all fool": ("eight_bit", "fools", lambda case, rows, points: rows >= 0, "off_the_grid", "eight_bit"),
    "exact ties": ("probes", "excess", on_ties, "hardened_and_a_suite_that_missed_two", "restarts"),
}


@pytest.mark.long
@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_is_noticed(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, instead, case, check = PLANTS[plant]
    monkeypatch.setattr(importlib.import_module(f"assay.evaluate.checks.{module}"), name, instead)
    if case in FAULTY:
        broken = fresh(faulty(case))
        with pytest.raises(AssertionError, match=f"{check} is|{check} says"):
            check_rings(case, {each: CHECKS[each](broken) for each in FAULTY[case].rings}, check)
    else:
        with pytest.raises(AssertionError, match="an honest net rings"):
            check_peace(HONEST[case]())


def fresh(case: Case) -> Case:
    """The same, with nothing remembered."""
    return replace(case)


@pytest.mark.parametrize(
    ("n", "green", "amber", "red"), [(8, 1, None, 2), (32, 2, 3, 4), (64, 2, 4, 5), (1000, 30, 39, 40)]
)
def test_what_three_percent_are(n: int, green: int, amber: int | None, red: int) -> None:
    assert excess(green, n) == "green"
    assert excess(red, n) == "red"
    assert amber is None or excess(amber, n) == "amber"


def test_a_threshold_is_the_same_for_all_and_for_survivors() -> None:
    case = small_case()
    some = replace(case, broken=torch.arange(len(case.images)) >= 8)
    fell = torch.arange(8) < 3
    assert probes.new_falls(some, fell[:8]) == excess(3, 8, 0.03 * len(case.images) / 8)


def small_case(net: nn.Module | None = None, n: int = 24) -> Case:
    images, labels = cases()
    return case_of(net or skilled(), images[:n], labels[:n], 10, "linf(0.05)")


@pytest.mark.long
@pytest.mark.parametrize("make", [skilled, FAULTY["dropout_left_on"].make, FAULTY["noise_inside"].make])
def test_the_same_again_and_alone(make: Callable[[], nn.Module]) -> None:
    case = small_case(make())
    once = lights(fresh(case))
    torch.rand(3)
    assert lights(fresh(case)) == once
    assert [CHECKS[each.check](fresh(case)) for each in reversed(once)] == once[::-1]


def state(net: nn.Module) -> list[object]:
    tensors = [(name, tensor.clone()) for name, tensor in net.state_dict().items()]
    modes = [(part.training, len(part._forward_hooks)) for part in net.modules()]
    chance = [torch.random.get_rng_state().tolist(), np.random.get_state()[1].tolist()]  # type: ignore[index]
    grads = [(each.requires_grad, each.grad is None) for each in net.parameters()]
    return [[(name, tensor.tolist()) for name, tensor in tensors], modes, grads, chance]


@pytest.mark.parametrize("name", ["batch_norm_that_stays_in_train_mode", "dropout_that_ignores_eval", "lazy_suite"])
def test_the_model_and_all_chance_are_as_before(name: str) -> None:
    case = fresh(faulty(name))
    case.classifier.train()
    before = state(case.classifier)
    lights(case)
    after = state(case.classifier)
    case.classifier.eval()
    for what, was, is_now in zip(("weights", "modes", "gradients", "chance"), before, after, strict=True):
        assert was == is_now, what


class Broken(nn.Module):
    """Raises from its n-th question on, or whenever a gradient is wanted."""

    def __init__(self, after: float = 0, of_gradients: bool = False) -> None:
        super().__init__()
        self.net, self.left, self.of_gradients = skilled(), after, of_gradients

    def forward(self, images: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0 or (self.of_gradients and images.requires_grad):
            raise OSError("out of order")
        logits: Tensor = self.net(images)
        return logits


@pytest.mark.parametrize(("after", "of_gradients"), [(0, False), (6, False), (1e9, True)])
def test_a_model_that_raises_is_a_finding(after: float, of_gradients: bool) -> None:
    case = replace(small_case(), classifier=Broken(after, of_gradients))
    findings = lights(case)
    assert [each.check for each in findings] == list(CHECKS)
    said = [each for each in findings if "out of order" in each.because]
    assert said
    assert {each.light for each in said} <= {"amber", "red"}
    assert verdict(findings)["verdict"] != "believable"


@pytest.mark.parametrize("n", [0, 1, FEWEST - 1])
def test_too_few_images_are_not_enough_evidence(n: int) -> None:
    case = small_case()
    images, labels, broken = case.images[:n], case.labels[:n], case.broken[:n]
    few = Case(case.classifier, images, labels, case.draws[slice(n)], case.threat, broken, 10)
    said = verdict(lights(few))
    assert said["verdict"] == "not enough evidence"
    assert any("too few" in each for each in said["because"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(("access", "word"), [("scores", "no gradients"), ("labels", "class alone")])
def test_a_black_box_is_not_enough_evidence(access: Access, word: str) -> None:
    said = verdict(lights(replace(small_case(), access=access)))
    assert said["verdict"] == "not enough evidence"
    assert any(word in each for each in said["because"])  # type: ignore[attr-defined]


def test_nothing_is_asked_that_a_black_box_does_not_grant() -> None:
    """A model whose gradients or scores are not to be had: asking for them would be heard."""
    case = replace(small_case(), classifier=Broken(1e9, True), access="scores")
    assert not [each for each in lights(case) if "out of order" in each.because]


def test_an_honest_randomised_model_is_never_believed_outright() -> None:
    said = verdict(lights(small_case(Altered(lambda x: x + 0.001 * torch.randn_like(x)))))
    assert said["verdict"] != "believable"
    assert any("randomised" in each for each in said["because"])  # type: ignore[attr-defined]


def test_reasons_are_those_of_the_worst_light_and_said_once() -> None:
    findings = [found("amber", "b"), found("red", "a"), found("red", "a"), found("green", "c")]
    assert verdict(findings) == {"verdict": "suspicious", "because": ["a"]}
    assert verdict([])["verdict"] == "not enough evidence"


@pytest.mark.slow
def test_evidence_is_finite() -> None:
    for name in ("rounds_to_8_levels", "nan_gradient"):
        for finding in lights(fresh(faulty(name))):
            assert all(np.isfinite(value) for value in finding.evidence.values()), finding


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"draws": Draws(0, torch.arange(2))}, "as many"),
        ({"threat": linf()}, "one eps"),
    ],
)
def test_a_case_that_does_not_fit_is_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replace(small_case(), **change)  # type: ignore[arg-type]
