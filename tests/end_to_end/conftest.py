"""The demo, run once for all workers, with no network to reach."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from assay.cli import main
from tests.mistakes.saying import of_all_workers


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `assay demo` made while every attempt to open a socket raised."""
    shared = of_all_workers(tmp_path_factory)
    out = shared / "demo"
    with FileLock(shared / "demo.lock"):
        if not (out / "report.html").exists():
            _run_offline(out)
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _run_offline(out: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the demo reached for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        patch.setattr(socket, "create_connection", refuse)
        patch.delenv("ASSAY_DATA", raising=False)
        assert main(["demo", "--out", str(out), "--force"]) == 0
