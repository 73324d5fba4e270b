"""The loop: the same weights for the same recipe, also when it was stopped; and what it writes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assay.adversary.threat import linf
from assay.chance import Draws
from assay.data import ImageSet, load
from assay.data.augment import AUGMENT, flip
from assay.models.classifier import Classifier, build
from assay.train.descent import one_cycle
from assay.train.loop import Training
from assay.train.methods import read_method
from assay.train.recipe import Recipe, recorded
from assay.train.recipes import RECIPES, recipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load("digits", "train", 200)


def small(**settings: Any) -> Recipe:
    return recipe("digits_cnn").changed(epochs=3, **settings)


def model(images: ImageSet, seed: int = 0) -> Classifier:
    about = {"architecture": "mnist_cnn", "shape": images.shape, "classes": images.classes, "mean": [0.3], "std": [0.4]}
    return build(about, seed)


def training(images: ImageSet, wanted: Recipe, precision: Any = "bfloat16") -> Training:
    adversary = (read_method(wanted.attack, linf(0.1)), linf(0.1)) if wanted.attack else None
    validation = load("digits", "validation", 64)
    return Training(
        model(images, wanted.seed), wanted, images, validation, device=CPU, precision=precision, adversary=adversary
    )


def weights(trained: Training) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in trained.classifier.parameters()])


class Killed(Exception):
    pass


RICH = {
    "plain": {},
    "augmented": {"augment": ["alternating_flip", "shift(pixels=1)", "cutout(size=2)"]},
    "averaged": {"average": 0.9, "keep": "best", "label_smoothing": 0.1},
    "sgd": {"optimizer": "sgd", "weight_decay": 5e-4, "learning_rate": 0.05, "rise": 0.3},
    "attacked": {"attack": "pgd(steps=2)", "keep": "best", "average": 0.9},
    "perturbed": {"attack": "pgd(steps=1)", "awp": 0.01},
    **{method: {"attack": method} for method in ("fast", "trades(steps=2)", "blend(steps=1)", "ibp")},
}


@pytest.mark.parametrize("settings", RICH.values(), ids=RICH)
def test_a_training_taken_up_ends_with_the_same_bits(
    images: ImageSet, tmp_path: Path, settings: dict[str, Any]
) -> None:
    wanted = small(threat="linf(0.1)" if "attack" in settings else None, warm_up=0.5, **settings)
    whole = training(images, wanted)
    whole.run(tmp_path / "whole.pt", lambda history, losses: None)

    def kill(history: list[dict[str, Any]], losses: list[float]) -> None:
        if len(history) == 2:
            raise Killed

    first = training(images, wanted)
    with pytest.raises(Killed):
        first.run(tmp_path / "broken.pt", kill)
    torch.rand(7)  # what happened in between does not matter
    second = training(images, wanted)
    second.resume(tmp_path / "broken.pt")
    assert second.epoch == 2
    history = second.run(tmp_path / "broken.pt", lambda history, losses: None)
    assert torch.equal(weights(second), weights(whole))
    assert [line["epoch"] for line in history] == [1, 2, 3]


def test_another_seed_gives_other_weights(images: ImageSet, tmp_path: Path) -> None:
    runs = [training(images, small(seed=seed)) for seed in (0, 0, 1)]
    for number, run in enumerate(runs):
        run.run(tmp_path / f"{number}.pt", lambda history, losses: None)
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), weights(runs[2]))


def test_augmentation_is_another_one_in_every_epoch_and_changes_what_is_learnt(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spy(batch: torch.Tensor, draws: Draws, epoch: int) -> torch.Tensor:
        seen.append((draws.index, batch, flip(batch, draws, epoch)))
        return seen[-1][2]

    monkeypatch.setitem(AUGMENT, "flip", spy)
    runs = [training(images, small(augment=augment)) for augment in ([], ["flip"])]
    seen.clear()  # of the trial that tells whether it fits
    for number, run in enumerate(runs):
        run.run(tmp_path / f"{number}.pt", lambda history, losses: None)
    assert not torch.equal(weights(runs[0]), weights(runs[1]))
    assert all(batch.dtype == torch.uint8 for _, batch, _ in seen)
    flipped = torch.zeros(3, 2000, dtype=torch.bool)  # of each epoch, by the image's index
    for step, (index, batch, changed) in enumerate(seen):
        flipped[step // runs[1].steps, index] = (batch != changed).flatten(1).any(1)
    shares = flipped[:, images.index].float().mean(1)
    assert ((shares > 0.3) & (shares < 0.7)).all()
    assert not torch.equal(flipped[0], flipped[1])


def test_it_learns_and_says_so(images: ImageSet, tmp_path: Path) -> None:
    history = training(images, small()).run(tmp_path / "c.pt", lambda history, losses: None)
    assert history[-1]["loss"] < history[0]["loss"]
    wanted = {"epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"}
    assert wanted | {"images_per_second", "seconds", "peak_memory"} == set(history[-1])


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_training_of_any_length_follows_the_cycle(images: ImageSet, tmp_path: Path, steps: int) -> None:
    wanted, few = small().changed(epochs=steps, batch_size=8), images.first(8)
    trained = Training(model(images), wanted, few, few, device=CPU, precision="float32", adversary=None)
    history = trained.run(tmp_path / "c.pt", lambda history, losses: None)
    rates = [line["learning_rate"] for line in history]
    assert rates == pytest.approx(
        [one_cycle(line["epoch"], steps, wanted.learning_rate, wanted.rise) for line in history]
    )


def test_training_leaves_the_global_generator_alone(images: ImageSet, tmp_path: Path) -> None:
    torch.manual_seed(1234567)
    before = torch.get_rng_state()
    training(images, small(attack="pgd(steps=1)", threat="linf(0.1)")).run(
        tmp_path / "c.pt", lambda history, losses: None
    )
    assert torch.equal(torch.get_rng_state(), before)


def test_crafting_leaves_the_model_in_training_mode_and_its_weights_learning(images: ImageSet) -> None:
    run = training(images, small(attack="pgd(steps=2)", threat="linf(0.1)"))
    run.classifier.train()
    rows = torch.arange(16)
    assert run.method
    crafted = run._batch(rows, 0, 0).craft(run.method)
    assert run.classifier.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in run.classifier.parameters())
    assert linf(0.1).contains(crafted, images.pixels()[rows]).all()
    assert not torch.equal(crafted, images.pixels()[rows])


def test_hardening_goes_to_the_end_even_for_images_that_fall_at_once(images: ImageSet) -> None:
    run = training(images, small(attack="pgd(steps=8)", threat="linf(0.1)"), "float32")  # untrained: all fall
    rows = torch.arange(32)
    pixels = images.pixels()[rows]
    assert run.method
    crafted = run._batch(rows, 0, 0).craft(run.method)
    delta = (crafted - pixels).abs()
    inner = (pixels > 0.1) & (pixels < 0.9)
    assert float(delta[inner].median()) > 0.09  # those that rest when fooled stay near their random start


def test_a_loss_that_is_not_finite_stops_with_advice_and_keeps_the_last_checkpoint(
    images: ImageSet, tmp_path: Path
) -> None:
    run = training(images, small(learning_rate=1e30))
    with pytest.raises(ValueError, match="try a learning rate below"):
        run.run(tmp_path / "c.pt", lambda history, losses: None)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_back_from_its_record(name: str) -> None:
    assert recorded(recipe(name).describe()) == recipe(name)


def test_a_recipe_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no recipe of this version"):
        recorded({"model": "mnist_cnn"})
