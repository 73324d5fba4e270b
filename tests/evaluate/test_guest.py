"""FILE.py:FUNCTION as an attack of an evaluation: the same verdict, the same judge, the model as it was."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.data import ImageSet, load
from assay.evaluate.guest import read_attacks
from assay.evaluate.robust import Evaluation, Plan
from assay.evaluate.shards import evaluate
from assay.models.classifier import Classifier
from assay.run_folder import open_run
from assay.tally import column
from tests.doctor.networks import skilled, taught, with_norm
from tests.evaluate import guests
from tests.mistakes.saying import Say, alone, refuse, say
from tests.report.runs import bare_run

__all__ = ["alone", "refuse", "say"]  # fixtures
FILE, CLASSES = Path(guests.__file__), tuple("0123456789")
HOUSE = "pgd(steps=10, random_start=False)"
EPSILONS = [0.0, 0.1]


@pytest.fixture
def images() -> ImageSet:
    return load("digits", "test", 24)


def of(name: str) -> str:
    return f"{FILE}:{name}"


def classifier(net: torch.nn.Module | None = None) -> Classifier:
    return Classifier(skilled() if net is None else net, "mine", (1, 8, 8), CLASSES, [0.0], [1.0])


def found(
    images: ImageSet, *attacks: str, goal: str = "untargeted", model: Classifier | None = None, shard: int = 256
) -> Evaluation:
    plan = Plan(
        read_attacks(attacks), read_threat("linf(0.1)"), EPSILONS, read_goal(goal), 0, "float32", torch.device("cpu"),
        shard,
    )  # fmt: skip
    return evaluate(model or classifier(), images, plan)


def verdicts(evaluation: Evaluation, attack: str, eps: float = 0.1) -> list[str]:
    table = evaluation.table
    right = table["clean_prediction"] == table["label"]
    return list(table[column(attack, eps, "verdict")][right])


SAME = ["pgd", "told", "either_way", "in_numpy", "in_doubles", "Bound", "bound", "OBJECT"]


@pytest.mark.parametrize("name", SAME)
def test_the_same_algorithm_gets_the_same_verdicts(images: ImageSet, name: str) -> None:
    both = found(images, HOUSE, of(name))
    assert set(verdicts(both, HOUSE)) == {"robust", "broken"}
    assert verdicts(both, of(name)) == verdicts(both, HOUSE)
    for what in ("prediction", "linf", "l2"):
        ours, theirs = (both.table[column(each, 0.1, what)] for each in (HOUSE, of(name)))
        np.testing.assert_allclose(theirs, ours, atol=1e-5)
    assert set(verdicts(both, of(name), 0.0)) == {"robust"}


def test_passes_are_counted(images: ImageSet) -> None:
    evaluation = found(images, of("pgd"))
    right = len(verdicts(evaluation, of("pgd")))
    (cost,) = [cost for cost in evaluation.costs if cost.eps == 0.1]
    assert (cost.forwards, cost.backwards) == (10 * right, 10 * right)


WRONG = ["over_budget", "beyond_white", "nan", "other_shape", "pair", "nothing", "words"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_a_fault_and_never_robust(images: ImageSet, name: str) -> None:
    evaluation = found(images, of(name), shard=7)
    assert set(verdicts(evaluation, of(name))) == {"fault"}
    assert len(evaluation.proof["pixels"]) == 0


def test_who_knows_no_eps_is_judged_as_a_search_for_the_smallest(images: ImageSet) -> None:
    evaluation = found(images, of("smallest"))
    assert set(verdicts(evaluation, of("smallest"), 0.0)) == {"robust"}  # beyond that eps: not broken there
    assert "broken" in verdicts(evaluation, of("smallest"))
    assert "fault" not in verdicts(evaluation, of("smallest"))


@pytest.mark.parametrize("goal", ["toward(3)", "least_likely", "every"])
def test_a_target_is_for_those_that_take_one(images: ImageSet, goal: str) -> None:
    with pytest.raises(ValueError, match=r"pgd has no parameter 'targeted': it can be run with --goal untargeted only"):
        found(images, of("pgd"), goal=goal)
    both = found(images, HOUSE, of("either_way"), goal=goal)
    assert verdicts(both, of("either_way")) == verdicts(both, HOUSE)


def test_a_wrong_answer_to_every_target_is_a_fault(images: ImageSet) -> None:
    Path("mine.py").write_text("def pair(model, images, labels, eps=1, targeted=False): return images, labels\n")
    assert set(verdicts(found(images, "mine.py:pair", goal="every"), "mine.py:pair")) == {"fault"}


def state(model: Classifier) -> list[Any]:
    tensors = [*model.named_parameters(), *model.named_buffers()]
    kept = [(name, tensor.detach().numpy().tobytes(), tensor.requires_grad) for name, tensor in tensors]
    grads = [None if weight.grad is None else weight.grad.tolist() for weight in model.parameters()]
    return [kept, [part.training for part in model.modules()], grads]


def test_the_model_is_left_as_it_was_and_so_are_the_others_verdicts(images: ImageSet) -> None:
    model = classifier(taught(with_norm))
    model.net[2].train()  # type: ignore[index,union-attr]
    next(model.parameters()).grad = torch.ones_like(next(model.parameters()))
    before, alone_ = state(model), found(images, HOUSE, model=model)
    drawn = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()  # type: ignore[index]
    both = found(images, of("rough"), HOUSE, model=model)
    assert state(model) == before
    assert torch.is_grad_enabled()
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()) == drawn  # type: ignore[index]
    assert verdicts(both, HOUSE) == verdicts(alone_, HOUSE)


def test_the_same_answer_whatever_chance_was_before(images: ImageSet) -> None:
    tables = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        tables.append(found(images, of("by_chance")).table)
    for name in tables[0]:
        np.testing.assert_array_equal(tables[0][name], tables[1][name])


def test_the_same_function_twice_is_refused() -> None:
    other = of("pgd").replace("/evaluate/", "/evaluate/../evaluate/")
    for pair in ((of("pgd"), of("pgd")), (of("pgd"), other)):
        with pytest.raises(ValueError, match="the same attack was given twice: "):
            read_attacks(pair)
    assert [str(call) for call in read_attacks((of("pgd"), of("told")))] == [of("pgd"), of("told")]


@pytest.fixture
def run(alone: Path) -> Path:
    folder = bare_run(Path("run"), CLASSES, (1, 8, 8))
    model = Classifier(skilled(), "mlp(width=48)", (1, 8, 8), CLASSES, [0.0], [1.0])
    folder.write_model(model.describe(), {name: value.numpy() for name, value in model.net.state_dict().items()})
    return folder.path


def asked(*attacks: str) -> list[str]:
    words = [word for attack in attacks for word in ("--attack", attack)]
    return ["attack", "run", *words, "--threat", "linf(0.1)", "--images", "24"]


FAILING = [
    ("raising", "guests.py, line {}: KeyError: 'x'"),
    ("refusing", "guests.py, line {}: ValueError: two lines"),
    ("leaving", "guests.py, line {}: SystemExit: 3"),
    ("elsewhere", "must be Tensor, not Asked"),
]


@pytest.mark.parametrize(("name", "end"), FAILING)
def test_an_error_inside_is_one_line(run: Path, say: Say, name: str, end: str) -> None:
    said = say(*asked(of(name)))
    assert (said.code, said.out) == (2, "")
    line = said.err.rsplit("\r", 1)[-1].strip()  # behind the progress bar, which is gone
    assert line.startswith(f"assay: {of(name)} failed: ")
    lines = FILE.read_text("utf-8").splitlines()
    place = 2 + next((number for number, text in enumerate(lines) if f"def {name}(" in text), 0)
    assert line.endswith(end.format(place))
    assert not Path("run/evaluations").exists()


@pytest.mark.parametrize("name", ["rough", "bound"])
def test_what_it_prints_is_no_result(run: Path, say: Say, name: str) -> None:
    said = say(*asked(of(name)), "--json")
    assert said.code == 0
    assert json.loads(said.out)["attacks"]
    assert "a word" in said.err


def test_given_twice_is_a_mistake(run: Path, refuse: Callable[..., str]) -> None:
    assert refuse(*asked(of("pgd"), of("pgd"))).startswith("the same attack was given twice: ")


def test_one_that_cannot_be_made_is_a_mistake(run: Path, refuse: Callable[..., str]) -> None:
    line = refuse(*asked(of("unmakeable")))
    assert line.startswith(f"{of('unmakeable')}(model) failed: TypeError: ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pgd", "nan", "pair", "smallest"])
def test_a_report_can_be_made_of_it(run: Path, say: Say, name: str) -> None:
    folder = Path("a folder", *["with a long name"] * 6)
    folder.mkdir(parents=True)
    (folder / "<b>.py").write_text(FILE.read_text("utf-8"))
    attack = f"{folder}/<b>.py:{name}"
    assert say(*asked(attack, "fgsm")).code == 0
    (evaluation,) = open_run(run).names("evaluations")
    assert open_run(run).evaluation(evaluation).read_json("config.json")["attacks"] == ["noise", attack, "fgsm"]
    assert say("report", "run", "--out", "report.html").code == 0
    html = Path("report.html").read_text("utf-8")
    assert attack.replace("<", "&lt;").replace(">", "&gt;") in html
    assert "/<b>.py" not in html
