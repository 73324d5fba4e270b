"""The panels of calibration and of corruptions, from folders made by hand: their numbers, and evil names."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from assay.corrupted_folder import corrupted_of
from assay.report.calibration import FEW, calibration
from assay.report.corruptions import corruptions
from assay.report.page import page
from assay.report.seen import look
from assay.run_folder import Run, open_run
from assay.tally import column, corrupted
from tests.report.runs import ATTACKED, CLEAN, SHAPE, N, make_run
from tests.report.test_report import Outline

EVIL = "<script>alert(1)</script>"


def text(panel: Any) -> str:
    plain = re.sub(r"<[^>]+>", " ", str(panel.body)).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", plain)


def worn(run: Run, name: str = "digits-test-24-abcdef", lost: int = 4) -> None:
    """Every image is right, but under noise: there strength s takes `lost` × s of the 24."""
    labels = np.arange(N) % 10
    table = {"index": np.arange(N), "label": labels, "clean_prediction": labels, "clean_confidence": np.full(N, 0.75)}
    for kind in ("blur", "noise"):
        for strength in (1, 2):
            wrong = (np.arange(N) < lost * strength) & (kind == "noise")
            table[column(kind, strength, "prediction")] = np.where(wrong, (labels + 1) % 10, labels)
            table[column(kind, strength, "confidence")] = np.full(N, 0.75)
    about = {"data": "digits", "split": "test", "n": N, "fingerprint": "f", "classes": [str(k) for k in range(10)]}
    about |= {"shape": list(SHAPE), "seed": 0, "weights": "w", "trained_on": 0, "device": "cpu", "access": "gradients"}
    units = {"blur": f"of the {EVIL}", "noise": "of [0, 1]"}
    about["corruptions"] = [{"name": kind, "amounts": [0.1, 0.2], "unit": unit} for kind, unit in units.items()]
    folder = corrupted_of(run, name)
    folder.write_table("images.parquet", table)
    folder.write_arrays("examples.safetensors", {"images": np.zeros((2, 3, *SHAPE), np.uint8)})
    folder.write_json("results.json", corrupted(table, ["blur", "noise"], [1, 2]))
    folder.write_json("env.json", {})
    folder.write_json("config.json", about)


def test_the_numbers_of_corruptions(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    worn(run)
    found = text(corruptions(look([run])))
    assert "run: 100.0 % (86.2–100.0) on 24 clean test images of digits, 87.5 %" in found  # 84 of 96
    assert "What hurts most: noise, 75.0 %" in found
    assert re.search(r"run noise 2 0\.2 66\.7 % \(.{9}\) 8\.3 % 24", found)
    assert re.search(r"run blur 1 0\.1 100\.0 % \(.{10}\) 25\.0 % 24", found)
    html = page([run])
    assert EVIL not in html
    assert Outline(html).stack == []


def test_runs_are_drawn_on_one_scale_where_both_have_looked(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("one", "other", "none")]
    worn(runs[0])
    worn(runs[0], "digits-test-24-later")
    worn(runs[1], lost=8)
    panel = corruptions(look([open_run(run.path) for run in runs]))
    assert "one: 100.0 %" in text(panel)
    assert "other falls from 100.0 % to 33.3 %" in text(panel)
    assert str(panel.body).count("<svg") == 2
    assert "none:" not in text(panel)


def test_the_numbers_of_calibration(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    found = text(calibration(look([run])))
    assert "run is 70.0 % sure on average, and right in 66.7 %" in found  # from 0.5 to 0.9; every third is wrong
    assert re.search(r"run fgsm 0\.1 8 50\.0 % \d\d\.\d % \d of 8", found)
    assert f"at least {FEW} images" in found


def test_a_black_box_that_answers_classes_has_no_calibration(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for name in (CLEAN, ATTACKED):
        folder = run.evaluation(name)
        folder.write_json("config.json", {**folder.read_json("config.json"), "access": "labels"})
    assert calibration(look([run])).fill
