"""Recipes: a function each, named like the recipe, that says what it reached and where that was measured."""

from collections.abc import Callable
from dataclasses import replace

from assay.spec import pick
from assay.train.recipe import Recipe


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
