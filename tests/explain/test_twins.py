"""Attacked twins: what the method finds in the attacked image, the same for both models, and mistakes in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from assay.adversary.goal import untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.chance import Draws
from assay.cli.options import load_run
from assay.evaluate.twins import limits, twins
from assay.explain.activations import activations
from assay.run_folder import Explanation
from assay.tally import moved
from tests.explain.conftest import pixels, small


def test_twins_go_all_the_way_and_depend_on_nobody():
    images, labels = pixels(5)
    index = torch.arange(5)
    with Victim(small()) as victim:
        found = twins(victim, images, labels, index, linf(0.1))
        alone = twins(victim, images[3:], labels[3:], index[3:], linf(0.1))
        early = pgd(victim, images, untargeted(labels), linf(0.1), Draws(0, index), steps=40)
        left, kept = (F.cross_entropy(victim.logits(points), labels, reduction="none") for points in (found, early))
        fooled = victim.labels(early) != labels
    assert torch.equal(found[3:], alone)
    assert fooled.any()
    assert (left[fooled] > kept[fooled]).all()  # on and on, where the attack alone would have stopped
    assert linf(0.1).contains(found, images).all()


def test_how_far_a_row_moves():
    clean = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])
    assert moved(clean, clean + np.array([[0, 5], [1, 0], [0, 0]])).tolist() == [1.0, 0.5, 0.0]
    assert moved(clean.astype(np.float16).reshape(3, 1, 2), clean).tolist() == [0, 0, 0]


def test_what_is_written_is_what_the_method_finds(say, run):
    said = say("explain", "run", "--method", "activations", "--attacked", "linf(8/255)", "--image", "1446", "1321")
    assert said.code == 0, said
    (path,) = run.glob("explanations/*attacked-linf*")
    config, arrays = (
        json.loads((path / "config.json").read_text()),
        Explanation(path).read_arrays("activations.safetensors"),
    )
    assert (config["attack"], config["threat"]) == ("pgd(steps=40)", f"linf({8 / 255!r})")
    assert np.abs(arrays["attacked"] - arrays["images"] / 255).max() <= 8 / 255 + 1e-6
    with Victim(load_run(Path("run"))[1]) as victim:
        found = activations(victim, torch.from_numpy(arrays["attacked"]), torch.from_numpy(arrays["labels"]))
    for key, wanted in found.maps.items():
        assert np.array_equal(arrays[f"attacked.{key}"], wanted.numpy())
    assert len(config["words"]) == 2 * len(config["maps"]) + 1
    far = moved(arrays["images"] / 255, arrays["attacked"])
    assert config["words"][len(config["maps"])].startswith(f"image: moved by {far.mean():.2g} of its size")
    assert all(line in said.out for line in config["words"])


@pytest.mark.parametrize(
    ("threat", "method", "said"),
    [
        ("linf(0.1)", "saliency", "--attacked linf(0.1): saliency shows no attacked images, activations does"),
        ("linf", "activations", "linf: an eps is needed, such as linf(8/255)"),
        ("linf(2)", "activations", "linf"),
        ("lmax(1)", "activations", "unknown threat 'lmax'; there are"),
    ],
)
def test_a_threat_that_is_none_leaves_nothing(refuse, run, threat, method, said):
    before = sorted(run.rglob("*"))
    assert refuse("explain", "run", "--method", method, "--attacked", threat).startswith(said)
    assert sorted(run.rglob("*")) == before


def test_limits():
    assert limits("l2(0.5)", (1, 8, 8)).eps == 0.5
    with pytest.raises(ValueError, match="an eps is needed"):
        limits("l2", (1, 8, 8))
