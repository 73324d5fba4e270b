"""Nothing is lost, nothing done twice, and the same answer whoever made which shard."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from assay import Plan, linf, load, spec
from assay.adversary.goal import read_goal
from assay.attacks import ATTACKS
from assay.evaluate import engines
from assay.evaluate.shards import Kept, evaluate, kept_for
from assay.models.classifier import build
from assay.run_folder import Folder


def network():
    images = load("digits", "test", 50)
    about = {"shape": images.shape, "classes": images.classes, "mean": [0.3], "std": [0.4]}
    return build({**about, "architecture": "mlp"}).eval()


@pytest.fixture(scope="module")
def model():
    return network()


def plan(shard: int | None = 16) -> Plan:
    attacks = [spec.read(text, ATTACKS, "attack") for text in ("noise", 'cascade(effort="quick")')]
    return Plan(attacks, linf(0.1), (0.05, 0.1), read_goal("untargeted"), 3, "float32", torch.device("cpu"), shard)


def same(one, other) -> bool:
    tables = all(np.array_equal(one.table[name], other.table[name]) for name in one.table)
    proofs = all(np.array_equal(one.proof[name], other.proof[name]) for name in one.proof)
    return one.table.keys() == other.table.keys() and tables and proofs


def test_shards_that_are_done_are_not_done_again(model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, kept = load("digits", "test", 50), Kept(Folder(tmp_path / "shards"))
    whole, made, honest = evaluate(model, images, plan()), [], engines.play

    def counted(classifier, shard, plan, bar):
        made.append(len(shard))
        if len(made) == 3:
            raise KeyboardInterrupt
        return honest(classifier, shard, plan, bar)

    monkeypatch.setattr(engines, "play", counted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, images, plan(), kept)
    again = evaluate(model, images, plan(), kept)
    assert made == [16, 16, 16, 16, 2], "two were done, the third was stopped"
    assert same(again, whole)
    assert [cost.forwards for cost in again.costs] == [cost.forwards for cost in whole.costs]


def test_a_shard_without_its_last_file_is_made_again(model, tmp_path: Path) -> None:
    images, kept = load("digits", "test", 50), Kept(Folder(tmp_path / "shards"))
    whole = evaluate(model, images, plan(), kept)
    (tmp_path / "shards" / "16.json").unlink()
    (tmp_path / "shards" / "16.parquet").write_bytes(b"half")
    assert same(evaluate(model, images, plan(), kept), whole)


@pytest.mark.parametrize("change", ["seed", "eps", "attack", "images", "weights", "shard"])
def test_another_plan_takes_no_shards_of_this_one(tmp_path: Path, change: str) -> None:
    images, asked, weights = load("digits", "test", 50), plan(), "a" * 16
    mine = kept_for(tmp_path, weights, "mine", images, asked)
    other = {
        "seed": lambda: kept_for(tmp_path, weights, "mine", images, replace(asked, seed=4)),
        "eps": lambda: kept_for(tmp_path, weights, "mine", images, replace(asked, epsilons=(0.1,))),
        "attack": lambda: kept_for(tmp_path, weights, "mine", images, replace(asked, attacks=asked.attacks[:1])),
        "images": lambda: kept_for(tmp_path, weights, "mine", load("digits", "test", 49), asked),
        "weights": lambda: kept_for(tmp_path, "b" * 16, "mine", images, asked),
        "shard": lambda: kept_for(tmp_path, weights, "mine", images, replace(asked, shard=17)),
    }[change]()
    assert mine.folder.path != other.folder.path
    assert mine.folder.path == kept_for(tmp_path, weights, "mine", images, plan()).folder.path


def test_another_text_of_the_networks_file_takes_no_shards_of_this_one(tmp_path: Path) -> None:
    images, file = load("digits", "test", 50), tmp_path / "nets.py"
    file.write_text("def net(): ...")
    one = kept_for(tmp_path, "a" * 16, f"{file}:net", images, plan())
    file.write_text("def net(): return 1")
    assert one.folder.path != kept_for(tmp_path, "a" * 16, f"{file}:net", images, plan()).folder.path


@pytest.mark.slow
def test_workers_give_the_same_answer(model) -> None:
    images = load("digits", "test", 50)
    assert same(evaluate(model, images, plan(), workers=2), evaluate(model, images, plan(None)))


def test_the_size_of_a_shard_follows_memory() -> None:
    images = load("digits", "test", 50)
    assert plan(None).sized(images).shard == 1024
    assert plan(None).sized(images, workers=2).shard == 32
    assert [rows.stop for rows in plan(20).parts(images)] == [20, 40, 50]
