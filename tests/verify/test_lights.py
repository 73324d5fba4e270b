"""What the diagnostics said is confirmed with the model, Square and all; a forged light is named."""

import json
from pathlib import Path

import pytest

from assay.cli import main
from assay.evaluate.belief import SQUARE
from assay.run_folder import open_run

pytestmark = pytest.mark.long
ROUNDING = '''
import torch

class Net(torch.nn.Module):
    """Templates of random pixels, behind a step that lets no gradient through."""

    def __init__(self, levels):
        super().__init__()
        self.levels = levels
        self.linear = torch.nn.Linear(64, 10)

    def forward(self, images):
        return self.linear((images * self.levels).round().flatten(1) / self.levels)

def rounding():
    torch.manual_seed(0)
    return Net(4)

def plain():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
'''


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """The folder of a standard evaluation of that network."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(ROUNDING)
    asked = ["--data", "digits", "--threat", "linf(0.1)", "--images", "120", "--suite", "standard", "--out", "run"]
    assert main(["evaluate", f"nets.py:{request.param}", *asked]) == 0
    run = open_run(Path("run"))
    return run.evaluation(next(name for name in run.names("evaluations") if name.endswith("standard"))).path


@pytest.mark.parametrize("checked", ["plain", "rounding"], indirect=True)
def test_an_honest_verdict_is_confirmed_and_a_forged_one_named(
    checked: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    file = checked / "checks.json"
    said, config = json.loads(file.read_text()), json.loads((checked / "config.json").read_text())
    assert (SQUARE in config["attacks"]) == (said["verdict"] == "suspicious")
    capsys.readouterr()
    assert main(["verify", "run", "--rerun"]) == 0, capsys.readouterr().out
    first = said["findings"][0]
    first["evidence"] = dict.fromkeys(first["evidence"], 0) | {"made up": 1}
    file.write_text(json.dumps(said))
    assert main(["verify", "run", "--rerun"]) == 1
    assert f"{first['check']} evidence made up is 1" in capsys.readouterr().out
    for one in said["findings"]:
        one["light"] = "green"
    file.write_text(json.dumps(said | {"verdict": "believable", "because": []}))
    capsys.readouterr()
    forged = {one["check"] for one in json.loads(file.read_text())["findings"]}
    code = main(["verify", "run", "--rerun"])
    out = capsys.readouterr().out
    if "rounding" in request.node.name:
        assert code == 1, forged
        assert "gradients light is 'green', 'red' wanted" in out


@pytest.mark.parametrize("checked", ["plain"], indirect=True)
def test_a_verdict_that_was_taken_away_is_missed(checked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checked / "checks.json").unlink()
    capsys.readouterr()
    assert main(["verify", "run"]) == 1
    assert "checks.json: is missing" in capsys.readouterr().out
