"""The tests of the tests: deliberate faults in data, augmentation and figures, and the check that sees each."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from assay import tally
from assay.data import augment, decode, decoded, images
from assay.evaluate import distortion, judge
from tests.data import test_augment, test_images, test_options, test_splits
from tests.data.pictures import FORMS, as_folder, photographs
from tests.evaluate import test_distortion, test_rank

LABELS = {"train": torch.arange(60) % 3, "test": torch.arange(12) % 3}


def caught(saying: str):  # type: ignore[no-untyped-def]
    return pytest.raises(AssertionError, match=saying)


def test_labels_that_keep_their_numbers_when_the_classes_move_are_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        images.ImageSet, "named", lambda self, classes: replace(self, classes=tuple(classes), content="")
    )
    with caught("another name"):
        test_images.check_named()
    with caught("labels of other classes"):
        test_options.check_labels_follow_the_models_classes(tmp_path)


def test_the_inverse_order_of_labels_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(self, classes):  # type: ignore[no-untyped-def]
        place = torch.tensor([self.classes.index(name) for name in classes])
        return replace(self, classes=tuple(classes), labels=place[self.labels], content="")

    monkeypatch.setattr(images.ImageSet, "named", named)
    with caught("another name"):
        test_images.check_named()


def overlapping(labels, shares):  # type: ignore[no-untyped-def]
    return {name: images.stratified(labels)[:n].sort().values for name, n in shares.items()}


def unsorted(labels, shares):  # type: ignore[no-untyped-def]
    return dict(zip(shares, images.stratified(labels).split(list(shares.values())), strict=True))


def in_order(labels, shares):  # type: ignore[no-untyped-def]
    return dict(zip(shares, labels.argsort(stable=True).sort().values.split(list(shares.values())), strict=True))


@pytest.mark.parametrize(
    ("carve", "labels", "saying"),
    [
        (overlapping, LABELS, "not disjoint or complete"),
        (unsorted, LABELS, "rows are not in order"),
        (in_order, {part: rows.sort().values for part, rows in LABELS.items()}, "images of a class too many"),
    ],
)
def test_splits_that_overlap_or_are_not_stratified_are_caught(monkeypatch: pytest.MonkeyPatch, carve, labels, saying):  # type: ignore[no-untyped-def]
    test_splits.check_splits(test_splits.source(labels))
    monkeypatch.setattr(decoded, "carve", carve)
    with caught(saying):
        test_splits.check_splits(test_splits.source(labels))


def test_a_published_test_set_that_is_trained_on_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = decoded.split_rows
    monkeypatch.setattr(test_splits, "split_rows", lambda found: honest(found) | {"test": ("train", torch.arange(6))})
    with caught("not disjoint or complete"):
        test_splits.check_splits(test_splits.source(LABELS))


def test_a_crop_of_the_corner_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.data.test_decoded import test_the_middle_of_a_wide_image_is_kept as check

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    honest = ImageOps.fit
    monkeypatch.setattr(
        decode.ImageOps, "fit", lambda image, size, method: honest(image, size, method, centering=(0, 0))
    )
    with pytest.raises(AssertionError):
        check(tmp_path)


def rolled(batch, draws, epoch, *, pixels=4):  # type: ignore[no-untyped-def]
    down, right = (draws.integers(2 * pixels + 1, (2,), "shift", epoch) - pixels).unbind(1)
    return torch.stack([image.roll((int(y), int(x)), (1, 2)) for image, y, x in zip(batch, down, right, strict=True)])


def lopsided(batch, draws, epoch, *, pixels=4):  # type: ignore[no-untyped-def]
    half = augment.shift(batch, draws, epoch, pixels=pixels)
    return torch.where((draws.integers(2, (1, 1, 1), "x") == 0), half, batch)


@pytest.mark.parametrize(("shift", "saying"), [(rolled, "no twin"), (lopsided, "too often")])
def test_a_shift_that_wraps_around_or_rests_is_caught(monkeypatch: pytest.MonkeyPatch, shift, saying: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(test_augment, "shift", shift)
    with caught(saying):
        test_augment.check_shift()


def test_a_flip_upside_down_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = augment.flip
    turned = lambda batch, draws, epoch: honest(batch.transpose(2, 3), draws, epoch).transpose(2, 3)  # noqa: E731
    monkeypatch.setattr(test_augment, "flip", turned)
    with caught("no twin"):
        test_augment.check_flip()


def test_augmentation_that_looks_at_its_batch_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_place(batch, draws, epoch):  # type: ignore[no-untyped-def]
        return torch.where((torch.arange(len(batch)) % 2 == 0)[:, None, None, None], batch.flip(3), batch)

    monkeypatch.setitem(test_augment.AUGMENT, "flip", by_place)
    with caught("flip looks at its neighbours"):
        test_augment.check_company()


@pytest.mark.parametrize(("name", "value"), [("WINDOW", 8), ("WINDOW", 5), ("DARK", 0.01), ("FLAT", 0.03)])
def test_another_window_or_constant_of_ssim_is_caught(monkeypatch: pytest.MonkeyPatch, name: str, value: float) -> None:
    test_distortion.check_ssim((3, 9, 10), 1)
    monkeypatch.setattr(distortion, name, value)
    with caught("ssim of"):
        test_distortion.check_ssim((3, 9, 10), 1)


@pytest.mark.parametrize("off", [4, 6])
def test_a_top_five_of_another_number_is_caught(monkeypatch: pytest.MonkeyPatch, off: int) -> None:
    honest = tally.tally

    def other(table, *rest):  # type: ignore[no-untyped-def]
        return honest(table, *rest) | {"top5": tally.share(table["clean_rank"] < off)}

    monkeypatch.setattr(test_rank, "tally", other)
    with pytest.raises(AssertionError):
        test_rank.check_top5()


def test_a_rank_that_lets_ties_win_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(logits, labels):  # type: ignore[no-untyped-def]
        return (logits > logits.gather(1, labels[:, None])).sum(1)

    test_rank.check_rank([[1, 1, 0]])
    monkeypatch.setattr(test_rank, "rank", generous)
    with pytest.raises(AssertionError):
        test_rank.check_rank([[1, 1, 0]])
    assert judge.rank(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([1])).tolist() == [1]


def test_precision_and_recall_the_wrong_way_round_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = tally.per_class

    def swapped(table, classes):  # type: ignore[no-untyped-def]
        return [line | {"recall": line["precision"], "precision": line["recall"]} for line in honest(table, classes)]

    monkeypatch.setattr(test_rank, "per_class", swapped)
    with pytest.raises(AssertionError):
        test_rank.check_by_hand()


def test_a_confusion_that_lies_on_its_side_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_rank, "confusion", lambda table, classes: tally.confusion(table, classes).T)
    with pytest.raises(AssertionError):
        test_rank.check_by_hand()


def test_without_a_fault_every_check_passes(tmp_path: Path) -> None:
    test_images.check_named()
    test_rank.check_by_hand()
    test_rank.check_top5()
    folder = as_folder(tmp_path / "p", photographs(FORMS["whole"]))
    with Image.open(next(folder.rglob("*.png"))) as image:
        assert image.size == (5, 6)
