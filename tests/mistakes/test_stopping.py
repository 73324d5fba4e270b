"""A training that is stopped, by a person or by force, goes on as if nothing had happened; nothing else is taken up."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.cli import main
from assay.train.loop import Training
from tests.mistakes.saying import Say, contents

Refuse = Callable[..., str]
TRAIN = ("train", "digits_cnn", "--epochs", "2", "--images", "256")  # as the finished run of these tests
LONG = ("train", "digits_cnn", "--epochs", "80", "--images", "256")


class Killed(BaseException):
    """Nothing catches it."""


def same_weights(run: Path, other: Path) -> bool:
    return (run / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()


def epochs_of(run: Path) -> list[int]:
    """The epochs in metrics.jsonl; every line must be whole."""
    path = run / "metrics.jsonl"
    return [json.loads(line)["epoch"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("write", range(10))
def test_killed_at_any_write_it_goes_on_to_the_same_bits(
    say: Say, alone: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    moves = iter(range(100))
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if next(moves) == write:
            raise Killed
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            say(*TRAIN, "--out", "run")
    assert epochs_of(Path("run")) == list(range(1, len(epochs_of(Path("run"))) + 1))
    begun = Path("run/config.json").exists()
    assert say(*TRAIN, "--out", "run", *(["--resume"] if begun else [])).code == 0
    assert same_weights(Path("run"), finished)
    assert epochs_of(Path("run")) == [1, 2]
    assert contents(Path("run")).keys() == {
        name for name in contents(finished) if not name.startswith(("explanations", "evaluations/digits-test-12"))
    }


def test_stopped_by_a_person_it_says_how_to_go_on(
    say: Say, alone: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Training._learn

    def interrupted(self: Training, epoch: int, bar: Any) -> dict[str, float]:
        if epoch == 1:
            raise KeyboardInterrupt
        return learn(self, epoch, bar)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_learn", interrupted)
        said = say(*TRAIN, "--out", "run")
    assert said.code == 130
    assert said.err.splitlines()[-1] == ("assay: stopped; what was finished is kept, and --resume takes up a training")
    said = say("train", "digits_cnn", "--out", "run", "--resume")  # what is not said again stays as it was
    assert said.code == 0
    assert "taken up after epoch 1 of 2" in said.err
    assert same_weights(Path("run"), finished)


def test_a_training_that_diverges_says_so_and_leaves_no_model(say: Say, alone: Path) -> None:
    said = say(*TRAIN, "--learning-rate", "1e30", "--out", "run")
    assert (said.code, said.out) == (2, "")
    assert "the loss is no longer finite in epoch 1: try a learning rate below 1e+30" in said.err.splitlines()[-1]
    said = say("evaluate", "run")
    assert (said.code, said.err) == (2, "assay: run is damaged or not finished: model.json is missing\n")


OTHER = [
    (("--epochs", "3"), "--resume: run was begun with epochs 2, got 3"),
    (("--images", "200"), "--resume: run was begun with images 256, got 200"),
    (("--seed", "1"), "--resume: run was begun with seed 0, got 1"),
    (("--batch-size", "8"), "--resume: run was begun with batch_size 64, got 8"),
    (("--learning-rate", "0.1"), "--resume: run was begun with learning_rate 0.004, got 0.1"),
    (("--data", "mnist"), "--resume: run was begun with data digits, got mnist"),
    (("--force",), "--resume goes on and --force begins again: take one of them"),
]


@pytest.mark.parametrize(("options", "said"), OTHER, ids=[" ".join(row[0]) for row in OTHER])
def test_other_settings_are_refused(refuse: Refuse, run: Path, options: tuple[str, ...], said: str) -> None:
    before = contents(run)
    assert refuse("train", "digits_cnn", "--resume", "--out", "run", *options) == said
    assert contents(run) == before


def test_what_a_training_was_begun_from_must_not_have_changed(refuse: Refuse, say: Say, run: Path) -> None:
    assert refuse("train", "mnist_cnn", "--resume", "--out", "run").startswith(
        "--resume: run was begun with name digits"
    )
    harden = ("--out", "held", "--epochs", "1", "--method", "fgsm", "--threat", "linf(0.1)", "--images", "2")
    assert say("harden", "run", *harden).code == 0
    assert refuse("harden", "run", *harden, "--resume", "--seed", "7") == "--resume: held was begun with seed 0, got 7"
    assert "exists: take another --out" in refuse("harden", "run", *harden)
    line = "--resume: held was begun by assay harden, which takes it up"
    assert refuse("train", "digits_cnn", "--resume", "--out", "held") == line
    assert say("train", "digits_cnn", "--epochs", "1", "--images", "256", "--out", "other").code == 0
    assert "held was begun with other weights to start from: " in refuse("harden", "other", *harden, "--resume")
    config = json.loads(Path("run/config.json").read_text())
    Path("run/config.json").write_text(json.dumps(config | {"fingerprint": "0" * 16}))
    assert refuse("train", "digits_cnn", "--resume", "--out", "run").startswith(
        "--resume: run was begun with other images: 0000000000000000, now "
    )


def test_without_its_checkpoint_it_begins_again(refuse: Refuse, say: Say, run: Path, finished: Path) -> None:
    (run / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:-100])
    line = refuse("train", "digits_cnn", "--resume", "--out", "run")
    assert line == "run/checkpoint.pt is damaged: it is not what was written; without it --resume begins again"
    (run / "checkpoint.pt").unlink()
    assert say("train", "digits_cnn", "--resume", "--out", "run").code == 0
    assert same_weights(run, finished)


def test_what_was_left_half_written_is_swept_away(say: Say, run: Path) -> None:
    (run / ".model.safetensors.x1y2.part").write_bytes(b"half of the weigh")
    assert say("train", "digits_cnn", "--resume", "--out", "run").code == 0
    assert not list(run.glob(".*"))


def start(out: Path, *words: str) -> "subprocess.Popen[str]":
    """Assay in a process of its own, with one thread as in the tests, that hears SIGINT also if these do not."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    hears = (
        "import signal, sys; signal.signal(2, signal.default_int_handler); from assay.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", hears, *words, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def stop(process: "subprocess.Popen[str]", how: signal.Signals) -> str:
    process.send_signal(how)
    return process.communicate(timeout=120)[1]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main([*LONG, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGKILL, -9), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_process_that_is_stopped_for_real(
    say: Say, alone: Path, unbroken: Path, how: signal.Signals, code: int
) -> None:
    out = alone / "run"
    process = start(out, *LONG)
    while len(epochs_of(out)) < 3 and process.poll() is None:
        time.sleep(0.002)
    said = stop(process, how)
    done = len(epochs_of(out))
    assert (process.returncode, done < 80) == (code, True), said
    assert "Traceback" not in said
    said = say("train", "digits_cnn", "--out", out, "--resume").err
    assert any(f"taken up after epoch {epoch} of 80" in said for epoch in (done, done + 1))  # nothing is done twice
    assert same_weights(out, unbroken)
    assert epochs_of(out) == list(range(1, 81))
    assert not list(out.glob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_at_random(say: Say, alone: Path, unbroken: Path, seed: int) -> None:
    chance, out = random.Random(seed), alone / "run"
    for _ in range(8):
        process = start(out, *LONG, *(["--resume"] if (out / "config.json").exists() else []))
        begun, more = len(epochs_of(out)), chance.randrange(0, 7)
        while len(epochs_of(out)) < begun + more and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.05 if more else 5))  # also while it starts
        stop(process, signal.SIGKILL)
        assert epochs_of(out) == list(range(1, len(epochs_of(out)) + 1))
    resume = ["--resume"] if (out / "config.json").exists() else []
    assert say(*LONG, "--out", out, *resume).code == 0
    assert same_weights(out, unbroken)
    assert epochs_of(out) == list(range(1, 81))
