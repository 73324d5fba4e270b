"""The noun ImageSet: what fits together, what a subset keeps, what a fingerprint sees."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data import DATA, SPLITS, ImageSet, load, settled
from assay.data.images import part, stratified

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=80)


def some(labels: list[int], classes: int = 5) -> ImageSet:
    """Images that differ from each other, with those labels."""
    n = len(labels)
    return ImageSet(
        name="some",
        split="whole",
        classes=tuple(f"class {number}" for number in range(classes)),
        images=torch.arange(n * 12).remainder(251).to(torch.uint8).reshape(n, 1, 3, 4),
        labels=torch.tensor(labels),
        index=torch.arange(n),
    )


@given(labels=LABELS)
@settings(deadline=None)
def test_every_beginning_of_the_stratified_order_holds_each_class_in_proportion(labels: list[int]) -> None:
    ordered = torch.tensor(labels)[stratified(torch.tensor(labels))]
    assert sorted(ordered.tolist()) == sorted(labels)
    for label in set(labels):
        share = labels.count(label) / len(labels)
        taken = (ordered == label).cumsum(0)
        wanted = share * torch.arange(1, len(labels) + 1)
        assert (taken - wanted).abs().max() <= len(set(labels)) / 2 + 1e-6


@given(labels=LABELS, data=st.data())
@settings(deadline=None)
def test_fewer_images_are_among_more(labels: list[int], data: st.DataObject) -> None:
    images = some(labels)
    more = data.draw(st.integers(1, len(labels)))
    fewer = data.draw(st.integers(1, more))
    assert set(images.first(fewer).index.tolist()) <= set(images.first(more).index.tolist())
    assert images.first(more).index.tolist() == sorted(images.first(more).index.tolist())


def test_proportions_of_the_digits_are_kept_to_an_image() -> None:
    images = load("digits", "train")
    share = images.labels.bincount() / len(images)
    for n in (10, 100, 500):
        assert (images.first(n).labels.bincount(minlength=10) - n * share).abs().max() <= 1


@pytest.mark.parametrize("n", [0, -1, 6])
def test_no_more_images_than_there_are(n: int) -> None:
    with pytest.raises(ValueError, match=f"some whole: between 1 and 5 images can be taken, got {n}"):
        some([0, 1, 2, 3, 4]).first(n)


@given(labels=st.lists(st.integers(0, 4), min_size=9, max_size=60))
@settings(max_examples=40, deadline=None)
def test_splits_are_disjoint_and_leave_nothing_out(labels: list[int]) -> None:
    images = some(labels)
    shares = {"test": 3, "validation": 2, "train": len(labels) - 5}
    parts = [part(images, shares, split) for split in SPLITS]
    assert sorted(number for one in parts for number in one.index.tolist()) == list(range(len(labels)))
    for split, one in zip(SPLITS, parts, strict=True):  # the index leads back to the image
        assert (one.split, len(one)) == (split, shares[split])
        assert torch.equal(images.images[one.index], one.images)
        assert torch.equal(images.labels[one.index], one.labels)


def test_the_digits_are_split_once_and_for_all() -> None:
    parts = {split: load("digits", split) for split in SPLITS}
    assert {split: len(part) for split, part in parts.items()} == {"train": 1257, "validation": 180, "test": 360}
    assert parts["train"].fingerprint == "2ff4666c9bb264d6"  # changes only when we mean it: old runs compare with it
    indices = torch.cat([part.index for part in parts.values()])
    assert len(indices.unique()) == 1797


def test_a_subset_keeps_the_name_of_each_image() -> None:
    images = some([0, 1, 2, 3, 4]).rows(torch.tensor([4, 1]))
    assert images.index.tolist() == [4, 1]
    assert images.rows(slice(1, 2)).index.tolist() == [1]


def changed(images: ImageSet, what: str) -> ImageSet:
    if what == "pixel":
        pixels = images.images.clone()
        pixels[3, 0, 2, 3] += 1
        return replace(images, images=pixels)
    if what == "label":
        labels = images.labels.clone()
        labels[3] = 4 - labels[3]
        return replace(images, labels=labels)
    if what == "class name":
        return replace(images, classes=(*images.classes[:-1], "another"))
    if what == "shape":
        return replace(images, images=images.images.reshape(-1, 1, 4, 3))
    return images.rows(torch.tensor([1, 0, 2, 3, 4]))


@pytest.mark.parametrize("what", ["pixel", "label", "class name", "shape", "order"])
def test_the_fingerprint_sees_every_change(what: str) -> None:
    images = some([0, 1, 2, 3, 4])
    assert images.fingerprint == some([0, 1, 2, 3, 4]).fingerprint
    assert changed(images, what).fingerprint != images.fingerprint


def test_the_fingerprint_is_of_content_and_not_of_memory() -> None:
    images = some([0, 1, 2, 3, 4])
    other = replace(images, images=images.images.to(memory_format=torch.channels_last), name="other", split="test")
    assert other.fingerprint == images.fingerprint


@pytest.mark.parametrize(("label", "classes"), [(5, 5), (-1, 5), (1, 1)])
def test_a_label_without_a_class_is_refused(label: int, classes: int) -> None:
    message = f"some: label {label} is out of range, there are classes 0 to {classes - 1}"
    with pytest.raises(ValueError, match=message):
        some([0, label], classes)


def test_fewer_labels_than_images_are_refused() -> None:
    images = some([0, 1, 2])
    with pytest.raises((ValueError, TypeError), match="labels"):  # the types see it first, where they are checked
        replace(images, labels=images.labels[:2])


def test_mean_and_spread_are_those_of_all_pixels() -> None:
    images = replace(some([0, 1]), images=torch.randint(0, 256, (2, 3, 5, 4), dtype=torch.uint8))
    mean, spread = images.mean_and_spread()
    pixels = images.pixels().double().transpose(0, 1).flatten(1)
    assert mean == pytest.approx(pixels.mean(1).tolist(), abs=1e-6)
    assert spread == pytest.approx(pixels.std(1, correction=0).tolist(), abs=1e-6)


def check_named() -> None:
    """Classes in another order: the same image is called the same, and a model of that order is as often right."""
    images = some([0, 1, 2, 3, 4, 2, 2])
    order = ("class 3", "class 0", "class 4", "class 2", "class 1")
    found = images.named(order)
    assert found.classes == order
    names = [[one.classes[label] for label in one.labels.tolist()] for one in (images, found)]
    assert names[0] == names[1], "an image has got another name"
    assert torch.equal(found.images, images.images)
    assert torch.equal(found.index, images.index)
    assert found.fingerprint != images.fingerprint
    assert found.named(images.classes).fingerprint == images.fingerprint
    for n in range(1, len(images) + 1):  # the same images are the first
        assert torch.equal(found.first(n).index, images.first(n).index)


def test_classes_in_another_order() -> None:
    check_named()
    images = some([0, 1, 2, 3, 4])
    assert images.named(list(images.classes)) is images


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (
            ("class 0", "class 1", "class 2", "class 3", "dog"),
            "the model knows class 0, class 1, class 2, class 3, dog",
        ),
        (("class 0",) * 5, "the model knows class 0, class 0"),
        (("class 0", "class 1"), "the model knows class 0, class 1"),
        ([f"class {number}" for number in range(9)], "class 3, class 4 and 4 more"),
    ],
)
def test_other_classes_are_refused(classes: list[str], said: str) -> None:
    with pytest.raises(ValueError, match="some has the classes class 0, class 1, class 2, class 3, class 4; ") as error:
        some([0, 1]).named(classes)
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J", "\ud800"])
def test_a_class_whose_name_cannot_be_printed_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"some: a class is called .*: printable text wanted"):
        replace(some([0]), classes=("class 0", name))
    with pytest.raises(ValueError, match="some: two classes are called 'cat'"):
        replace(some([0]), classes=("cat", "dog", "cat"))


@pytest.mark.parametrize("name", ["digits:", "digits:x", "mnist:/tmp"])
def test_a_path_where_none_is_taken(name: str) -> None:
    if name == "digits:":
        assert len(load(name, "test")) == 360
        return
    with pytest.raises(ValueError, match=f"takes no path, got {name!r}"):
        load(name, "test")


@pytest.mark.parametrize("name", ["folder", "folder:", "parquet"])
def test_a_path_where_one_is_wanted(name: str) -> None:
    kind = name.rstrip(":")
    with pytest.raises(ValueError, match=f"{kind} needs a path: {kind}:PATH"):
        load(name, "test")


def test_a_settled_name_is_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert settled("folder:pictures/../mine") == f"folder:{tmp_path / 'mine'}"
    assert settled("parquet:~/a:b") == f"parquet:{tmp_path / 'home' / 'a:b'}"
    assert settled(settled("folder:mine")) == settled("folder:mine")
    assert [settled(name) for name in ("digits", "fashion-mnist")] == ["digits", "fashion-mnist"]


def test_names_that_are_none() -> None:
    assert list(DATA) == ["cifar10", "cifar100", "digits", "fashion_mnist", "folder", "mnist", "parquet"]
    there = "cifar10, cifar100, digits, fashion-mnist, folder, mnist, parquet"
    with pytest.raises(ValueError, match=f"unknown data set 'digit'; there are {there}; did you mean 'digits'"):
        load("digit", "train")
    with pytest.raises(
        ValueError, match="unknown split 'tset'; there are train, validation, test; did you mean 'test'"
    ):
        load("digits", "tset")
