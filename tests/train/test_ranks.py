"""Several processes train as one: the same images, sums and losses; and what becomes of them when one dies."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from assay.chance import permutation
from assay.cli import main
from assay.train import checkpoints
from assay.train.ranks import Ranks
from tests.train.together import BATCH, EPOCHS, IMAGES, TRAININGS, learn, training

ROOT = Path(__file__).parents[2]
CLOCK = ("seconds", "images_per_second", "peak_memory")
# Largest difference of any loss, measured with two and with three processes: 4e-7, a few units in the last place of a
# float32 near 2.3. Counts were equal. The planted fault: 6e-2.
FLOAT_NOISE = 5e-6
EXACT = ("plain", "rich", "pgd(steps=2)", "fast", "blend(steps=1)", "ibp", "awp", "taken_back")
NOISY = {  # where rounding is made larger: measured, allowed
    # Adam divides a gradient by its own size, also one that is nothing but rounding (4e-4 in one of four trials)
    "adam": 5e-3,
    # two answers that are nearly equal: their divergence is mostly rounding, and its sign is a whole step (2e-2)
    "trades(steps=2)": 6e-2,
    # eight bits for a number, rounded anew in each layer (1e-2)
    "bfloat16": 5e-2,
}


def one_core() -> dict[str, str]:
    """As in this process (tests/conftest.py): sums over another number of threads have other last bits."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def torchrun(*words: object, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Two processes, each with one thread."""
    environment = one_core() | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=180)


def without_clock(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


@given(st.integers(0, 300), st.integers(1, 70), st.integers(1, 9), st.integers(0, 5))
def test_each_image_is_somebodys_exactly_once(images: int, batch: int, processes: int, epoch: int) -> None:
    order = permutation(images, 0, "order", epoch)
    for rows in order.split(batch):
        parts = [Ranks(rank, processes).share(rows) for rank in range(processes)]
        assert torch.equal(torch.cat(parts), rows)
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_a_batch_smaller_than_the_processes_leaves_some_without() -> None:
    assert [Ranks(rank, 4).share(torch.arange(2)).tolist() for rank in range(4)] == [[0], [1], [], []]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left of all trainings."""
    folder = tmp_path_factory.mktemp("together")
    done = torchrun("-m", "tests.train.together", folder)
    assert done.returncode == 0, done.stderr
    return folder


def two_of(folder: Path, name: str) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{name}-{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("name", TRAININGS)
def test_both_hold_the_same_network_to_the_bit(folder: Path, name: str) -> None:
    first, second = two_of(folder, name)
    assert all(torch.equal(tensor, second["net"][key]) for key, tensor in first["net"].items())
    assert without_clock(first["history"]) == without_clock(second["history"])
    assert first["steps"], "the first one tells of the steps"
    assert not second["steps"], "and the second one does not"


@pytest.mark.parametrize("name", TRAININGS)
def test_counts_are_whole_and_each_image_is_seen_once(folder: Path, name: str) -> None:
    both = two_of(folder, name)
    for line in both[0]["history"]:
        counted = [line["accuracy"] * IMAGES, line["validation_accuracy"] * 63]
        assert counted == pytest.approx([round(count) for count in counted], abs=1e-9)
        seen = torch.cat([index for one in both for epoch, index in one["seen"] if epoch == line["epoch"] - 1])
        times = 2 if (name, line["epoch"]) == ("taken_back", EPOCHS) else 1  # what is taken back is learnt anew
        assert sorted(seen.tolist()) == sorted(times * training(name, Ranks()).index.tolist())
    assert {len(index) for one in both for _, index in one["seen"]} == {
        8,
        9,
    }  # the last goes with the batch before


@pytest.mark.parametrize("name", [*EXACT, *NOISY])
def test_two_reach_the_losses_of_one(folder: Path, tmp_path: Path, name: str) -> None:
    one, two = learn(name, Ranks(), tmp_path), two_of(folder, name)[0]
    near = NOISY.get(name, FLOAT_NOISE)
    for ours, theirs in zip(one["history"], two["history"], strict=True):
        for key in ours.keys() - CLOCK:
            assert theirs[key] == pytest.approx(ours[key], abs=near if "loss" in key or name in NOISY else 1e-9)
    assert two["steps"][0][0] == pytest.approx(one["steps"][0][0], abs=FLOAT_NOISE)  # nothing has been amplified
    if name in EXACT:
        for key, tensor in one["net"].items():
            assert torch.allclose(two["net"][key], tensor, rtol=0, atol=FLOAT_NOISE)  # measured: 8e-8
        assert torch.tensor(two["steps"]) == pytest.approx(torch.tensor(one["steps"]), abs=FLOAT_NOISE)


def test_a_mean_of_means_would_be_seen(folder: Path, tmp_path: Path) -> None:
    one, two = learn("plain", Ranks(), tmp_path), two_of(folder, "mean_of_means")[0]
    assert abs(one["history"][-1]["loss"] - two["history"][-1]["loss"]) > 100 * FLOAT_NOISE  # of parts of 9 and 8


def test_batch_norm_sees_its_own_part_only(folder: Path, tmp_path: Path) -> None:
    """That is all that differs: the first step's loss is that of two halves, each normalised by itself."""
    one, two = learn("batch_norm", Ranks(), tmp_path), two_of(folder, "batch_norm")[0]
    run = training("batch_norm", Ranks())
    rows = permutation(IMAGES, run.recipe.seed, "order", 0)[:BATCH]
    run.classifier.train()
    pixels, labels = run.images[rows].float() / 255, run.labels[rows]
    logits = torch.cat([run.classifier(half) for half in pixels.tensor_split(2)])
    assert two["steps"][0][0] == pytest.approx(float(F.cross_entropy(logits, labels).detach()), abs=FLOAT_NOISE)
    assert abs(two["steps"][0][0] - one["steps"][0][0]) > 100 * FLOAT_NOISE


@pytest.mark.parametrize("name", ["batch_norm", "batch_norm_attacked"])
def test_with_batch_norm_what_is_kept_is_what_was_validated(folder: Path, name: str) -> None:
    run, line = training(name, Ranks()), two_of(folder, name)[0]["history"][-1]
    run.resume(folder / f"{name}.pt")
    again = run._validate()
    assert {key: line[key] for key in again} == pytest.approx(again, abs=FLOAT_NOISE)


TRAIN = ("train", "mnist_cnn_bn", "--data", "digits", "--images", "193", "--batch-size", "32")
HARDEN = ("--method", "pgd(steps=2)", "--threat", "linf(0.1)", "--epochs", "3", "--suite", "quick", "--images", "2")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("base") / "run"
    assert main([*TRAIN, "--epochs", "1", "--out", str(out)]) == 0
    return out


def measured(run: Path) -> list[dict[str, Any]]:
    return without_clock([json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()])


def same(run: Path, other: Path) -> None:
    assert measured(run) == measured(other)
    assert (run / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()


def test_a_process_that_is_killed_is_started_anew_and_nothing_is_lost(base: Path, tmp_path: Path) -> None:
    """With batch norm and an attack, which looks through what batch norm has counted."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = torchrun("-m", "assay", "harden", base, *HARDEN, "--out", whole)
    assert done.returncode == 0, done.stderr
    restart = ("--max-restarts", "1", "-m", "tests.train.mishap", "kill", 1, 1, 3)
    done = torchrun(*restart, "harden", base, *HARDEN, "--out", broken)
    assert done.returncode == 0, done.stderr
    assert "exitcode: -9" in done.stderr
    assert done.stderr.count("taken up after epoch 1 of 3") == 1
    same(broken, whole)


def test_a_mistake_of_one_process_ends_them_all_with_one_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    mishap = ("-m", "tests.train.mishap", "raise", 1, 1, 3)
    done = torchrun(*mishap, *TRAIN, "--epochs", "3", "--out", out)
    assert done.returncode != 0
    assert done.stderr.count("assay: ") == done.stderr.count("assay: the disk of this process is gone") == 1
    assert checkpoints.load(out / "checkpoint.pt").epoch == 1


def test_a_restart_takes_up_nobody_elses_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    killed = [sys.executable, "-m", "tests.train.mishap", "kill", "0", "1", "3", *TRAIN, "--epochs", "3"]
    assert (
        subprocess.run(
            [*killed, "--out", str(out)], capture_output=True, env=one_core(), cwd=ROOT, timeout=120
        ).returncode
        == -9
    )
    again = torchrun("--max-restarts", "1", "-m", "assay", *TRAIN, "--epochs", "2", "--out", out)
    line = f"assay: {out} holds a training that was stopped: --resume goes on, --force begins again"
    assert again.returncode != 0
    assert again.stderr.count("assay: ") == again.stderr.count(line) == 2


@pytest.mark.parametrize(("epoch", "step", "kept"), [(0, 2, 0), (1, 5, 1)], ids=["no_checkpoint_yet", "last_step"])
def test_a_hardening_killed_in_an_epoch_goes_on_to_the_same_bits(
    base: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], epoch: int, step: int, kept: int
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    words = ["harden", str(base), *HARDEN, "--average", "0.9"]
    command = [sys.executable, "-m", "tests.train.mishap", "kill", "0", str(epoch), str(step), *words]
    killed = subprocess.run(
        [*command, "--out", str(broken)], capture_output=True, env=one_core(), cwd=ROOT, timeout=120
    )
    assert killed.returncode == -9
    assert (broken / "metrics.jsonl").exists() == (kept > 0)
    assert kept == 0 or len(measured(broken)) == kept
    assert main([*words, "--out", str(whole)]) == 0
    capfd.readouterr()
    assert main([*words, "--out", str(broken), "--resume"]) == 0
    assert (f"taken up after epoch {kept} of 3" in capfd.readouterr().err) == (kept > 0)
    same(broken, whole)
