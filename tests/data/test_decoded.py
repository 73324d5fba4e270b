"""Images of folders and Parquet files: the same in both, decoded once, mapped into memory, renewed when edited."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from assay.data import SPLITS, Wish, decode, load
from tests.data.pictures import CLASSES, FORMS, Parts, as_folder, as_parquet, photographs, png

PARTS = photographs(FORMS["two"])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return as_folder(tmp_path / "pictures", PARTS)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many images were decoded since it was last asked."""
    calls: list[object] = []
    honest = decode.decode

    def counted(encoded, shape):  # type: ignore[no-untyped-def]
        calls.append(encoded)
        return honest(encoded, shape)

    def count() -> int:
        n = len(calls)
        calls.clear()
        return n

    monkeypatch.setattr(decode, "decode", counted)
    return count


def n_of(parts: Parts) -> int:
    return sum(len(part.labels) for part in parts.values())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_a_folder_and_a_parquet_file_of_the_same_images_are_the_same(tmp_path: Path, form: str, channels: int) -> None:
    parts = photographs(FORMS[form], (channels, 6, 5))
    one = f"folder:{as_folder(tmp_path / 'one', parts)}"
    other = f"parquet:{as_parquet(tmp_path / 'other', parts)}"
    for split in SPLITS:
        ours, theirs = load(one, split), load(other, split)
        assert ours.shape == (channels, 6, 5)
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
        assert torch.equal(ours.index, theirs.index)
        assert ours.classes == theirs.classes == CLASSES
        assert ours.fingerprint == theirs.fingerprint


def test_the_fingerprint_of_the_cache_is_that_of_the_images(pictures: Path) -> None:
    for split in SPLITS:
        found = load(f"folder:{pictures}", split)
        assert found.content
        assert found.fingerprint == found.rows(slice(None)).fingerprint


def test_one_parquet_file_is_enough(tmp_path: Path) -> None:
    folder = as_parquet(tmp_path / "set", photographs(FORMS["whole"]))
    (file,) = folder.iterdir()
    assert load(f"parquet:{file}", "train").fingerprint == load(f"parquet:{folder}", "train").fingerprint


def test_images_are_decoded_once(pictures: Path, decoded: Callable[[], int]) -> None:
    for split in SPLITS:
        load(f"folder:{pictures}", split)
    assert decoded() == n_of(PARTS)
    load(f"folder:{pictures}", "train", 7)
    load(f"folder:{pictures}/", "test")
    assert decoded() == 0
    load(f"folder:{pictures}", "test", wish=Wish(size=(3, 3)))
    assert decoded() == n_of(PARTS)


def test_an_edited_file_is_decoded_again(pictures: Path, decoded: Callable[[], int]) -> None:
    before = load(f"folder:{pictures}", "test")
    assert decoded() == n_of(PARTS)
    file, other = pictures / "test/cat/0008.png", PARTS["train"].images[0]
    file.write_bytes(png(other))
    os.utime(file, ns=(1, 1))  # as if in another second: the sizes may be equal
    after = load(f"folder:{pictures}", "test")
    assert decoded() == n_of(PARTS)
    assert torch.equal(after.images[8], torch.from_numpy(other))
    assert torch.equal(after.images[:8], before.images[:8])
    assert after.fingerprint != before.fingerprint


def test_a_file_that_came_or_went_is_seen(pictures: Path) -> None:
    n = len(load(f"folder:{pictures}", "test"))
    (pictures / "test/cat/0009.png").write_bytes(png(PARTS["train"].images[0]))
    assert len(load(f"folder:{pictures}", "test")) == n + 1
    (pictures / "test/cat/0009.png").unlink()
    assert len(load(f"folder:{pictures}", "test")) == n


def test_a_cache_that_is_not_whole_is_made_again(pictures: Path, decoded: Callable[[], int], tmp_path: Path) -> None:
    before = load(f"folder:{pictures}", "train").images.clone()
    decoded()
    (file,) = (tmp_path / "cache").rglob("train.images")
    file.write_bytes(file.read_bytes()[:-1])
    assert torch.equal(load(f"folder:{pictures}", "train").images, before)
    assert decoded() == n_of(PARTS)
    assert not list((tmp_path / "cache").rglob(".*"))  # nothing half-made is left


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the kernel what is mapped")
def test_images_are_pages_of_a_file(pictures: Path, tmp_path: Path) -> None:
    found = load(f"folder:{pictures}", "train")
    (file,) = (tmp_path / "cache").rglob("train.images")
    (line,) = (line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(file)))
    assert line.split()[1].startswith("r--")  # what can be written to counts as memory in use
    assert file.stat().st_size == found.images.numel()


def test_images_of_one_size_stay_as_they_are_and_others_are_made_alike(tmp_path: Path) -> None:
    own = load(f"folder:{as_folder(tmp_path / 'own', PARTS)}", "train")
    assert own.notes == ()
    mixed = as_folder(tmp_path / "mixed", PARTS)
    (mixed / "train/ape/0000.png").write_bytes(png(photographs({"train": (1,)}, (3, 9, 11))["train"].images[0]))
    found = load(f"folder:{mixed}", "train")
    assert found.shape == (3, 5, 5)
    (note,) = found.notes
    assert note == "mixed: images of 6×5 to 9×11 are resized and cut to 5×5; --size N takes another size"
    assert load(f"folder:{mixed}", "test").notes == (note,)  # from the cache, too
    wished = load(f"folder:{mixed}", "train", wish=Wish(1, (4, 7)))
    assert (wished.shape, wished.notes) == ((1, 4, 7), ())


def test_the_middle_of_a_wide_image_is_kept(tmp_path: Path) -> None:
    parts = photographs(FORMS["whole"], (3, 6, 12))
    found = load(f"folder:{as_folder(tmp_path / 'wide', parts)}", "train", wish=Wish(size=(6, 6)))
    assert torch.equal(found.images, torch.from_numpy(parts["train"].images[:, :, :, 3:9])[found.index])


def test_what_cannot_be_read_is_left_out_only_if_asked(pictures: Path) -> None:
    bad = pictures / "train/bee/0033.png"
    whole = load(f"folder:{pictures}", "train")
    bad.write_bytes(b"no image")
    with pytest.raises(ValueError, match="--skip-bad goes on without such images") as error:
        load(f"folder:{pictures}", "train")
    assert str(error.value).startswith(f"{bad} cannot be read: ")
    wish, name = Wish(skip_bad=True), f"folder:{pictures}"
    for _ in range(2):  # decoded, and from the cache
        found = {split: load(name, split, wish=wish) for split in SPLITS}
        assert sum(map(len, found.values())) == n_of(PARTS) - 1
        for split in ("train", "validation"):
            rows = found[split].index
            assert 33 not in rows.tolist()
            assert torch.equal(found[split].images, torch.from_numpy(PARTS["train"].images)[rows])
            assert torch.equal(found[split].labels, torch.from_numpy(PARTS["train"].labels)[rows])
        assert str(bad) in found["train"].notes[-1]
    assert found["train"].fingerprint != whole.fingerprint or 33 not in whole.index.tolist()
    with pytest.raises(ValueError, match="cannot be read"):  # also when those that can be are in the cache
        load(name, "test")
