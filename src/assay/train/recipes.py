"""Recipes: a function each, named like the recipe, that says what it reached and where that was measured."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from assay.spec import checked, pick


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights, apart from the machine.

    learning_rate is the peak of a one-cycle schedule (Smith and Topin 2018, arXiv 1708.07120) with Adam.
    attack and threat, where given, are crafted against at every step (Madry et al. 2018); `warm_up` is the share of
    the steps over which eps grows from 0. augment names changes of assay.data.augment, made in that order.
    """

    name: str = ""
    model: str
    data: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int = 0
    images: int | None = None
    size: int | None = None
    skip_bad: bool = False
    augment: list[str] = field(default_factory=list)
    attack: str | None = None
    threat: str | None = None
    warm_up: float = 0.0
    weights: str | None = None
    freeze: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (("epochs", 1, 10_000), ("batch_size", 1, 100_000)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, got {getattr(self, name)}")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.warm_up <= 1:
            raise ValueError(f"warm_up must be between 0 and 1, got {self.warm_up}")
        if (self.attack is None) != (self.threat is None):
            raise ValueError(f"attack and threat go together, got {self.attack} and {self.threat}")

    def changed(self, **settings: Any) -> "Recipe":
        """The recipe with those settings that are not None."""
        return replace(self, **{name: value for name, value in settings.items() if value is not None})

    def describe(self) -> dict[str, Any]:
        """For config.json."""
        return asdict(self)


def mnist_cnn() -> Recipe:
    """The network of 32-32-500-10 on MNIST."""
    return Recipe(name="mnist_cnn", model="mnist_cnn", data="mnist", epochs=3, batch_size=128, learning_rate=4e-3)


def digits_cnn() -> Recipe:
    """The same network on the embedded digits, whose 1 257 training images want more epochs."""
    return Recipe(name="digits_cnn", model="mnist_cnn", data="digits", epochs=30, batch_size=64, learning_rate=4e-3)


def mnist_cnn_bn() -> Recipe:
    """The same with batch norm after each pool, on MNIST."""
    return replace(mnist_cnn(), name="mnist_cnn_bn", model="mnist_cnn_bn")


def mlp() -> Recipe:
    """One hidden layer of 100 on CIFAR-10: what a convolution has to beat."""
    return Recipe(name="mlp", model="mlp", data="cifar10", epochs=10, batch_size=64, learning_rate=1e-3)


def mnist_mlp() -> Recipe:
    """The same with 1 000 units on MNIST."""
    return Recipe(
        name="mnist_mlp", model="mlp(width=1000)", data="mnist", epochs=10, batch_size=128, learning_rate=2e-3
    )


def small_cnn() -> Recipe:
    """Three convolutions on CIFAR-10."""
    return Recipe(name="small_cnn", model="small_cnn", data="cifar10", epochs=10, batch_size=64, learning_rate=3e-3)


def resnet14() -> Recipe:
    """Six residual blocks on CIFAR-10, images mirrored and moved."""
    augment = ["flip", "shift(pixels=4)"]
    return Recipe(
        name="resnet14",
        model="resnet14",
        data="cifar10",
        epochs=15,
        batch_size=128,
        learning_rate=1e-2,
        augment=augment,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe for recipe in (digits_cnn, mlp, mnist_cnn, mnist_cnn_bn, mnist_mlp, resnet14, small_cnn)
}


def recipe(name: str) -> Recipe:
    """The recipe of that name; ValueError with the names there are."""
    found: Recipe = pick(name, RECIPES, "recipe")()
    return found


def recorded(settings: Any) -> Recipe:
    """The recipe that a config.json holds; ValueError where it does not hold one."""
    if not isinstance(settings, dict) or set(settings) != {field.name for field in fields(Recipe)}:
        raise ValueError("config.json holds no recipe of this version")
    hints = get_type_hints(Recipe)
    return Recipe(**{name: checked(f"config.json: {name}", value, hints[name]) for name, value in settings.items()})
