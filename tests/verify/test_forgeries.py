"""Whatever a forger changes, also when he counts everything again that follows from it: a line names it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.tally import column
from tests.mistakes.saying import Said, Say
from tests.verify import of_corruptions, of_explanations, of_files, of_frames, of_maps, of_rows, of_values
from tests.verify.forging import ATTACKED, CLEAN, FORGERIES, PGD, RERUN, Forger, patch, spare

BY_HAND = (
    of_corruptions,
    of_explanations,
    of_files,
    of_frames,
    of_maps,
    of_rows,
    of_values,
)  # they fill the two tables


def found(said: Said, where: str, words: str) -> bool:
    return any(where in line and words in line for line in said.out.splitlines() if line.startswith("    run"))


@pytest.mark.parametrize("name", FORGERIES)
def test_it_is_named_without_the_model(say: Say, honest: Path, forged: Path, name: str) -> None:
    forge, where, words = FORGERIES[name]
    forge(forged)
    spare(forged, honest)
    said = say("verify", "run")
    assert said.code == 1, said
    assert found(said, where, words), said.out


@pytest.mark.parametrize("name", RERUN)
def test_it_is_named_with_the_model(say: Say, honest: Path, forged: Path, name: str) -> None:
    forge, where, words = RERUN[name]
    forge(forged)
    spare(forged, honest)
    said = say("verify", "run", "--rerun", "--device", "cpu")
    assert said.code == 1, said
    assert found(said, where, words), said.out


def nudged(values: np.ndarray, row: int) -> None:
    """Another value in one row, and a likely one."""
    if values.dtype == object:
        values[row] = next(word for word in ("robust", "broken") if word != values[row])
    else:
        values[row] = (values[row] + 1) % 10 if values.dtype.kind in "iu" else 1.05 * values[row] + 0.003


COLUMNS = ["clean_prediction", "clean_confidence", "clean_rank", "label", "index"]
OF_ATTACKS = ["verdict", "prediction", "confidence", "size", "l2", "linf", "ssim"]


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [*COLUMNS, *(column(PGD, 0.1, what) for what in OF_ATTACKS), column("noise", 0.05, "l2")]
)
def test_no_number_of_the_table_can_be_changed(say: Say, forged: Path, name: str) -> None:
    """In any row, all that follows from it counted again: with the model, every one is found."""
    for seed in (0, 1):
        forger = Forger(forged)
        kept = (forger.folder.path / "images.parquet").read_bytes()
        nudged(forger.table[name], int(np.random.default_rng(seed).integers(24)))
        forger.write()
        assert say("verify", "run", "--rerun", "--device", "cpu").code == 1
        (forger.folder.path / "images.parquet").write_bytes(kept)


@pytest.mark.long
@pytest.mark.parametrize("name", ["results.json", "gallery.json", "strip.json"])
def test_no_figure_can_be_changed(say: Say, forged: Path, name: str) -> None:
    file = forged / "evaluations" / ATTACKED / name
    kept = file.read_text("utf-8")
    paths = list(leaves(json.loads(kept)))
    for path in paths[:: max(1, len(paths) // 12)]:
        patch(file, *path, value=lambda it: f"{it}x" if isinstance(it, str) else 1 if it is None else 1.001 * it + 1)
        assert say("verify", "run").code == 1, path
        file.write_text(kept, encoding="utf-8")


def leaves(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON file a value stands."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else None
    if inner is None:
        yield above
    else:
        for key, value in inner:
            yield from leaves(value, (*above, key))


def test_who_was_spared_was_broken_before(say: Say, forged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay import soundness, tally

    for module in (tally, soundness):
        monkeypatch.setattr(module, "VERDICTS", tuple({*tally.VERDICTS, "spared"}))
    forger = Forger(forged)
    broken = np.flatnonzero(forger.table[column("fgsm", 0.05, "verdict")] == "broken")
    forger.table[column(PGD, 0.05, "verdict")][broken[0]] = "spared"  # by fgsm, at the same eps
    forger.table[column("noise", 0.1, "verdict")][broken[0]] = "spared"  # by fgsm, at a smaller one
    forger.write()
    told = "says 'spared', but nothing had broken it"
    assert told not in say("verify", "run").out
    forger.table[column("noise", 0.05, "verdict")][broken[0]] = "spared"  # noise comes before fgsm
    forger.write()
    assert f"noise at eps 0.05 {told}" in say("verify", "run").out


@pytest.mark.parametrize("damage", [b"", b"\xff\x00{[" * 50], ids=["empty", "scribbled"])
@pytest.mark.parametrize(
    "name",
    [
        "results.json",
        "images.parquet",
        "adversarial.safetensors",
        "costs.json",
        "config.json",
        "gallery.safetensors",
        "env.json",
    ],
)
def test_a_damaged_file_is_a_line_and_the_rest_is_looked_at(say: Say, forged: Path, name: str, damage: bytes) -> None:
    (forged / "evaluations" / ATTACKED / name).write_bytes(damage)
    said = say("verify", "run")
    assert said.code == 1
    assert found(said, name, "is damaged"), said.out
    assert not found(said, CLEAN, "")
