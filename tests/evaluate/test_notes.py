"""What an evaluation does otherwise than it was asked is said; and what is sent as 8 bit is 8 bit."""

import pytest
import torch

from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.data import load
from assay.evaluate.guest import read_attacks
from assay.evaluate.robust import Plan
from assay.evaluate.shards import evaluate
from assay.models.classifier import build

DESCRIPTION = {"architecture": "mlp", "shape": (1, 8, 8), "classes": list("0123456789"), "mean": [0.0], "std": [1.0]}


def plan(attacks, goal="untargeted", **how):
    threat = read_threat("linf(0.1)")
    return Plan(read_attacks(attacks), threat, [0.1], read_goal(goal), 0, "float32", torch.device("cpu"), **how)


@pytest.mark.parametrize(
    ("attack", "goal", "classes", "said"),
    [
        ("apgd(loss='dlr')", "untargeted", 2, ["apgd(loss='dlr'): dlr needs 3 classes and there are 2"]),
        ("apgd(loss='dlr')", "untargeted", 3, []),
        ("apgd(loss='dlr')", "toward(0)", 3, ["apgd(loss='dlr'): dlr needs 4 classes and there are 3"]),
        ("pgd", "least_likely(loss='dlr')", 3, ["least_likely(loss='dlr'): dlr needs 4 classes and there are 3"]),
        ("pgd", "untargeted", 2, []),
    ],
)
def test_the_margin_says_that_it_steps_in_for_dlr(attack, goal, classes, said):
    notes = plan([attack], goal).notes(classes)
    assert [note.partition(";")[0] for note in notes] == said


def test_what_is_sent_as_eight_bit_is_eight_bit_and_no_fault():
    images = load("digits", "test", 40)
    found = evaluate(build(DESCRIPTION).eval(), images, plan(["pgd(steps=5)", "deepfool"], eight_bit=True))
    sent = torch.from_numpy(found.proof["pixels"]) * 255
    assert len(sent)
    assert ((sent - sent.round()).abs() < 1e-3).all()
    assert not any("fault" in set(values) for name, values in found.table.items() if name.endswith("verdict"))


def test_a_search_for_the_smallest_change_is_made_once():
    images = load("digits", "test", 20)
    asked = plan(["deepfool"])
    several = Plan(asked.attacks, asked.threat, [0.02, 0.1], asked.goal, 0, "float32", asked.device)
    found = evaluate(build(DESCRIPTION).eval(), images, several)
    first, second = found.costs
    assert (first.forwards, first.backwards) == (second.forwards, second.backwards)
    sizes = [values for name, values in found.table.items() if name.endswith("size")]
    assert (sizes[0] == sizes[1]).all()
