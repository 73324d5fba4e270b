"""Splits of every form of source: disjoint, complete, in proportion, in order, and of the published parts."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data import SPLITS, ImageSet, load
from assay.data.cifar import HELD_OUT, IN_ALL
from assay.data.decoded import Source, split_rows
from tests.data.pictures import CLASSES, FORMS, Parts, as_folder, as_parquet, photographs


def source(labels: dict[str, torch.Tensor], held_out: int | None = None) -> Source:
    classes = tuple(map(str, range(1 + max(int(rows.max()) for rows in labels.values()))))
    return Source("some", classes, labels, lambda part: iter(()), held_out)


def check_splits(found: Source) -> None:
    """What `split_rows` owes to every source."""
    splits = split_rows(found)
    assert set(splits) == set(SPLITS)
    for part, labels in found.labels.items():
        rows = [rows for origin, rows in splits.values() if origin == part]
        assert torch.cat(rows).sort().values.tolist() == list(range(len(labels))), f"{part}: not disjoint or complete"
        for some in rows:
            assert some.tolist() == some.sort().values.tolist(), f"{part}: rows are not in order"
            wanted = labels.bincount() * len(some) / len(labels)
            off = (labels[some].bincount(minlength=len(wanted)) - wanted).abs().max()
            assert off <= len(wanted) / 2 + 1, f"{part}: {off} images of a class too many or too few"
    for part in found.labels.keys() - {"train"}:
        assert splits[part][0] == part, f"{part} was published, and is made of {splits[part][0]}"


LABELS = st.lists(st.integers(0, 3), min_size=12, max_size=90).map(torch.tensor)
PARTS = st.sets(st.sampled_from(("validation", "test"))).flatmap(
    lambda names: st.fixed_dictionaries(dict.fromkeys(("train", *sorted(names)), LABELS))
)


@given(labels=PARTS)
@settings(deadline=None, max_examples=60)
def test_splits_of_any_source(labels: dict[str, torch.Tensor]) -> None:
    found = source(labels)
    check_splits(found)
    size = max(1, round(len(labels["train"]) / 10))
    held_out = [len(rows) for origin, rows in split_rows(found).values() if origin == "train"]
    assert sorted(held_out)[:-1] == [size] * (len(held_out) - 1)


def test_cifar_is_40_000_and_10_000_and_10_000() -> None:
    labels = {part: torch.arange(n) % 10 for part, n in IN_ALL.items()}
    found = source(labels, HELD_OUT)
    check_splits(found)
    splits = split_rows(found)
    assert {split: (origin, len(rows)) for split, (origin, rows) in splits.items()} == {
        "train": ("train", 40_000),
        "validation": ("train", 10_000),
        "test": ("test", 10_000),
    }
    for origin, rows in splits.values():
        assert len(set(labels[origin][rows].bincount().tolist())) == 1


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_images_to_hold_some_out(n: int) -> None:
    with pytest.raises(ValueError, match=f"some holds {n} images to train on, which is too few"):
        split_rows(source({"train": torch.zeros(n, dtype=torch.int64)}))


def written(tmp_path: Path, kind: str, parts: Parts) -> str:
    make = as_folder if kind == "folder" else as_parquet
    return f"{kind}:{make(tmp_path / 'pictures', parts)}"


def leads_back(found: ImageSet, part: str, parts: Parts) -> None:
    """An image's index is its place in the published part."""
    assert torch.equal(found.images, torch.from_numpy(parts[part].images)[found.index])
    assert torch.equal(found.labels, torch.from_numpy(parts[part].labels)[found.index])
    assert found.index.tolist() == sorted(set(found.index.tolist()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["folder", "parquet"])
def test_splits_of_every_form(tmp_path: Path, kind: str, form: str) -> None:
    parts = photographs(FORMS[form])
    name = written(tmp_path, kind, parts)
    found = {split: load(name, split) for split in SPLITS}
    assert [found[split].split for split in SPLITS] == list(SPLITS)
    origin = {split: split if split in parts else "train" for split in SPLITS}
    for split, images in found.items():
        assert images.classes == CLASSES
        leads_back(images, origin[split], parts)
        assert images.labels.unique().tolist() == [0, 1, 2]
    for part in parts:
        rows = [index for split in SPLITS if origin[split] == part for index in found[split].index.tolist()]
        assert sorted(rows) == list(range(len(parts[part].labels)))


def test_a_tenth_of_each_class_is_held_out(tmp_path: Path) -> None:
    parts = photographs({"train": (40, 30, 20)})
    name = written(tmp_path, "folder", parts)
    counts = {split: load(name, split).labels.bincount().tolist() for split in SPLITS}
    assert [sum(counts[split]) for split in SPLITS] == [72, 9, 9]
    for split in ("validation", "test"):
        assert all(
            math.floor(n / 10) <= got <= math.ceil(n / 10) for n, got in zip((40, 30, 20), counts[split], strict=True)
        )


@pytest.mark.parametrize("kind", ["folder", "parquet"])
def test_the_splits_do_not_change_from_one_time_to_the_next(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(tmp_path, kind, photographs(FORMS["two"]))
    before = {split: load(name, split) for split in SPLITS}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))  # another machine, say
    for split in SPLITS:
        again = load(name, split)
        assert again.fingerprint == before[split].fingerprint
        assert torch.equal(again.index, before[split].index)
