"""An honest run is confirmed, with and without the model, and what is not known is not claimed."""

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.cli import main
from assay.data import load
from assay.run_folder import Run
from assay.verify import class_images, twins
from assay.verify.corrupted import UNASKED
from assay.verify.run import NEVER, WITHOUT, digest
from assay.verify.shown import UNMADE
from tests.mistakes.saying import Say
from tests.verify.forging import ATTACKED, CLEAN, Forger, patch

GUESTS = Path(__file__).parents[1] / "evaluate" / "guests.py"
NETWORKS = Path(__file__).parents[1] / "mistakes" / "networks.py"
KINDS = {
    "minimum": ("--attack", "deepfool(steps=3)", "--attack", "fmn(steps=5)", "--threat", "l2(0.7)", "--eps", "0.2,0.4"),
    "a curve from 0": ("--attack", "pgd(steps=3)", "--threat", "linf(0.1)", "--eps", "0,8/255,.05"),
    "l1": ("--attack", "fgsm", "--threat", "l1(4)"),
    "toward a class": ("--attack", "pgd(steps=3)", "--threat", "linf(0.1)", "--goal", "toward(target=3)"),
    "least likely": ("--attack", "pgd(steps=3)", "--threat", "linf(0.3)", "--goal", "least_likely"),
    "random targets": (
        "--attack",
        "pgd(steps=3)",
        "--threat",
        "linf(0.3)",
        "--goal",
        "random(loss='dlr')",
        "--seed",
        "4",
    ),
    "every target": ("--attack", "pgd(steps=2)", "--threat", "linf(0.1)", "--goal", "every"),
    "eight bit": ("--attack", "pgd(steps=3)", "--threat", "linf(16/255)", "--eight-bit"),
    "only the control": ("--attack", "noise(restarts=2)", "--threat", "linf(0.2)"),
    "guests": ("--attack", f"{GUESTS}:pgd", "--attack", f"{GUESTS}:smallest", "--threat", "linf(0.1)"),
    "guests by chance": ("--attack", f"{GUESTS}:by_chance", "--threat", "linf(0.1)"),
    "faults": ("--attack", f"{GUESTS}:over_budget", "--attack", f"{GUESTS}:nan", "--threat", "linf(0.1)"),
    "no answer": ("--attack", f"{GUESTS}:other_shape", "--threat", "linf(0.1)"),
}


def verified(path: Path, *words: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main(["verify", str(path), "--json", "--device", "cpu", *words])
    found: dict[str, Any] = json.loads(out.getvalue())
    assert found["differences"] == []
    assert code == 0
    return found


def test_it_is_confirmed_without_the_model(honest: Path, alone: Path) -> None:
    found = verified(honest)
    assert found["figures"] > 300
    assert found["proofs"] > 3
    assert {*WITHOUT, *NEVER, UNASKED, UNMADE, twins.OPEN, class_images.OPEN} == set(found["unknown"])
    assert set(found["digests"]) == {CLEAN, ATTACKED}
    assert verified(honest) == found


def test_it_is_confirmed_with_the_model(honest: Path, alone: Path) -> None:
    found = verified(honest, "--rerun")
    assert {*NEVER, twins.OPEN} == set(found["unknown"])
    again = found["rerun"][ATTACKED]
    assert again["clean"] == 24
    assert again["proofs"] == found["proofs"]
    assert again["attacked"] > 10
    assert again["verdicts"] == again["attacked"] * 8
    assert again["moved"] == 0


def test_fewer_may_be_attacked_again(attacked: Path) -> None:
    few, many = (verified(attacked, "--rerun", "--images", n)["rerun"][ATTACKED]["attacked"] for n in ("1", "32"))
    assert few < many


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_evaluation(say: Say, attacked: Path, kind: str) -> None:
    shutil.rmtree(attacked / "evaluations")
    said = say("attack", "run", *KINDS[kind], "--images", "12", "--device", "cpu")
    assert said.code == 0, said
    without, again = verified(attacked), verified(attacked, "--rerun")
    assert without["figures"] > 100
    (counts,) = again["rerun"].values()
    assert counts["moved"] == 0
    assert counts["attacked"] > 5


@pytest.mark.slow
def test_a_harder_run_and_one_noise_for_all(say: Say, attacked: Path) -> None:
    assert say("universal", "run", "--on", "3", "--steps", "2", "--images", "40", "--toward", "3").code == 0
    assert say("harden", "run", "--out", "hard", "--epochs", "2", "--method", "fgsm", "--images", "12").code == 0
    for path in ("run", "hard"):
        verified(Path(path))
        verified(Path(path), "--rerun")
    panel = Path("run/panels/universal.json")
    content = json.loads(panel.read_text())
    content["fits"][0]["matrix"][1][0] = 0.9999
    panel.write_text(json.dumps(content))
    assert "fitted on 1: matrix" in say("verify", "run", "--rerun").out


@pytest.mark.slow
@pytest.mark.parametrize("constant", [0.0, 1.0], ids=["all the same", "never right"])
def test_a_model_that_knows_nothing(say: Say, alone: Path, constant: float) -> None:
    """Of "never right" no image of the first 12 is right, so that there is nothing to attack."""
    from tests.mistakes.networks import right

    net = right()
    state = {key: torch.zeros_like(value) for key, value in net.state_dict().items()}
    if constant:
        state["linear.weight"][:, 0] = 0
        state["linear.bias"] = torch.arange(10.0)
    torch.save(state, "weights.pt")
    model = (f"{NETWORKS}:right", "--weights", "weights.pt", "--data", "digits", "--out", "run", "--device", "cpu")
    assert say("import", *model).code == 0
    said = say("attack", "run", "--attack", "fgsm", "--images", "5", "--threat", "linf(0.1)", "--device", "cpu")
    assert said.code == 0, said
    assert say("attack", "run", "--attack", "fgsm", "--goal", "least_likely", "--images", "12").code == 0
    verified(Path("run"))
    verified(Path("run"), "--rerun")


def test_own_files_are_run_with_rerun_only(say: Say, attacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(GUESTS.read_text("utf-8"), encoding="utf-8")
    assert say("attack", "run", "--attack", "mine.py:pgd", "--images", "6", "--threat", "linf(0.1)").code == 0
    Path("mine.py").write_text("raise KeyError('it was run')", encoding="utf-8")
    assert say("verify", "run").code == 0
    said = say("verify", "run", "--rerun", "--device", "cpu")
    assert said.code == 1
    assert "it was run" in said.out
    assert said.err.startswith("assay: --rerun executes mine.py:pgd\n")
    assert said.err.count("\n") == 1


def another_machine(run: Path) -> None:
    for env in run.glob("evaluations/*/env.json"):
        patch(env, "processor", value="another")


def test_another_machine_is_told_and_its_last_bits_are_borne(say: Say, attacked: Path) -> None:
    another_machine(attacked)
    assert verified(attacked, "--rerun")["rerun"][ATTACKED]["same_machine"] == 0
    forger = Forger(attacked)
    row = int(forger.rows("broken")[0])
    forger.acquit(row)
    forger.forget(row)
    forger.write()
    said = say("verify", "run", "--rerun", "--device", "cpu")
    assert "1 robust images fell" in said.out
    assert "env.json says another machine or version (" in said.out
    row = int(forger.rows("broken")[0])  # two are too many
    forger.acquit(row)
    forger.forget(row)
    forger.write()
    assert "run again it is broken" in say("verify", "run", "--rerun", "--device", "cpu").out


def test_without_the_data_it_says_so(say: Say, forged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise ValueError("digits is not there")

    monkeypatch.setattr("assay.verify.source.load", gone)
    found = verified(forged, "--rerun")
    assert any("cannot be had here" in line for line in found["unknown"])
    assert any("nothing can be run again" in line for line in found["unknown"])


@pytest.mark.slow
def test_images_that_were_moved_are_found_where_they_are(say: Say, alone: Path) -> None:
    from PIL import Image

    digits = load("digits", "test", 60)
    for label, index, image in zip(digits.labels.tolist(), digits.index.tolist(), digits.images.numpy(), strict=True):
        place = Path("pictures", f"class {label}")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(place / f"{index}.png")
    words = ("--data", "folder:pictures", "--size", "16", "--epochs", "2", "--out", "run", "--device", "cpu")
    assert say("train", "digits_cnn", *words).code == 0
    assert say("attack", "run", "--attack", "fgsm", "--threat", "l2(1)", "--device", "cpu").code == 0
    figures = verified(Path("run"))["figures"]
    Path("pictures").rename("elsewhere")
    assert any("cannot be had here" in line for line in verified(Path("run"))["unknown"])
    assert verified(Path("run"), "--data", "folder:elsewhere", "--rerun")["figures"] >= figures
    next(Path("elsewhere").glob("*/*.png")).unlink()
    assert "fingerprint is" in say("verify", "run", "--data", "folder:elsewhere").out


def test_a_training_that_was_stopped_is_no_lie(say: Say, forged: Path) -> None:
    (forged / "model.json").unlink()
    shutil.rmtree(forged / "evaluations")
    shutil.rmtree(forged / "explanations")
    shutil.rmtree(forged / "corruptions")
    found = verified(forged)
    assert any("its training was stopped" in line for line in found["unknown"])


@pytest.mark.parametrize("words", [("none",), ("run", "--images", "0"), ("run", "--rerun", "--data", "digits:x")])
def test_mistakes_are_one_line(say: Say, attacked: Path, words: tuple[str, ...]) -> None:
    said = say("verify", *words)
    assert said.code == (0 if "--data" in words else 2), said
    assert said.err.count("\n") == said.code // 2


def test_a_digest_is_of_every_byte(forged: Path) -> None:
    run = Run(forged)
    before = digest(run, run.evaluation(ATTACKED))
    assert len(before) == 32
    file = run.evaluation(ATTACKED).path / "env.json"
    file.write_text(file.read_text("utf-8") + "\n", encoding="utf-8")
    assert digest(run, run.evaluation(ATTACKED)) != before
