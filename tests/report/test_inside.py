"""Class images and attacked twins: side by side, in numbers that follow from the arrays, escaped, and never damaged."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.report.activations import activations
from assay.report.class_images import SHOWN, class_images, probabilities
from assay.report.seen import look
from assay.run_folder import Explanation, Run
from assay.tally import moved
from tests.report.runs import bare_run

EVIL = "<script>alert(1)</script>"
NAMES = ("ape", "bee", EVIL)
ABOUT: dict[str, Any] = {"method": "class_image", "name": "class_image", "kind": "class_images", "maps": ["image"]}
ABOUT |= {"unit": "pixels of [0, 1]", "words": [f"a word {EVIL}"]}


def made(run: Run, classes: tuple[str, ...] = NAMES, channels: int = 1) -> Explanation:
    """Class images from two noises for each class; the second of class 0 never fired."""
    folder, n, k = run.explanation("class_image"), 2 * len(classes), len(classes)
    rng, of = np.random.default_rng(0), np.arange(n) // 2
    logits = rng.normal(size=(n, k)).astype(np.float32)
    logits[np.arange(n), of] = 5
    logits[2, :2] = (7, 5)  # rather class 0 than its class
    arrays = {"map.image": rng.random((n, channels, 6, 5)).astype(np.float32), "explained": of, "logits": logits}
    arrays |= {"start": np.arange(n) % 2, "kept": np.full(n, 2), "stopped": np.full(n, 2), "steps": np.arange(3)}
    arrays["stopped"][1] = arrays["kept"][1] = 0
    arrays |= {f"curve.{what}": rng.random((n, 3)).astype(np.float32) for what in ("logit", "probability")}
    folder.write_arrays("class_images.safetensors", arrays)
    folder.write_json("config.json", {"schema": 2, **ABOUT, "classes": list(classes)})
    return folder


def twinned(run: Run, far: float) -> Explanation:
    """Activations of two images, and of twins that differ by `far` everywhere."""
    folder, rng = run.explanation("activations-attacked"), np.random.default_rng(0)
    images = rng.integers(0, 200, (2, 1, 6, 5)).astype(np.uint8)
    maps = rng.normal(size=(2, 20, 4, 4)).astype(np.float16)
    arrays = {"images": images, "labels": np.array([0, 1]), "index": np.array([3, 4]), "map.conv 1": maps}
    arrays |= {"attacked": (images / 255 + far).astype(np.float32), "attacked.conv 1": maps + np.float16(far)}
    folder.write_arrays("activations.safetensors", arrays)
    about = {"method": "activations", "name": "activations", "kind": "activations", "maps": ["conv 1"]}
    about |= {"unit": "u", "words": [], "classes": list(NAMES), "attack": "pgd(steps=40)", "threat": "linf(0.2)"}
    folder.write_json("config.json", {"schema": 2, **about})
    return folder


def pair(tmp_path: Path) -> list[Run]:
    return [bare_run(tmp_path / name, NAMES) for name in ("plain", "hardened")]


def text(body: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", str(body))).replace("\N{NO-BREAK SPACE}", " ")


def test_both_models_stand_in_one_table_with_what_they_reached(tmp_path: Path) -> None:
    runs = pair(tmp_path)
    for run in runs:
        folder = made(run)
    body = class_images(look(runs)).body
    assert str(body).count("<h3>") == 1
    assert str(body).count("<svg") == 2
    assert str(body).count("<table") == 2  # one for each noise, the second folded
    assert len(re.findall(r"plain: what it takes for", str(body))) == 6
    sure = probabilities(folder.read_arrays("class_images.safetensors")["logits"].astype(float))
    shown = text(body)
    assert f"plain {100 * sure[0, 0]:.1f} % logit 5.0 {100 * sure[2, 1]:.1f} % logit 5.0 rather ape" in shown
    assert shown.count("never fired") == 2
    assert EVIL not in str(body)
    assert "rather bee" not in shown


def test_what_is_nearly_sure_is_not_said_to_be(tmp_path: Path) -> None:
    run = bare_run(tmp_path / "run", NAMES)
    folder = made(run)
    arrays = folder.read_arrays("class_images.safetensors")
    arrays["logits"][0] = (12, 0, 0)
    folder.write_arrays("class_images.safetensors", arrays)
    assert "> 99.9 %" in text(class_images(look([run])).body).replace("&gt;", ">")


def test_models_of_other_classes_or_noises_stand_apart_and_many_classes_are_capped(tmp_path: Path) -> None:
    runs = pair(tmp_path)
    made(runs[0])
    made(runs[1], ("ape", "bee", "cat"))
    assert str(class_images(look(runs)).body).count("<h3>") == 2
    many = bare_run(tmp_path / "many", tuple(map(str, range(40))))
    made(many, tuple(map(str, range(40))), 3)
    body = class_images(look([many])).body
    assert f"the first {SHOWN} of 40 classes" in text(body)
    assert str(body).count("what it takes for") == 2 * SHOWN


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("logits", lambda array: array[:, :2]),
        ("explained", lambda array: array + 3),
        ("start", lambda array: array[1:]),
        ("stopped", lambda array: array.astype(np.float32)),
        ("steps", lambda array: array[:2]),
        ("curve.logit", lambda array: array * np.float32("nan")),
        ("curve.probability", lambda array: array[:, 0]),
        ("map.image", lambda array: array[:, [0, 0]]),
        ("map.image", lambda array: array[:2]),
    ],
)
def test_damaged_class_images_are_named(tmp_path: Path, key: str, change: Any) -> None:
    run = bare_run(tmp_path / "run", NAMES)
    folder = made(run)
    arrays = folder.read_arrays("class_images.safetensors")
    folder.write_arrays("class_images.safetensors", arrays | {key: change(arrays[key])})
    with pytest.raises(ValueError, match=r"class_images.safetensors is damaged"):
        class_images(look([run]))


def test_twins_are_drawn_beside_their_images_with_the_number_of_each_layer(tmp_path: Path) -> None:
    runs = pair(tmp_path)
    folders = [twinned(run, far) for run, far in zip(runs, (0.1, 0.2), strict=True)]
    body = activations(look(runs)).body
    assert str(body).count("<h3>") == 1
    assert len(re.findall(r"conv 1, ape · image 3: (clean|attacked|difference)", str(body))) == 2 * 3
    for folder in folders:
        arrays = folder.read_arrays("activations.safetensors")
        far = moved(arrays["map.conv 1"], arrays["attacked.conv 1"])
        assert f"{far.mean():.3g} ({far.min():.3g} to {far.max():.3g})" in text(body)
        assert f"moved by {far[0]:.2g} of its size" in text(body)
    assert "the first 8 filters" in text(body)
    assert EVIL not in str(body)


@pytest.mark.parametrize("key", ["attacked", "attacked.conv 1"])
@pytest.mark.parametrize("change", [None, lambda array: array[:1], lambda array: array * np.float16("nan")])
def test_damaged_twins_are_named(tmp_path: Path, key: str, change: Any) -> None:
    run = bare_run(tmp_path / "run", NAMES)
    folder = twinned(run, 0.1)
    arrays = folder.read_arrays("activations.safetensors")
    kept = {name: array for name, array in arrays.items() if name != key}
    folder.write_arrays("activations.safetensors", kept | ({key: change(arrays[key])} if change else {}))
    with pytest.raises(ValueError, match=r"activations.safetensors is damaged: .*attacked"):
        activations(look([run]))


def test_without_any_the_commands_are_told(tmp_path: Path) -> None:
    fill = class_images(look([bare_run(tmp_path / "run", NAMES)])).fill
    assert fill is not None
    assert fill.endswith("--method class_image")
