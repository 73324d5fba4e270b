"""The file that makes an imported network is a part of it, as its weights are."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from assay.cli import main

NET = """
import torch

def net():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network's file, imported as `run`."""
    monkeypatch.chdir(tmp_path)
    file = Path("mine.py")
    file.write_text(NET)
    own = torch.Generator().manual_seed(0)
    weights = {"1.weight": torch.randn(10, 64, generator=own), "1.bias": torch.zeros(10)}
    safetensors.torch.save_file(weights, "weights.safetensors")
    assert main(["import", "mine.py:net", "--weights", "weights.safetensors", "--data", "digits", "--out", "run"]) == 0
    return file


def test_the_file_as_it_was_is_confirmed(file: Path) -> None:
    assert file.exists()
    assert main(["verify", "run"]) == 0


def test_another_file_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(NET.replace("Linear(64, 10)", "Linear(64, 10), torch.nn.Identity()"))
    capsys.readouterr()
    assert main(["verify", "run"]) == 1
    assert "mine.py has" in capsys.readouterr().out


def test_a_file_that_is_gone_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.unlink()
    capsys.readouterr()
    assert main(["verify", "run"]) == 0
    assert "the network's code" in capsys.readouterr().out
