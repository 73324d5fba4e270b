"""Verdicts do not depend on order, company, shard or batch; and a new attack is one file."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import assay
from assay import spec
from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.attacks import ATTACKS
from assay.data import ImageSet, load
from assay.evaluate.robust import Plan
from assay.evaluate.shards import evaluate
from assay.models.classifier import Classifier, build
from assay.tally import column

N = 24
ATTACK = "pgd(steps=6, restarts=2)"


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load("digits", "test", N)


@pytest.fixture(scope="module")
def classifier(images: ImageSet) -> Classifier:
    """A few steps of training, so that some images are right and some of these fall."""
    train = load("digits", "train")
    model = build(
        {"architecture": "mnist_cnn", "shape": images.shape, "classes": images.classes, "mean": [0.3], "std": [0.4]}
    )
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for rows in torch.arange(len(train)).split(64):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(train.pixels()[rows]), train.labels[rows]).backward()
        optimizer.step()
    return model.eval()


def plan(shard: int = 256, precision: str = "bfloat16", eps: str = "linf(0.12)") -> Plan:
    threat = read_threat(eps)
    attacks = [spec.read(text, ATTACKS, "attack") for text in ("noise", ATTACK)]
    goal = read_goal("untargeted")
    return Plan(attacks, threat, [0.0, threat.eps], goal, 0, precision, torch.device("cpu"), shard)  # type: ignore[arg-type,list-item]


@pytest.fixture(scope="module", params=["bfloat16", "float32"])
def whole(
    request: pytest.FixtureRequest, classifier: Classifier, images: ImageSet
) -> tuple[str, dict[str, np.ndarray]]:
    table = evaluate(classifier, images, plan(precision=request.param)).table
    verdicts = set(table[column(ATTACK, 0.12, "verdict")])
    assert {"robust", "broken"} <= verdicts  # else nothing is shown below
    return request.param, table


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("shard", [1, 7])
def test_shards_do_not_matter(
    whole: tuple[str, dict[str, np.ndarray]], classifier: Classifier, images: ImageSet, shard: int
) -> None:
    precision, table = whole
    same(table, evaluate(classifier, images, plan(shard, precision)).table)


def test_order_does_not_matter(
    whole: tuple[str, dict[str, np.ndarray]], classifier: Classifier, images: ImageSet
) -> None:
    precision, table = whole
    order = torch.randperm(N)
    shuffled = evaluate(classifier, images.rows(order), plan(precision=precision)).table
    same({name: values[order.numpy()] for name, values in table.items()}, shuffled)


def test_company_does_not_matter(
    whole: tuple[str, dict[str, np.ndarray]], classifier: Classifier, images: ImageSet
) -> None:
    precision, table = whole
    for row in (0, N // 2, N - 1):
        alone = evaluate(classifier, images.rows(slice(row, row + 1)), plan(precision=precision)).table
        same({name: values[row : row + 1] for name, values in table.items()}, alone)


def test_the_proof_holds_what_broke_each_image_and_it_still_breaks(classifier: Classifier, images: ImageSet) -> None:
    found = evaluate(classifier, images, plan(shard=7))
    pixels, index = found.proof["pixels"], found.proof["index"]
    broken = (found.table["first_breaker"] != "") & (found.table["label"] == found.table["clean_prediction"])
    np.testing.assert_array_equal(index, found.table["index"][broken])
    labels = classifier(torch.from_numpy(pixels)).argmax(1).numpy()
    assert (labels != found.table["label"][broken]).all()
    size = np.abs(pixels.astype(np.float64) - images.pixels().numpy()[broken]).max((1, 2, 3))
    assert (size <= found.table["eps_broken"][broken] * (1 + 1e-6) + 1e-6).all()


def test_a_model_that_is_always_wrong_is_evaluated_all_the_same(classifier: Classifier, images: ImageSet) -> None:
    class Wrong(Classifier):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return -super().forward(pixels)

    about = classifier.describe()
    wrong = Wrong(classifier.net, "wrong", classifier.shape, classifier.classes, about["mean"], about["std"])
    found = evaluate(wrong, images, plan(shard=1))
    assert set(found.table[column(ATTACK, 0.12, "verdict")]) == {"wrong"}
    assert len(found.proof["pixels"]) == 0


def test_a_model_that_fails_under_attack_alone_is_at_fault_not_robust(classifier: Classifier, images: ImageSet) -> None:
    class Brittle(Classifier):
        """NaN for every image that is not made of 8-bit values."""

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            exact = ((pixels * 255).round() / 255 - pixels).abs().flatten(1).amax(1) < 1e-6
            return torch.where(exact[:, None], super().forward(pixels), torch.nan)

    about = classifier.describe()
    brittle = Brittle(classifier.net, "brittle", classifier.shape, classifier.classes, about["mean"], about["std"])
    table = evaluate(brittle, images, plan()).table
    right = table["clean_prediction"] == table["label"]
    assert set(table[column(ATTACK, 0.12, "verdict")][right]) == {"fault"}


def test_costs_are_counted_for_each_attack_and_eps(classifier: Classifier, images: ImageSet) -> None:
    costs = {(cost.attack, cost.eps): cost for cost in evaluate(classifier, images, plan(shard=7)).costs}
    assert costs[ATTACK, 0.0].backwards == 0  # nothing to search within eps 0
    assert costs["noise", 0.12].backwards == 0
    assert 0 < costs[ATTACK, 0.12].backwards <= N * 12


def test_an_attack_that_does_not_know_the_norm_is_refused(classifier: Classifier, images: ImageSet) -> None:
    wanted = plan()
    assert wanted.threat.norm.name == "linf"
    facts = replace(wanted.attacks[1].function.facts, norms=("l2",))

    def l2_only(*_: object) -> None: ...

    l2_only.facts = facts  # type: ignore[attr-defined]
    call = spec.Call("l2_only", l2_only, {})
    with pytest.raises(ValueError, match="l2_only knows l2, got linf"):
        evaluate(classifier, images, replace(wanted, attacks=[call]))


@pytest.mark.slow
def test_a_new_attack_is_one_new_file(tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(Path(assay.__file__).parent, source / "assay", ignore=shutil.ignore_patterns("__pycache__"))
    page = (Path(__file__).parents[2] / "docs" / "adding-an-attack.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    (source / "assay" / "attacks" / "slowing.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": str(source)}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *command], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    assert "slowing" in run("assay", "attack", "--help")
    run("assay", "train", "digits_cnn", "--epochs", "3", "--out", "run")
    assert "slowing(steps=3)" in run("assay", "attack", "run", "--attack", "slowing(steps=3)", "--threat", "linf(0.1)")
    run("assay", "report", "run")
    assert "slowing(steps=3)" in (tmp_path / "report.html").read_text("utf-8")
    tests = Path(__file__).parents[1] / "contracts"
    some = "slowing and (stays_within or same_draws or hears)"  # all of them take a minute
    assert "slowing" in run("pytest", str(tests), "-k", some, "-v", "-p", "no:cacheprovider")
