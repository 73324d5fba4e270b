"""What an evaluation leaves in its folder: the proof, one picture at every eps; and what an attack's fault leaves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assay import spec
from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.attacks import ATTACKS, attack
from assay.data import ImageSet, load
from assay.evaluate.record import evaluate_run
from assay.evaluate.robust import Plan
from assay.models.classifier import Classifier, build
from assay.run_folder import Evaluation, Run
from assay.spec import Call
from assay.tally import column

EPSILONS = [0.1, 0.3]


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load("digits", "test", 24)


@pytest.fixture(scope="module")
def classifier(images: ImageSet) -> Classifier:
    """Learnt just so far that most images are right, and fall soon."""
    about: dict[str, Any] = {"architecture": "mlp", "shape": images.shape, "classes": images.classes}
    model = build({**about, "mean": [0.3], "std": [0.4]})
    train = load("digits", "train")
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(train.pixels()), train.labels).backward()
        optimizer.step()
    return model


def evaluated(path: Path, classifier: Classifier, images: ImageSet, *attacks: Call) -> Evaluation:
    run = Run(path)
    weights = {name: value.numpy() for name, value in classifier.net.state_dict().items()}
    run.write_model(classifier.describe(), weights)
    plan = Plan(attacks, read_threat("linf(0.3)"), EPSILONS, read_goal("untargeted"), 0, "float32", torch.device("cpu"))
    folder = evaluate_run(run, classifier, images, plan, "test", False, {})
    return run.evaluation(folder.path.name)


def test_the_proof_is_kept_for_every_image_that_fell(tmp_path: Path, classifier: Classifier, images: ImageSet) -> None:
    folder = evaluated(tmp_path, classifier, images, spec.read("pgd(steps=5)", ATTACKS, "attack"))
    table, proof = folder.read_table("images.parquet"), folder.read_arrays("adversarial.safetensors")
    fell = table["index"][np.isfinite(table["eps_broken"]) & (table["eps_broken"] > 0)]
    assert len(fell) > 3
    assert sorted(proof["index"]) == sorted(fell)
    clean = images.pixels().numpy()[np.searchsorted(images.index.numpy(), proof["index"])]
    assert (np.abs(proof["pixels"] - clean).max((1, 2, 3)) <= 0.3 + 1e-5).all()
    prints = images.fingerprint[:6]
    assert f"-{prints}-" in folder.path.name  # another set of the same name does not take its place


def test_the_strip_tells_what_was_used_and_what_the_judge_says(
    tmp_path: Path, classifier: Classifier, images: ImageSet
) -> None:
    folder = evaluated(tmp_path, classifier, images, spec.read("iterated_fgsm(steps=10)", ATTACKS, "attack"))
    about, arrays = folder.read_json("strip.json"), folder.read_arrays("strip.safetensors")
    table = folder.read_table("images.parquet")
    row = int(np.flatnonzero(table["clean_prediction"] == table["label"])[0])
    assert about["index"] == table["index"][row]
    assert [frame["eps"] for frame in about["frames"]] == [0.0, *EPSILONS]
    clean = images.pixels().numpy()[row]
    for frame, image in zip(about["frames"], arrays["images"], strict=True):
        assert frame["size"] == pytest.approx(np.abs(image - clean).max(), abs=1e-6)
        if frame["eps"]:
            assert frame["verdict"] == table[column("iterated_fgsm(steps=10)", frame["eps"], "verdict")][row]


def test_an_answer_of_another_shape_is_a_fault_and_no_crash(
    tmp_path: Path, classifier: Classifier, images: ImageSet
) -> None:
    @attack(kind="budget", access="labels", norms=("linf",))
    def smaller(victim: Any, images: Any, goal: Any, threat: Any, draws: Any) -> Any:
        return images[:, :, 1:]

    folder = evaluated(tmp_path, classifier, images, Call("smaller", smaller, {}))
    right = folder.read_json("results.json")["clean"]["count"]
    assert folder.read_json("results.json")["attacks"][0]["faults"] == right
    assert not folder.has("strip.json")
    assert not folder.has("gallery.json")


@pytest.mark.parametrize("text", ["pgd(steps=5)", "deepfool(steps=5)", "noise"])
def test_the_frames_are_the_worst_case_of_the_table(
    tmp_path: Path, classifier: Classifier, images: ImageSet, text: str
) -> None:
    """At each eps as many pictures are broken as the table has, by images that are allowed there."""
    both = [spec.read(one, ATTACKS, "attack") for one in (text, "fgsm")]
    folder = evaluated(tmp_path, classifier, images, *both)
    frames, arrays = folder.read_json("frames.json")["frames"], folder.read_arrays("frames.safetensors")
    table, eps = folder.read_table("images.parquet"), [frame["eps"] for frame in frames]
    assert eps == [0.0, *EPSILONS] * (len(frames) // 3)
    row = {int(index): row for row, index in enumerate(table["index"])}
    fell = [table["eps_broken"][row[frame["index"]]] <= frame["eps"] for frame in frames]
    assert [frame["verdict"] == "broken" for frame in frames] == fell
    assert any(fell)
    clean = images.pixels().numpy()[[row[frame["index"]] for frame in frames]]
    assert (np.abs(arrays["images"] - clean).max((1, 2, 3)) <= np.array(eps) + 1e-5).all()
    said = classifier(torch.from_numpy(arrays["images"])).softmax(1).detach().numpy()
    assert np.allclose(said, arrays["probability"], atol=1e-5)
    labels = table["label"][[row[frame["index"]] for frame in frames]]
    assert ((arrays["probability"].argmax(1) != labels) == np.array(fell)).all()


def test_the_frames_between_are_what_the_attack_finds_at_each_eps_alone(
    classifier: Classifier, images: ImageSet
) -> None:
    """They are searched all in one go; what broke a picture at a smaller eps stays."""
    from assay.evaluate.frames import frames, shown_epsilons
    from assay.evaluate.robust import aim, run_attack

    pgd = spec.read("pgd(steps=5)", ATTACKS, "attack")
    threat = read_threat("linf(0.4)")
    plan = Plan((pgd,), threat, [0.4], read_goal("untargeted"), 0, "float32", torch.device("cpu"))
    right = classifier(images.pixels()).argmax(1) == images.labels
    some = images.rows(right.nonzero()[:6, 0])
    goal, _ = aim(classifier, some, plan)
    epsilons = shown_epsilons(plan, "gradients")
    found = frames(classifier, some, goal, plan, dict.fromkeys(epsilons[1:], pgd), {}, {})
    assert found is not None
    assert len(set(found.verdict[:, 1:-1].flatten())) == 2  # broken and robust
    for step in range(1, len(epsilons) - 1):
        alone = run_attack(classifier, some, goal, plan, pgd, epsilons[step]).points.numpy()
        for place in range(len(some)):
            kept = np.array_equal(found.images[place, step], found.images[place, step - 1])
            assert kept or np.allclose(found.images[place, step], alone[place], atol=1e-5)
            assert not kept or found.verdict[place, step - 1] == "broken"


def test_of_one_eps_the_frames_are_its_eighths(classifier: Classifier, images: ImageSet) -> None:
    from assay.evaluate.frames import MOST, shown_epsilons

    def plan(*epsilons: float) -> Plan:
        threat = read_threat(f"linf({epsilons[-1]})")
        return Plan((), threat, epsilons, read_goal("untargeted"), 0, "float32", torch.device("cpu"))

    assert shown_epsilons(plan(0.4), "gradients") == pytest.approx([place * 0.05 for place in range(9)])
    assert shown_epsilons(plan(0.4), "scores") == [0, 0.4]  # a black box is not asked more often for a picture
    assert shown_epsilons(plan(0.1, 0.4), "gradients") == [0, 0.1, 0.4]
    many = shown_epsilons(plan(*(place / 100 for place in range(1, 60))), "gradients")
    assert len(many) <= MOST
    assert {0, 0.59} < set(many)
