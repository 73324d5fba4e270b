"""What would take more memory than there is, or hold no numbers: told before it is asked for."""

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from assay.models import weights

Refuse = Callable[..., str]


def test_a_damaged_shape_does_not_ask_for_memory(refuse: Refuse, run: Path) -> None:
    about = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps(about | {"shape": [1, 3000, 3000]}))  # 36 GB of weights
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "the weights do not fit the model: 7.weight has shape " in refuse("model", "describe", "./run")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kilobytes


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.zeros(2, 2).to_sparse(), "torch.sparse_coo, torch.float32"),
        (torch.zeros(2, dtype=torch.complex64), "torch.strided, torch.complex64"),
    ],
    ids=["sparse", "complex"],
)
def test_weights_that_are_no_plain_numbers(alone: Path, value: torch.Tensor, said: str) -> None:
    torch.save({"a": value}, alone / "x.pt")
    with pytest.raises(ValueError, match=rf"x.pt holds a tensor of {said} under 'a', plain ones wanted$"):
        weights.read(alone / "x.pt")


def test_text_that_no_report_could_hold(refuse: Refuse, run: Path) -> None:
    about = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps(about | {"classes": ["\ud800", *map(str, range(9))]}))
    assert refuse("report", "run").startswith("run/model.json is damaged: 'utf-8' codec can't encode character")


METRICS = [
    ({"seconds": 10**300, "images_per_second": 10**300}, "1e+300 is out of range"),
    ({"validation_robust": None}, "validation_robust is missing in some lines"),
]


@pytest.mark.parametrize(("changed", "said"), METRICS, ids=["large", "missing"])
def test_numbers_of_a_training_that_are_none(refuse: Refuse, run: Path, changed: dict[str, object], said: str) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line | changed) + "\n" for line in lines))
    assert refuse("report", "run") == f"run/metrics.jsonl is damaged: {said}"
