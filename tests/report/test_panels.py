"""Each panel with data, without, and with class names that would break a page, a figure or a formula."""

import base64
import io
import re
import shutil
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.report import sheet as sheets
from assay.report.page import PANELS, page
from assay.report.per_class import per_class
from assay.report.pictures import picture, upright
from assay.report.seen import look
from assay.run_folder import open_run
from tests.report.runs import ATTACKED, bare_run, images_of, make_run
from tests.report.test_report import Outline

EVIL = "<script>alert(1)</script>"
LONG = "a very long name of a class that goes on, and on, and on, on"
NAMES = {
    "script": (EVIL, "b", '"><img src=x>'),
    "formula": (r"$\alpha$", r"$\no", "a$b$c"),
    "long": (LONG, LONG[::-1], "c"),
    "unicode": ("猫", "🙂", "Ωµ"),
    "two": ("no", "yes"),
    "hundred": tuple(f"class {number}" for number in range(100)),
    "many": tuple(f"class {number}" for number in range(250)),
}


def panels_of(*paths: Path) -> dict[str, object]:
    seen = look([open_run(path) for path in paths])
    return {panel.__name__: panel(seen) for panel in PANELS}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 6, 5), pytest.param((3, 9, 4), marks=pytest.mark.slow)])
@pytest.mark.parametrize("names", NAMES)
def test_classes_of_any_name(tmp_path: Path, names: str, shape: tuple[int, int, int]) -> None:
    html = page([make_run(tmp_path / "run", NAMES[names], shape)])
    outline = Outline(html)
    assert outline.stack == []
    assert outline.scripts == 1
    assert len(outline.ids) == len(set(outline.ids))
    assert all(image["alt"] for image in outline.images)
    assert all(image.get("src", "").startswith("data:") for image in outline.images)  # type: ignore[union-attr]


def test_names_are_in_the_page_as_they_are(tmp_path: Path) -> None:
    html = page([make_run(tmp_path / "run", (*NAMES["formula"], EVIL, LONG))])
    assert html.count(r"$\alpha$") > 3
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert LONG in html


@pytest.mark.slow
@pytest.mark.parametrize("name", ["$\\alpha$", "a$\\no$b", "_hidden", "<b>bold", "x" * 120])
def test_runs_of_any_name(tmp_path: Path, name: str) -> None:
    html = page([make_run(tmp_path / name), make_run(tmp_path / "other")])
    assert Outline(html).stack == []
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert sum(escape(name, quote=False) in re.sub(r"<(title|desc).*?</\1>", "", one) for one in drawn) >= 4, "legends"


def test_with_data_every_panel_is_filled_but_those_of_other_verbs(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    found = panels_of(tmp_path / "run")
    empty = {name for name, panel in found.items() if panel.fill}  # type: ignore[attr-defined]
    others = {"explanations", "filters", "activations", "class_images", "corruptions", "certified"}
    assert empty == others | {"checks", "doctor", "cost", "universal"}
    assert all(panel.body for name, panel in found.items() if name not in empty)  # type: ignore[attr-defined]


def test_without_data_every_panel_says_which_command_fills_it(tmp_path: Path) -> None:
    bare_run(tmp_path / "run")
    found = panels_of(tmp_path / "run")
    for name in ("reproduce", "limits"):
        assert found.pop(name).fill is None  # type: ignore[attr-defined]
    for name, panel in found.items():
        assert panel.fill.startswith("assay "), name  # type: ignore[attr-defined]
        assert panel.body == "", name  # type: ignore[attr-defined]
    assert page([bare_run(tmp_path / "run")]).count("No data yet.") == len(PANELS) - 2


def test_the_commands_that_fill_panels_can_be_typed(tmp_path: Path) -> None:
    import shlex

    from assay.cli import function_of
    from assay.cli.parsing import read_arguments

    bare_run(tmp_path / "run")
    for name, panel in panels_of(tmp_path / "run").items():
        if panel.fill:  # type: ignore[attr-defined]
            _, verb, *words = shlex.split(panel.fill)  # type: ignore[attr-defined]
            assert read_arguments(verb, function_of(verb), words) is not None, name


def text(panel: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", str(panel.body)))  # type: ignore[attr-defined]


def test_the_numbers_of_the_panels(tmp_path: Path) -> None:
    make_run(tmp_path / "run", ("ape", "bee", "cat", "dog"))
    found = {
        name: text(panel).replace("\N{NO-BREAK SPACE}", " ") for name, panel in panels_of(tmp_path / "run").items()
    }
    # 24 images, 6 of a class; rows 2, 5, 8 … are taken for the next class: 2 of each.
    assert "ape 6 66.7 % 66.7 % 66.7 %" in found["per_class"]
    assert "dog becomes ape in 33.3 %" in found["per_class"]
    # fgsm breaks rows 0, 4, 6, 10 …: 8 of 16 that were right; 72 passes of 16 images.
    assert re.search(r"run fgsm 0\.1 33\.3 % .{0,20} 3\.0 1\.5 1\.50 0\.2 0\.1 0\.75", found["damage"])
    assert "run fgsm 0 66.7 %" in found["damage"]  # at every eps
    assert "eps 0.1" in found["strip"]
    # of 16 that were right: rows 0, 4 (ape), 6, 10, 18, 22 (cat) and 12, 16 (ape) are even and right
    assert "ape becomes bee in 100 % ; cat becomes dog in 100 %" in found["becomes"].replace(" %", " % ").replace(
        "  ", " "
    )
    assert "run 16 8 0.1 0.1 0.1 more than 0.1" in found["smallest"]
    assert "at eps 0.1: run: 3 of 4 pictures are broken" in found["gallery"]
    assert "is cat" in found["predictions"]
    assert "24, 6 a class" in found["contact_sheet"]
    assert "4 classes out" in found["contact_sheet"]
    assert "run 3 3 6.0 s 100 – 66.7 %" in found["training"]


def test_all_runs_are_on_one_plot_of_training(tmp_path: Path) -> None:
    for name in ("one", "other"):
        make_run(tmp_path / name)
    body = str(panels_of(tmp_path / "one", tmp_path / "other")["training"].body)  # type: ignore[attr-defined]
    assert body.count("<svg") == 3  # loss, accuracy, and what they cost
    for name in ("one", "other"):
        assert body.count(f"{name}: validation") == 2
        assert body.count(f"{name}: test") == 1


def test_the_same_data_are_shown_once(tmp_path: Path) -> None:
    for name in ("one", "other"):
        make_run(tmp_path / name)
    body = str(panels_of(tmp_path / "one", tmp_path / "other")["contact_sheet"].body)  # type: ignore[attr-defined]
    assert body.count('class="sheet"') == 1
    make_run(tmp_path / "third", ("a", "b"))
    body = str(panels_of(tmp_path / "one", tmp_path / "third")["contact_sheet"].body)  # type: ignore[attr-defined]
    assert body.count('class="sheet"') == 2


def test_no_image_was_right(tmp_path: Path) -> None:
    """Nothing was attacked, nothing to show of it: the report says so all the same."""
    run = make_run(tmp_path / "run", ("a", "b", "c"))
    for name in run.names("evaluations"):
        folder = run.evaluation(name)
        table = folder.read_table("images.parquet")
        table["clean_prediction"] = np.where(np.arange(len(table["label"])) % 2, (table["label"] + 1) % 3, -1)
        table |= {key: np.full(len(values), "wrong", object) for key, values in table.items() if "verdict" in key}
        folder.write_table("images.parquet", table)
        for file in folder.path.glob("[gsf]*.*"):  # gallery, frames and strip
            file.unlink()
    assert Outline(page([run])).stack == []
    assert per_class(look([run])).body


@pytest.mark.slow
@pytest.mark.parametrize(
    "names", [pytest.param(name, marks=pytest.mark.slow if name == "many" else []) for name in NAMES]
)
def test_a_contact_sheet_is_drawn_for_classes_of_any_name(tmp_path: Path, names: str) -> None:
    from PIL import Image

    from assay.data.describe import contact_sheet

    images = images_of(NAMES[names], (3, 9, 4))
    sheet = contact_sheet(images)
    assert len(sheet) == min(200, len(NAMES[names]))
    for label in (0, 1):
        rows = (images.labels == label).nonzero()[: sheet.shape[1], 0]
        assert (sheet[label, : len(rows)] == images.images[rows]).all()
        assert not sheet[label, len(rows) :].any()
    sheets.draw(sheet.numpy(), NAMES[names], tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        assert min(image.size) > 50


def test_a_picture_three_pixels_wide_is_not_taken_for_its_channels() -> None:
    for channels in (1, 3):
        image = np.random.default_rng(0).integers(0, 256, (channels, 3, 3), np.uint8)
        text = str(picture(upright(image), "x", exact=True))
        drawn = np.asarray(
            Image.open(io.BytesIO(base64.b64decode(text.split("base64,")[1].split('"')[0]))).convert("RGB")
        )
        assert (drawn == np.moveaxis(np.broadcast_to(image, (3, 3, 3)), 0, 2)).all()


def test_nothing_attacked_is_drawn_without_a_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    folder = run.evaluation(ATTACKED)
    costs = folder.read_json("costs.json")
    folder.write_json("costs.json", [{**cost, "forwards": 0, "backwards": 0} for cost in costs])
    assert "Cost against damage" in page([open_run(run.path)])


def test_explanations_of_other_images_stand_apart(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("a", "b")]
    for number, run in enumerate(runs):
        images = np.full((1, 1, 6, 5), 100 * number, np.uint8)  # the same name and index, other pixels
        folder = run.explanation("digits-test-first-saliency")
        maps = {"images": images, "labels": np.zeros(1, int), "index": np.zeros(1, int)}
        maps |= {"explained": np.zeros(1, int), "probability": np.full((1, 10), 0.1, np.float32)}
        folder.write_arrays("maps.safetensors", {"map.saliency": np.ones((1, 6, 5), np.float32), **maps})
        about = {
            "method": "saliency",
            "name": "saliency",
            "kind": "maps",
            "maps": ["saliency"],
            "unit": "u",
            "words": [],
        }
        folder.write_json("config.json", {**about, "classes": list("0123456789")})
    assert page([open_run(run.path) for run in runs]).count("<h3>saliency: is it true?</h3>") == 2


def test_runs_that_were_attacked_in_different_ways_are_not_compared(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("a", "b")]
    alike = page([open_run(run.path) for run in runs])
    config = runs[1].evaluation(ATTACKED).read_json("config.json")
    runs[1].evaluation(ATTACKED).write_json("config.json", {**config, "goal": "least_likely"})
    other = page([open_run(run.path) for run in runs])
    assert ("cannot be compared" in alike, "cannot be compared" in other) == (False, True)
    assert "least_likely" in other


def test_the_runs_own_test_images_are_shown_rather_than_newer_ones_of_others(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.write_json("config.json", {**run.read_json("config.json"), "data": "parquet:/x/digits.parquet"})
    shutil.copytree(run.evaluation(ATTACKED).path, run.evaluation("others").path)
    other = run.evaluation("others")
    other.write_json("config.json", {**other.read_json("config.json"), "data": "others"})  # the newest
    (seen,) = look([run])
    assert seen.attacked is not None
    assert seen.attacked.settings["data"] == "digits"
    assert seen.others == ["others"]
