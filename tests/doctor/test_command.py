"""assay doctor as typed: exit codes, JSON, words, what a run keeps for its report, and every mistake in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from assay.chance import seeded
from assay.models.classifier import Classifier
from assay.run_folder import Run, open_run
from tests.doctor.networks import skilled
from tests.mistakes.saying import Say, alone, contents, refuse, say
from tests.report.runs import bare_run

__all__ = ["alone", "refuse", "say"]  # fixtures
Refuse = Callable[..., str]
MINE = """
import torch
from torch import nn
import torch.nn.functional as F

def right(model, images, labels, eps=8 / 255):
    print("a step")
    return quiet(model, images, labels, eps)

def quiet(model, images, labels, eps):
    points = images.clone().requires_grad_(True)
    gradient = torch.autograd.grad(F.cross_entropy(model(points), labels), points)[0]
    return (images + eps * gradient.sign()).clamp(0, 1).detach()

def pair(model, images, labels, eps=8 / 255): return images, labels
def none(): return 3
def one(model): return 3
def two(model, images): return images
def five(model, images, labels, eps, steps): return images
def wanting(model, images, labels, *, alpha): return images
def net(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
def silent(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))
def leaving(): raise SystemExit(3)
"""
KEYS = {"subject", "claims", "healthy", "findings", "checks", "skipped", "seconds"}
OF_FINDING = {"name", "severity", "effect", "mend", "check", "images"}


@pytest.fixture(autouse=True)
def mine(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the user's, and a doctor who has no time: one check of an attack, and few images of a model."""
    Path("mine.py").write_text(MINE)
    Path("raising.py").write_text("raise KeyError('x')")
    monkeypatch.setattr("assay.doctor.attack.FULL", 0.0)
    monkeypatch.setattr("assay.cli.doctor.ASKED", 16)
    monkeypatch.setattr("assay.doctor.patient.QUERIES", 10)


def make_run(net: nn.Module, name: str = "run") -> Run:
    run = bare_run(Path(name), tuple("0123456789"), (1, 8, 8))
    model = Classifier(net, f"{Path('mine.py').resolve()}:net", (1, 8, 8), tuple("0123456789"), [0.0], [1.0])
    run.write_model(model.describe(), {key: value.numpy() for key, value in net.state_dict().items()})
    return run


def linear() -> nn.Module:
    with seeded(0, "weights"):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def test_a_healthy_attack_is_0_and_what_was_left_out_is_named(say: Say) -> None:
    said = say("doctor", "attack", "mine.py:right")
    assert said.code == 0
    assert said.out.startswith("mine.py:right (one-step, linf(0.03137))\n  nothing wrong found: 1 checks in ")
    assert "no time was left for budget, corners, linear, " in said.out
    assert "a step" in said.err  # what a file prints is no result


def test_a_finding_is_1_with_name_effect_and_mend(say: Say) -> None:
    said = say("doctor", "attack", "mine.py:pair")
    assert said.code == 1
    assert "error   returns-no-images\n" in said.out
    assert "returned tuple for images (17, 1, 12, 12)" in said.out
    assert "return one tensor of the same shape" in said.out
    assert "1 thing to mend: 1 checks in " in said.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("attack", "mine.py:right"), 0),
        (("attack", "mine.py:pair"), 1),
        (("model", "mine.py:net", "--data", "digits"), 0),
        (("model", "mine.py:silent", "--data", "digits"), 1),
    ],
)
def test_json_is_json_and_holds_what_is_documented(say: Say, words: tuple[str, ...], code: int) -> None:
    said = say("doctor", *words, "--json")
    assert said.code == code
    found = json.loads(said.out)
    assert found.keys() == KEYS
    assert found["healthy"] == (code == 0)
    assert all(each.keys() == OF_FINDING for each in found["findings"])


@pytest.mark.slow
def test_an_attack_of_the_house_is_examined_with_its_settings(say: Say) -> None:
    said = say("doctor", "attack", "pgd(steps=5)", "--norm", "l2", "--eps", "1")
    assert said.code == 0
    assert said.out.startswith("pgd(steps=5) (iterative, l2(1))")


def test_images_are_named_as_in_their_split(say: Say) -> None:
    Path("mine.py").write_text(MINE + "\ndef dark(): return nn.Sequential(net(), Odd())\n" + NOT_A_NUMBER)
    chosen = say("doctor", "model", "mine.py:dark", "--data", "digits", "--json")
    images = json.loads(chosen.out)["findings"][0]["images"]
    assert len(images) == 10
    assert max(images) > 16  # of 16 images, chosen from 360


NOT_A_NUMBER = """
class Odd(nn.Module):
    def forward(self, logits):
        return logits * float("nan")
"""


def test_so_many_images_are_asked_about(say: Say, refuse: Refuse) -> None:
    Path("mine.py").write_text(MINE + "\ndef dark(): return nn.Sequential(net(), Odd())\n" + NOT_A_NUMBER)
    said = say("doctor", "model", "mine.py:dark", "--data", "digits", "--images", "5")
    assert "5 of 5 images without an answer" in said.out
    assert refuse("doctor", "model", "mine.py:dark", "--data", "digits", "--images", "0").startswith(
        "digits test: between 1 and 360 images can be taken, got 0"
    )


def test_a_run_keeps_what_was_found_of_it_for_its_report(say: Say) -> None:
    run = make_run(linear())
    for _ in range(2):  # the second replaces the first
        assert say("doctor", "model", "run").code == 0
        (examined,) = run.read_json("panels/doctor.json")["examined"]
        assert (examined["what"], examined["subject"], examined["healthy"]) == ("model", "run", True)


def test_a_run_is_known_by_its_name_wherever_one_stands(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(linear())
    assert say("doctor", "model", "run").code == 0
    monkeypatch.chdir("run")
    assert say("doctor", "model", ".").code == 0
    assert len(open_run(Path()).read_json("panels/doctor.json")["examined"]) == 1
    assert run.name == "run"


def test_a_run_keeps_what_was_found_of_attacks(say: Say) -> None:
    run = make_run(linear())
    for name, code in (("right", 0), ("pair", 1), ("pair", 1)):
        assert say("doctor", "attack", f"mine.py:{name}", "--run", "run").code == code
    found = run.read_json("panels/doctor.json")["examined"]
    assert [(each["subject"], each["healthy"]) for each in found] == [("mine.py:right", True), ("mine.py:pair", False)]


@pytest.mark.slow
def test_the_report_shows_it_escaped(say: Say) -> None:
    Path("mine.py").write_text(
        MINE + '\ndef evil(model, images, labels, eps=1): raise ValueError("<script>x</script>")'
    )
    run = make_run(linear())
    assert say("doctor", "attack", "mine.py:evil", "--run", "run").code == 1
    assert say("report", "run", "--out", "report.html").code == 0
    html = Path("report.html").read_text("utf-8")
    assert "<script>x" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    (finding,) = run.read_json("panels/doctor.json")["examined"][0]["findings"]
    assert f"<strong>{finding['name']}</strong>" in html
    assert finding["mend"].split(";")[0] in html


MISTAKES = [
    (("attack", "none.py:f"), "attack 'none.py:f': there is no file 'none.py'"),
    (("attack", "mine.py:rihgt"), "unknown function in mine.py 'rihgt'; there are right, quiet,"),
    (
        ("attack", "mine.py:none"),
        "mine.py:none needs 0 values (none): an attack is called with (model, images, labels)",
    ),
    (("attack", "mine.py:one"), "mine.py:one(model) returns int: an attack is called with"),
    (("attack", "mine.py:two"), "mine.py:two needs 2 values (model, images): an attack is called with"),
    (
        ("attack", "mine.py:five"),
        "mine.py:five needs 5 values (model, images, labels, eps, steps): an attack is called",
    ),
    (("attack", "mine.py:wanting"), "mine.py:wanting needs alpha, which nobody tells it: an attack is called with"),
    (("attack", "raising.py:f"), "attack 'raising.py:f' cannot be loaded: KeyError: 'x'"),
    (("attack", "pgdd"), "unknown attack 'pgdd'; there are add_noise, apgd,"),
    (("attack", "pgd(step=3)"), "pgd has no setting 'step'; it has steps,"),
    (("attack", "noise"), "noise is no attack that could be examined: it asks the model nothing"),
    (("attack", "pgd", "--eps", "-1"), "--eps must be between 0.0001 and 100, got -1"),
    (("attack", "pgd", "--eps", "0"), "--eps must be between 0.0001 and 100, got 0"),
    (("attack", "pgd", "--eps", "x"), "--eps 'x' is not a number: write 0.1 or 8/255"),
    (("attack", "pgd", "--eps", "8"), "--eps must be at most 1 in linf, got 8; for 8 levels of 255 write 8/255"),
    (("attack", "mine.py:right", "--eps", "8", "--norm", "linf"), "--eps must be at most 1 in linf, got 8"),
    (("attack", "mine.py:quiet", "--eps", "8"), "it walks in linf, where eps is at most 1, got 8; for 8 levels of 255"),
    (("attack", "square", "--norm", "l1"), "square knows linf and l2, got l1"),
    (("attack", "pgd", "--norm", "l7"), "--norm: unknown value 'l7'; there are "),
    (("attack", "pgd", "--claims", "nonsense"), "--claims: unknown value 'nonsense'; there are "),
    (("attack", "pgd", "--data", "digits"), "--data is for doctor model"),
    (("attack", "pgd", "--images", "3"), "--images is for doctor model"),
    (("attack", "pgd", "--weights", "w"), "--weights is for doctor model"),
    (("attack", "pgd", "--split", "train"), "--split is for doctor model"),
    (("attack", "mine.py:right", "--run", "nowhere"), "there is no run 'nowhere'"),
    (("attack", "mine.py:right", "--run", "."), ". is no run folder: it has no config.json"),
    (("model", "run", "--eps", "0.1"), "--eps is for doctor attack"),
    (("model", "run", "--norm", "l2"), "--norm is for doctor attack"),
    (("model", "run", "--claims", "one-step"), "--claims is for doctor attack"),
    (("model", "run", "--quick"), "--quick is for doctor attack"),
    (("model", "run", "--run", "run"), "--run is for doctor attack"),
    (("model", "run", "--weights", "w"), "--weights is for a model of FILE.py:FUNCTION; a run has its own"),
    (("model", "nowhere"), "there is no run 'nowhere'"),
    (("model", "mine.py:net"), "doctor model mine.py:net needs --data NAME"),
    (("model", "mine.py:net", "--data", "dgits"), "unknown data set 'dgits'"),
    (("model", "mine.py:one", "--data", "digits"), "mine.py:one failed: TypeError: one() missing 1 required"),
    (("model", "mine.py:none", "--data", "digits"), "mine.py:none must return a torch.nn.Module, got int"),
    (("model", "mine.py:leaving", "--data", "digits"), "mine.py:leaving failed: SystemExit: 3"),
    (("model", "mine.py:net", "--data", "digits", "--weights", "w"), "there is no weights file 'w'"),
    (("nobody", "pgd"), "attack|model: unknown value 'nobody'; there are attack, model"),
]


@pytest.mark.parametrize(("words", "beginning"), MISTAKES, ids=[" ".join(row[0]) for row in MISTAKES])
def test_a_mistake_gets_one_line_and_nothing_is_touched(refuse: Refuse, words: tuple[str, ...], beginning: str) -> None:
    make_run(linear())
    before = contents(Path())
    assert refuse("doctor", *words).startswith(beginning)
    assert contents(Path()) == before


@pytest.mark.parametrize("text", ["{", "[]", '{"examined": 3}', '{"examined": [{"what": "model"}]}'])
@pytest.mark.parametrize("words", [("model", "run"), ("attack", "mine.py:right", "--run", "run")], ids=" ".join)
def test_a_damaged_file_is_named_before_any_work(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], text: str
) -> None:
    run = make_run(linear())
    run.write_json("panels/doctor.json", {"examined": []})
    (run.path / "panels" / "doctor.json").write_text(text)

    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("there was work")

    monkeypatch.setattr("assay.doctor.model.examine_model", work)
    monkeypatch.setattr("assay.doctor.attack.examine_attack", work)
    assert refuse("doctor", *words).startswith("run/panels/doctor.json is damaged: ")


def test_a_model_that_crashes_is_a_finding_and_no_mistake(say: Say) -> None:
    Path("mine.py").write_text(MINE + "\ndef wide(): return nn.Linear(7, 10)")
    said = say("doctor", "model", "mine.py:wide", "--data", "digits")
    assert said.code == 1
    assert "crashes\n          no number at all: RuntimeError: mat1 and mat2" in said.out


@pytest.mark.slow
def test_weights_are_put_into_a_model_of_a_file(say: Say) -> None:
    from safetensors.torch import save_file

    save_file(skilled().state_dict(), "skilled.safetensors")
    Path("mine.py").write_text(MINE + MLP)
    asked = ("doctor", "model", "mine.py:mlp", "--data", "digits", "--weights", "skilled.safetensors", "--json")
    found = json.loads(say(*asked).out)
    assert [each["name"] for each in found["findings"]] == ["wrong-pixel-scale"]


MLP = """
class Scaled(nn.Sequential):
    def forward(self, images): return super().forward(1 - images)
def mlp(): return Scaled(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
"""
