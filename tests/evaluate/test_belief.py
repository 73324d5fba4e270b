"""What an alarm calls for: an attack without gradients, on every image, where one is left that it could break."""

from typing import Any

import pytest
import torch

from assay import spec
from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.attacks import ATTACKS
from assay.data import load
from assay.evaluate import belief
from assay.evaluate.checks import Finding
from assay.evaluate.robust import Plan
from assay.evaluate.shards import evaluate
from assay.models.classifier import build

ALARM = Finding("loss_landscape", "red", "the loss is rugged", {})


@pytest.mark.parametrize(("epsilons", "asked"), [([0.9], False), ([0.001, 0.9], True)])
def test_square_attacks_where_an_image_is_left(
    epsilons: list[float], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(belief, "examine", lambda *_: [ALARM])
    monkeypatch.setattr(belief, "SQUARE", "square(steps=3)")
    images = load("digits", "test", 60)
    about: dict[str, Any] = {"architecture": "mlp", "shape": images.shape, "classes": images.classes}
    classifier = build({**about, "mean": [0.3], "std": [0.4]})
    pgd = spec.read("pgd(steps=20)", ATTACKS, "attack")
    settings = (read_goal("untargeted"), 0, "float32", torch.device("cpu"))
    plan = Plan([pgd], read_threat("linf(0.9)"), epsilons, *settings, checked=True)  # type: ignore[arg-type]
    found = evaluate(classifier, images, plan.sized(images))
    assert belief.standing(plan, found) == asked
    after, evaluation, said = belief.believed(classifier, images, plan, found)
    assert said is not None
    assert [str(attack) for attack in after.attacks] == [str(pgd)] + ["square(steps=3)"] * asked
    assert any("square" in column for column in evaluation.table) == asked
    assert said["verdict"] == "suspicious"
    assert said["because"][-1] == (belief.ESCALATED if asked else belief.NONE_LEFT)
