"""The panels draw what the folders hold: on one scale, capped and saying so, escaped, and naming what is damaged."""

import base64
import html
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from assay.cli import main
from assay.report.page import page
from assay.report.pictures import GAP, heat, montage, picture, reddened, signed
from assay.run_folder import Explanation, open_run

pytestmark = pytest.mark.slow  # a page is written for each

METHODS = ("saliency", "occlusion(patch=4)", "filters", "filters(layer=2)", "activations")
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def made(finished, tmp_path_factory):
    """A run with an explanation of every kind, and nothing else. To read only."""
    path = shutil.copytree(finished, tmp_path_factory.mktemp("made") / "run")
    for other in ("explanations", "evaluations"):
        shutil.rmtree(path / other)
    words = [word for method in METHODS for word in ("--method", method)]
    assert main(["explain", str(path), *words]) == 0
    return path


@pytest.fixture
def explained(made, alone):
    return shutil.copytree(made, alone / "run")


def folder(run, kind):
    found = [run / "explanations" / name for name in open_run(run).names("explanations")]
    return next(path for path in found if json.loads((path / "config.json").read_text())["kind"] == kind)


def change(path, change_it):
    arrays = safetensors.numpy.load_file(path)
    change_it(arrays)
    arrays = {key: np.asarray(value, order="C") for key, value in arrays.items()}
    path.write_bytes(safetensors.numpy.save(arrays))


def pictures(text):
    """The images in the page, with their texts."""
    found = re.findall(r'<img class="([^"]*)"[^>]*?src="data:image/png;base64,([^"]*)" alt="([^"]*)"', text, re.DOTALL)
    return [
        (kind, np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")), html.unescape(alt))
        for kind, data, alt in found
    ]


def first_map(arrays):
    return next(key for key in sorted(arrays) if key.startswith("map."))


def set_map(change_it):
    def apply(arrays):
        arrays[first_map(arrays)] = change_it(arrays[first_map(arrays)])

    return apply


DAMAGES = {
    "without a map": lambda arrays: arrays.pop(first_map(arrays)),
    "of another dimension": set_map(lambda array: array[0]),
    "of one more dimension": set_map(lambda array: array[None]),
    "empty": set_map(lambda array: array[..., :0]),
    "whole numbers": set_map(lambda array: array.astype(np.int32 if array.dtype.kind == "f" else np.uint8)),
    "bool": set_map(lambda array: array > 0),
    "not finite": set_map(lambda array: array * np.float32("nan")),
}
OF_IMAGES = {
    "fewer rows": set_map(lambda array: array[:-1]),
    "no images": lambda arrays: arrays.pop("images"),
    "no index": lambda arrays: arrays.pop("index"),
    "float images": lambda arrays: arrays.update(images=arrays["images"] / np.float32(255)),
    "wide images": lambda arrays: arrays.update(images=arrays["images"].astype(np.uint16)),
    "flat images": lambda arrays: arrays.update(images=arrays["images"][:, 0]),
    "two channels": lambda arrays: arrays.update(images=arrays["images"].repeat(2, 1)),
    "fewer labels": lambda arrays: arrays.update(labels=arrays["labels"][:-1]),
    "float labels": lambda arrays: arrays.update(labels=arrays["labels"].astype(np.float32)),
    "strange labels": lambda arrays: arrays.update(labels=arrays["labels"] + 10),
    "index a number": lambda arrays: arrays.update(index=np.array(3)),
}
EXPLAINED = {
    "strange classes": lambda arrays: arrays.update(explained=arrays["explained"] - 10),
    "fewer probabilities": lambda arrays: arrays.update(probability=arrays["probability"][:, :3]),
}
CASES = [
    (kind, name, damage)
    for kind, damages in {
        "maps": DAMAGES | OF_IMAGES | EXPLAINED,
        "filters": DAMAGES | {"five channels": set_map(lambda array: array.repeat(5, 1))},
        "activations": DAMAGES | OF_IMAGES,
    }.items()
    for name, damage in damages.items()
]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("kind", "name", "damage"), CASES, ids=[f"{kind}: {name}" for kind, name, _ in CASES])
def test_a_damaged_file_is_named_in_one_line(refuse, explained, kind, name, damage):
    path = folder(explained, kind) / f"{kind}.safetensors"
    change(path, damage)
    assert refuse("report", "run").startswith(f"{path.relative_to(explained.parent)} is damaged: ")


@pytest.mark.parametrize("kind", ["maps", "filters", "activations"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "films"),
        ("kind", None),
        ("maps", []),
        ("maps", ["other"]),
        ("maps", "x"),
        ("words", [3]),
        ("words", None),
        ("classes", 3),
        ("unit", 3),
    ],
)
def test_a_damaged_config_is_named_in_one_line(refuse, explained, kind, key, value):
    path = folder(explained, kind) / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, key: value}))
    assert " is damaged: " in refuse("report", "run")


@pytest.mark.parametrize("kind", ["maps", "filters", "activations"])
def test_a_file_that_is_gone_or_of_another_kind(refuse, explained, kind):
    path = folder(explained, kind) / f"{kind}.safetensors"
    (explained / "arrays").write_bytes(path.read_bytes())
    path.unlink()
    assert f"{kind}.safetensors is missing" in refuse("report", "run")
    other = {"maps": "filters", "filters": "activations", "activations": "maps"}[kind]
    config = json.loads((path.parent / "config.json").read_text())
    (path.parent / "config.json").write_text(json.dumps({**config, "kind": other}))
    path.with_name(f"{other}.safetensors").write_bytes((explained / "arrays").read_bytes())
    assert f"{other}.safetensors is damaged" in refuse("report", "run")


@pytest.mark.parametrize(("number", "right"), [(-1, True), (-2, False), (9, True), (10, False)])
def test_a_class_that_is_none_is_found_and_no_prediction_is_drawn(say, explained, number, right):
    path = next(path for path in explained.glob("explanations/*occlusion*/maps.safetensors"))
    change(path, lambda arrays: arrays["map.class"].flat.__setitem__(0, number))
    said = say("report", "run")
    assert said.code == (0 if right else 2), said
    assert right or f"label {number} is out of range" in said.err
    if number == -1:
        assert "none&nbsp;" in Path("report.html").read_text()


def test_what_a_user_wrote_is_escaped(explained):
    for path in explained.glob("explanations/*/config.json"):
        config = json.loads(path.read_text())
        arrays = path.with_name(f"{config['kind']}.safetensors")
        names = {name: f"{name} {EVIL}" for name in config["maps"] if name != "class"}
        config["maps"] = [names.get(name, name) for name in config["maps"]]
        config["words"] = [f"{line} {EVIL}" for line in config["words"]]
        config["classes"] = [f"{name}{EVIL}" for name in config["classes"]]
        config |= {"method": EVIL, "unit": EVIL}
        path.write_text(json.dumps(config))
        change(
            arrays,
            lambda found, names=names: [
                found.update({f"map.{new}": found.pop(f"map.{old}")}) for old, new in names.items()
            ],
        )
    text = page([open_run(explained)])
    assert EVIL not in text
    assert text.count("<script") == 1  # the page's own
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 50


def test_each_kind_has_its_panel(explained):
    text = page([open_run(explained)])
    sections = dict(re.findall(r'<section id="(\w+)"(.*?)</section>', text, re.DOTALL))
    montages = {
        name: sum(kind.startswith("pixels montage") for kind, *_ in pictures(body)) for name, body in sections.items()
    }
    assert montages == dict.fromkeys(sections, 0) | {"filters": 2, "activations": 12}  # 6 images, 2 layers
    assert "filters dead on 6 images" in sections["activations"]
    assert "saliency map" in sections["explanations"]
    assert "conv" not in sections["explanations"]
    assert all(alt for _, _, alt in pictures(text))
    for panel in ("filters", "activations"):
        assert f"--method {panel}" not in sections[panel]
        shutil.rmtree(folder(explained, panel))
    shutil.rmtree(folder(explained, "filters"))
    text = page([open_run(explained)])
    assert all(f"--method {panel}" in text for panel in ("filters", "activations"))


def test_runs_are_drawn_on_one_scale(explained):
    other = shutil.copytree(explained, explained.with_name("other"))
    change(folder(other, "filters") / "filters.safetensors", set_map(lambda array: array * 4))
    arrays = Explanation(folder(other, "filters")).read_arrays("filters.safetensors")
    largest = np.abs(arrays[first_map(arrays)]).max()
    text = page([open_run(explained), open_run(other)])
    assert f"red is {largest:.3g}" in text
    near, far = (drawn for _, drawn, alt in pictures(text) if alt.endswith("conv 1: the filters, row by row"))
    spread = [np.abs(drawn[GAP:-GAP].astype(int) - 247).max() for drawn in (near, far)]
    assert spread[0] < spread[1]  # the weaker is paler


def test_a_run_that_explains_other_images_stands_by_itself(say, explained):
    other = shutil.copytree(explained, explained.with_name("other"))
    kinds = {"maps": "saliency map", "activations": "what its filters answer"}
    for kind in kinds:
        change(folder(other, kind) / f"{kind}.safetensors", lambda arrays: arrays.update(index=arrays["index"] + 1))
        path = folder(other, kind) / f"{kind}.safetensors"
        change(path, lambda arrays: [arrays.update({key: value[:2]}) for key, value in list(arrays.items())])
    assert say("report", "run", "other").code == 0


def test_many_filters_are_capped_and_the_dead_are_framed(explained):
    path = folder(explained, "activations") / "activations.safetensors"

    def more(arrays):
        maps = arrays["map.conv 1"].repeat(3, 1)
        maps[:, 5] = -1
        arrays["map.conv 1"] = maps

    change(path, more)
    text = page([open_run(explained)])
    assert "the first 64 of 96 are drawn" in text
    assert "nowhere above 0, counted from 0: 5" in text
    first = next(drawn for _, drawn, alt in pictures(text) if "conv 1: what its filters" in alt)
    side = first.shape[1] // 8
    assert first.shape[0] == first.shape[1]
    tile = first[GAP:side, 5 * side + GAP : 6 * side]
    assert (tile[0] == 0).all()
    assert (tile[:, 0] == 0).all()
    assert (first[GAP:side, 4 * side + GAP : 5 * side][0] > 0).any()


def shown(markup):
    return pictures(str(markup))[0][1]


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (8, 8), (28, 28), (31, 65), (128, 128), (1, 300), (300, 1)])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 64])
def test_a_montage_holds_every_tile(shape, n):
    tiles = [np.full((*shape, 3), 10 + number, dtype=np.uint8) for number in range(n)]
    whole = shown(montage(tiles, "grid"))
    assert set(np.unique(whole)) == {128, *range(10, 10 + n)}
    assert max(whole.shape) <= 8 * (48 + GAP) + GAP


def test_colours_are_kept_exactly():
    rng = np.random.default_rng(0)
    for colours in (2, 256, 257, 3000):
        pixels = rng.integers(0, 256, (colours, 3), dtype=np.uint8)[np.arange(3000) % colours].reshape(60, 50, 3)
        assert (shown(picture(pixels, "x")) == pixels).all()
    assert (shown(picture(pixels[..., :1], "x"))[..., 0] == pixels[..., 0]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_red_lies_over_the_image_in_proportion(channels):
    image = np.full((channels, 1, 3), 255, dtype=np.uint8)
    image[:, 0, 2] = 0
    drawn = reddened(image, np.array([[0.0, 1.0, 0.0]]), 1.0)
    assert drawn[0, 0].tolist() == [255, 255, 255]
    assert drawn[0, 1, 0] > 200
    assert drawn[0, 1, 1] == 0
    assert drawn[0, 2].tolist() == [178, 178, 178]  # pale: red can be told from black
    half = reddened(image, np.full((1, 3), 0.5), 1.0).astype(float)
    assert abs(half[0, 0] - (drawn[0, 0] + drawn[0, 1].astype(float)) / 2).max() <= 1
    assert (reddened(image, np.zeros((1, 3)), 0.0)[0, 0] == 255).all()


def test_scales_of_nothing_do_not_divide_by_it():
    assert signed(np.zeros((1, 2, 2)), 0.0).shape == (2, 2, 3)
    assert heat(np.zeros((2, 2)), 0.0).shape == (2, 2, 3)
