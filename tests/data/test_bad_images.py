"""Images of every form, right to the pixel; and files that are none, which are named and can be left out."""

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.data import Wish, load
from assay.data.decode import Unreadable, _chunk, decode, probe
from tests.data.bad import N, Refuse, encoded, good, only, png_header, refuse, shade, splits
from tests.mistakes.saying import Say, say

__all__ = ["refuse", "say"]
RED, CLEAR = (200, 10, 30), (0, 0, 0, 0)


def flat(colour: object, mode: str = "RGB", kind: str = "PNG", **options: object) -> bytes:
    return encoded(Image.new(mode, (4, 3), colour), kind, **options)  # type: ignore[arg-type]


def palette(**options: object) -> bytes:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([0, 0, 0, *RED])
    return encoded(image, "PNG", **options)


def frames(kind: str) -> bytes:
    first, *others = [Image.new("RGB", (4, 3), (level, level, level)) for level in (50, 150, 250)]
    return encoded(first, kind, save_all=True, append_images=others, **({"lossless": True} if kind == "WEBP" else {}))


def floats(value: float) -> bytes:
    return encoded(Image.fromarray(np.full((3, 4), value, np.float32)), "TIFF")


FORMS = {
    "grey": (flat(77, "L"), (77, 77, 77)),
    "colour": (flat(RED), RED),
    "opaque": (flat((*RED, 255), "RGBA"), RED),
    "transparent": (flat(CLEAR, "RGBA"), (255, 255, 255)),
    "half": (flat((200, 0, 0, 128), "RGBA"), (227, 127, 127)),
    "grey, half": (flat((0, 128), "LA"), (127, 127, 127)),
    "palette": (palette(), RED),
    "palette, clear": (palette(transparency=1), (255, 255, 255)),
    "palette, other clear": (palette(transparency=0), RED),
    "colour, clear": (flat(RED, transparency=RED), (255, 255, 255)),
    "grey, clear": (flat(77, "L", transparency=77), (255, 255, 255)),
    "one bit": (flat(1, "1"), (255, 255, 255)),
    "16 bits": (encoded(Image.fromarray(np.full((3, 4), 0x80FF, np.uint16))), (128, 128, 128)),
    "16 bits, TIFF": (encoded(Image.fromarray(np.full((3, 4), 0x80FF, np.uint16)), "TIFF"), (128, 128, 128)),
    "32 bits": (encoded(Image.fromarray(np.full((3, 4), 0x80FF, np.int32)), "TIFF"), (128, 128, 128)),
    "floats": (floats(0.5), (128, 128, 128)),
    "CMYK": (flat((0, 255, 255, 0), "CMYK", "TIFF"), (255, 0, 0)),
    "GIF": (frames("GIF"), (50, 50, 50)),
    "APNG": (frames("PNG"), (50, 50, 50)),
    "WebP": (frames("WEBP"), (50, 50, 50)),
    "TIFF": (frames("TIFF"), (50, 50, 50)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_to_the_pixels_that_one_sees(tmp_path: Path, form: str) -> None:
    content, wanted = FORMS[form]
    found = only(tmp_path / "set", content)
    assert found.shape == (3, 3, 4)
    assert (found == np.array(wanted, np.uint8)[:, None, None]).all(), found[:, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_is_turned_back(tmp_path: Path, orientation: int, kind: str) -> None:
    upright = np.zeros((24, 16, 3), np.uint8)
    upright[:8, :8] = 255  # white in the upper left, grey below
    upright[16:, :8] = 128
    turns = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what a camera did that says so (Transpose)
    image, exif = Image.fromarray(upright), Image.Exif()
    exif[0x0112] = orientation
    taken = image if turns[orientation] is None else image.transpose(Image.Transpose(turns[orientation]))
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    content = encoded(taken, kind, exif=exif, **options)
    assert probe(content) == (3, 24, 16)
    found = only(tmp_path / "set", content)
    assert np.abs(found.astype(int) - upright.transpose(2, 0, 1)).max() <= (4 if kind == "JPEG" else 0)


def test_images_as_thin_as_can_be(tmp_path: Path) -> None:
    assert only(tmp_path / "dot", shade(9, (1, 1)), 1).tolist() == [[[9]]]
    assert only(tmp_path / "line", shade(9, (1, 5000)), 1).shape == (1, 5000, 1)
    assert (only(tmp_path / "cut", shade(9, (1, 5000)), 1, (8, 8)) == 9).all()
    assert (only(tmp_path / "grown", shade(9, (5000, 1)), 1, (64, 64)) == 9).all()


UNREADABLE = {
    "empty.png": (b"", "it is empty"),
    "text.png": (b"<html>404</html>", "it is no image, or of a kind that nobody here knows"),
    "half.png": (shade(3, (60, 60))[:70], ""),
    "bomb.png": (png_header(30_000, 30_000), "900000000 pixels"),
    "giant.png": (png_header(2**31 - 1, 2**31 - 1), ""),
    "none.png": (png_header(0, 4), ""),
    "fits.png": (png_header(9_000, 9_000), ""),
    "nan.tif": (floats(float("nan")), "its pixels run from nan to nan, 0 to 1 wanted"),
    "bright.tif": (floats(1e30), "its pixels run from 1e+30 to 1e+30, 0 to 1 wanted"),
    "below.tif": (encoded(Image.fromarray(np.full((3, 4), -1, np.int32)), "TIFF"), "from -1 to -1, 0 to 65535 wanted"),
    "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is no image"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_one_that_cannot_be_read_is_named_and_can_be_left_out(
    refuse: Refuse, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = splits(good(tmp_path / "set"))
    content, said = UNREADABLE[name]
    bad = tmp_path / "set/cat" / f"00 {name}"  # before all others
    bad.write_bytes(content)
    tracemalloc.start()
    line = refuse("data", "describe", f"folder:{tmp_path / 'set'}")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert line.startswith(f"{bad} cannot be read: ")
    assert said in line
    assert line.endswith("; --skip-bad goes on without such images")
    assert most < 100_000_000
    told = say("data", "describe", f"folder:{tmp_path / 'set'}", "--skip-bad", "--out", tmp_path / "sheet.png")
    assert told.code == 0
    assert f"set: left out, as they cannot be read, 1 images: {bad}" in told.err
    found = splits(tmp_path / "set", skip_bad=True)
    assert sum(map(len, found.values())) == sum(map(len, before.values())) == 2 * N
    by_index = {int(index): image for one in found.values() for index, image in zip(one.index, one.images, strict=True)}
    assert sorted(by_index) == list(range(1, 2 * N + 1))
    assert all(bool((image == index - 1).all()) for index, image in by_index.items())


def test_the_others_keep_their_index_and_their_split(tmp_path: Path) -> None:
    before = splits(good(tmp_path / "set"))
    for row in (0, 5, 11):
        (tmp_path / "set/dog" / f"{row:02}.png").write_bytes(b"spoilt")
    after = splits(tmp_path / "set", skip_bad=True)
    bad = {N, N + 5, N + 11}
    for split, one in before.items():
        assert after[split].index.tolist() == [index for index in one.index.tolist() if index not in bad]
        assert (after[split].images[:, 0, 0, 0] == after[split].index).all()  # each has its own shade
    with pytest.raises(ValueError, match="cannot be read"):
        splits(tmp_path / "set")


def test_all_images_of_a_split_are_bad(refuse: Refuse, tmp_path: Path) -> None:
    good(tmp_path / "set/train")
    for name in ("cat", "dog"):
        (tmp_path / "set/test" / name).mkdir(parents=True)
        (tmp_path / "set/test" / name / "a.png").write_bytes(b"spoilt")
    words = ("train", "small_cnn", "--data", f"folder:{tmp_path / 'set'}", "--skip-bad", "--out", tmp_path / "run")
    with pytest.raises(ValueError, match="set: none of the test images can be read"):
        load(f"folder:{tmp_path / 'set'}", "test", wish=Wish(skip_bad=True))
    assert "none of the test images can be read" in refuse(*words)
    for file in (tmp_path / "set").rglob("*.png"):
        file.write_bytes(b"spoilt")
    assert refuse(*words).endswith("set: none of 26 images can be read")


def test_what_is_no_file_does_not_keep_one_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "folder.jpg").mkdir()
    wanted = {
        "pipe.jpg": "it is no file",
        "zero.jpg": "it is no file",
        "gone.jpg": "No such file or directory",
        "loop.jpg": "Too many levels of symbolic links",
        "folder.jpg": "it is no file",
    }
    for name, why in wanted.items():
        for shape in (None, (3, 8, 8)):
            assert _chunk([(name, tmp_path / name)], shape) == [Unreadable(name, why)]


def test_a_name_that_a_terminal_would_obey_is_escaped() -> None:
    (found,) = _chunk([("a\n\x1b[31m\u202e\udcff×é🙂.png", b"")], None)
    assert found.name == "a\\n\\x1b[31m\\u202e\\udcff×é🙂.png"


def test_a_large_jpeg_is_never_whole_in_memory() -> None:
    content = encoded(Image.new("RGB", (4000, 3000), RED), "JPEG")
    image = Image.open(io.BytesIO(content))
    image.draft(None, (64, 64))
    assert image.size[0] <= 500
    assert decode(content, (3, 64, 64)).shape == (3, 64, 64)
