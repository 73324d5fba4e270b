"""An honest run on the embedded digits, made once; and a copy of it for a forger."""

import contextlib
import io
import shutil
from pathlib import Path

import pytest

from assay.cli import main
from tests.mistakes.saying import alone, say

__all__ = ["alone", "attacked", "forged", "honest", "say"]
ATTACKS = ("--attack", "fgsm", "--attack", "deepfool(steps=5)", "--attack", "pgd(steps=3)")


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read only."""
    path = tmp_path_factory.mktemp("verify") / "honest"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(["train", "digits_cnn", "--epochs", "3", "--images", "400", "--out", str(path)]) == 0
        where = ["--threat", "linf(0.1)", "--eps", "0.05", "--images", "24"]
        assert main(["attack", str(path), *ATTACKS, *where]) == 0
        assert main(["corrupt", str(path), "--images", "24", "--device", "cpu"]) == 0
        methods = (
            "saliency",
            "smoothgrad(samples=4)",
            "integrated_gradients(steps=8)",
            "grad_cam",
            "occlusion(patch=3)",
            "class_image(steps=8, starts=2)",
        )
        assert main(["explain", str(path), *[word for one in methods for word in ("--method", one)]]) == 0
        assert main(["explain", str(path), "--method", "activations", "--attacked", "linf(0.1)"]) == 0
    return path


@pytest.fixture
def forged(honest: Path, alone: Path) -> Path:
    """A copy that may be forged."""
    return shutil.copytree(honest, alone / "run")


@pytest.fixture
def attacked(honest: Path, alone: Path) -> Path:
    """A copy with its evaluations alone."""
    return shutil.copytree(honest, alone / "run", ignore=lambda *_: ["explanations", "corruptions"])
