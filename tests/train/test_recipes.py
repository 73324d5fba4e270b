"""A short form of each recipe: what it reaches must lie in a band, or the recipe has changed, for better or worse."""

import os
from pathlib import Path

import pytest

from assay.data import load
from assay.train.recipe import OWN
from assay.train.recipes import RECIPES, recipe
from tests.train.shortly import short

# images, epochs, and the mean validation accuracy of three seeds (300 images, 2026-11-28). Seeds lie within 4 points of
# it; the band is 6 points to each side, and to chance never nearer than two thirds of the way.
REACHED = {
    "digits_cnn": (1257, 6, 0.981),
    "mlp": (4000, 3, 0.421),
    "small_cnn": (3000, 2, 0.384),
    "mnist_cnn": (2000, 2, 0.929),
    "mnist_cnn_bn": (2000, 2, 0.913),
    "mnist_mlp": (3000, 2, 0.893),
    "speed_cnn": (600, 3, 0.366),
    "better_cnn": (600, 3, 0.323),
    "resnet14": (600, 4, 0.275),
    "mnist_hard": (600, 3, 0.883),
    "cifar10_hard": (600, 3, 0.269),
    "speed_cnn_hard": (600, 3, 0.197),
    "vit": (600, 4, 0.224),
    "better_cnn_128": (400, 6, 0.615),
    "vit_128": (300, 4, 0.419),
    "speed_cnn_gpu": (200, 3, 0.228),
}
CHANCE, BAND = 0.1, 0.06
TOO_LONG = {  # whose short form says nothing, or takes minutes on a CPU
    "mnist_certified",  # bounds at linf 0.4 are learnt over twenty epochs: in four it is at chance
    "preact_resnet18_fast",
    "preact_resnet18_trades",
    "resnet18",
    "resnet18_128",
}


def there(data: str) -> bool:
    data = "scenes128" if data == OWN else data
    return data == "digits" or (Path(os.environ.get("ASSAY_DATA", "/nowhere")) / data).is_dir()


def test_every_recipe_has_its_band_or_a_reason() -> None:
    assert set(REACHED) | TOO_LONG == set(RECIPES)
    assert not set(REACHED) & TOO_LONG


@pytest.mark.parametrize("name", REACHED)
def test_a_short_form_lies_in_its_band(name: str) -> None:
    if not there(recipe(name).data):
        pytest.skip(f"{recipe(name).data} is not on this machine")
    images, epochs, reached = REACHED[name]
    room = min(BAND, (reached - CHANCE) * 2 / 3)
    assert reached - room < short(name, images, epochs) < reached + BAND


def test_a_recipe_that_learns_nothing_falls_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = recipe("digits_cnn").changed(learning_rate=1e-7)
    monkeypatch.setattr("tests.train.shortly.recipe", lambda name: broken)
    images, epochs, reached = REACHED["digits_cnn"]
    assert short("digits_cnn", images, epochs) < reached - BAND
    assert len(load("digits", "train")) == images
