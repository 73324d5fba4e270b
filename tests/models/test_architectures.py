"""Every architecture, whatever it is: it builds for any shape that fits, learns from any, and refuses the others."""

import copy

import pytest
import torch
from torch import nn

from assay.adversary.goal import untargeted
from assay.adversary.victim import Victim
from assay.models import MODELS
from assay.models.classifier import build, restore

COUNTED = [
    ("mlp", (3, 32, 32), 308_310),
    ("small_cnn", (3, 32, 32), 72_986),
    ("mnist_cnn", (1, 28, 28), 799_078),
    ("mnist_cnn_bn", (1, 28, 28), 799_206),
    ("resnet14", (3, 32, 32), 175_258),
    ("better_cnn", (3, 32, 32), 288_746),
    ("speed_cnn", (3, 32, 32), 1_972_792),
    ("resnet18", (3, 32, 32), 11_181_642),
    ("preact_resnet18", (3, 32, 32), 11_172_170),
    ("vit", (3, 32, 32), 460_714),
    ("strided_cnn", (1, 28, 28), 166_406),
]
SMALLEST = {
    **{"mlp": 1, "small_cnn": 8, "mnist_cnn": 4, "mnist_cnn_bn": 4, "resnet14": 4},
    **{"better_cnn": 4, "speed_cnn": 2, "resnet18": 8, "preact_resnet18": 8, "vit": 8, "strided_cnn": 4},
}
SHAPES = [(1, 28, 28), (3, 32, 32), (3, 33, 47), (1, 8, 8), (4, 9, 31)]


def make(name: str, shape: tuple[int, int, int], classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    net = MODELS[name](shape, classes)
    assert isinstance(net, nn.Module)
    return net


def test_every_architecture_is_tested() -> None:
    assert set(MODELS) == set(SMALLEST) == {name for name, _, _ in COUNTED}


@pytest.mark.parametrize(("name", "shape", "count"), COUNTED)
def test_parameters_are_as_many_as_the_docstring_says(name: str, shape: tuple[int, int, int], count: int) -> None:
    assert sum(parameter.numel() for parameter in make(name, shape).parameters()) == count
    size = "×".join(map(str, shape))
    assert f"{count:,} parameters for {size} and 10 classes".replace(",", " ") in (MODELS[name].__doc__ or "")


def test_a_setting_is_not_lost_on_the_way() -> None:
    net = MODELS["mlp"]((1, 28, 30), 10, width=1000)  # its width was once overwritten by the image's
    assert sum(parameter.numel() for parameter in net.parameters()) == (28 * 30 + 1) * 1000 + 1001 * 10


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_any_shape_is_answered_and_learnt_from(name: str, shape: tuple[int, int, int], training: bool) -> None:
    net = make(name, shape, classes=7).train(training)
    images = torch.rand(3, *shape, requires_grad=True)
    logits = net(images)
    assert logits.shape == (3, 7)
    nn.functional.cross_entropy(logits, torch.tensor([0, 3, 6])).backward()
    for tensor in (images, *net.parameters()):
        assert (tensor.grad is not None) == tensor.requires_grad
        assert tensor.grad is None or bool(tensor.grad.isfinite().all())
    assert images.grad is not None
    assert bool(images.grad.abs().sum() > 0)


@pytest.mark.parametrize("name", MODELS)
def test_logits_go_through_no_softmax(name: str) -> None:
    net = make(name, (1, 8, 8)).eval()
    logits = net(torch.rand(5, 1, 8, 8))
    assert bool((logits < 0).any())
    assert bool((logits.exp().sum(1) - 1).abs().min() > 1e-3)  # nor a log-softmax
    *_, last = net.modules()
    assert isinstance(last, nn.Linear)
    seen: list[torch.Tensor] = []
    last.register_forward_hook(lambda _, __, output: seen.append(output))
    assert net(torch.rand(5, 1, 8, 8)) is seen[0]  # nothing comes after it


@pytest.mark.parametrize("sides", ["both", "height", "width"])
@pytest.mark.parametrize("name", MODELS)
def test_the_smallest_image_fits_and_a_smaller_one_is_refused(name: str, sides: str) -> None:
    low = SMALLEST[name]
    assert make(name, (1, low, low))(torch.rand(2, 1, low, low)).shape == (2, 10)
    height = low if sides == "width" else low - 1
    width = low if sides == "height" else low - 1
    with pytest.raises(ValueError, match=f"^{name} takes images of at least {low}×{low}, got {height}×{width}$"):
        make(name, (1, height, width))


@pytest.mark.parametrize("name", MODELS)
def test_a_victim_answers_what_the_network_does_and_leaves_it_as_it_was(name: str) -> None:
    shape = (1, 8, 8)
    about = {"architecture": name, "shape": shape, "classes": tuple("0123456789"), "mean": [0.3], "std": [0.4]}
    classifier = build(about, seed=1)
    learning = [parameter.requires_grad for parameter in classifier.parameters()]
    classifier(torch.rand(32, *shape))  # batch norm has seen something
    images = torch.rand(5, *shape)
    with torch.no_grad():
        wanted = copy.deepcopy(classifier).eval()(images)
    with Victim(classifier) as victim:
        torch.testing.assert_close(victim.logits(images), wanted)
        logits, gradient = victim.gradient(images, untargeted(wanted.argmax(1)))
    torch.testing.assert_close(logits, wanted)
    assert bool((gradient.flatten(1).norm(dim=1) > 0).all())
    assert [parameter.requires_grad for parameter in classifier.parameters()] == learning
    assert classifier.training


@pytest.mark.parametrize("name", MODELS)
def test_what_was_saved_answers_the_same(name: str) -> None:
    about = {"architecture": name, "shape": (1, 8, 8), "classes": tuple("0123456789"), "mean": [0.3], "std": [0.4]}
    classifier, images = build(about, seed=1), torch.rand(4, 1, 8, 8)
    classifier(images)
    found = restore(about, classifier.net.state_dict())
    assert torch.equal(found(images), classifier.eval()(images))
    trained = [parameter.requires_grad for parameter in classifier.parameters()]
    assert [parameter.requires_grad for parameter in found.parameters()] == trained


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_and_channels_last_change_only_the_last_digits(name: str) -> None:
    net = make(name, (3, 32, 32)).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.rand(4, 3, 32, 32, requires_grad=True)
    exact = net(images)
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(images.to(memory_format=torch.channels_last))
    assert rough.dtype == torch.bfloat16
    assert float(((rough - exact).norm() / exact.norm()).detach()) < 0.05
    exact_gradient, rough_gradient = (torch.autograd.grad(one.float()[:, 0].sum(), images)[0] for one in (exact, rough))
    assert rough_gradient.dtype == torch.float32
    assert float(nn.functional.cosine_similarity(exact_gradient.flatten(), rough_gradient.flatten(), dim=0)) > 0.9


def test_each_relu_of_resnet14_stands_in_one_place_and_changes_nothing_that_a_hook_kept() -> None:
    relus = [part for part in make("resnet14", (3, 32, 32)).modules() if isinstance(part, nn.ReLU)]
    assert len(relus) == 13
    assert not any(relu.inplace for relu in relus)


def test_batch_norm_changes_nothing_else_of_mnist_cnn() -> None:
    plain, normed = make("mnist_cnn", (1, 28, 28)), make("mnist_cnn_bn", (1, 28, 28))
    kinds = [type(part).__name__ for part in normed.children()]
    assert [kinds[place - 1] for place, kind in enumerate(kinds) if kind == "BatchNorm2d"] == ["MaxPool2d"] * 2
    assert [kind for kind in kinds if kind != "BatchNorm2d"] == [type(part).__name__ for part in plain.children()]
    weights = [p for part in normed.children() if not isinstance(part, nn.BatchNorm2d) for p in part.parameters()]
    assert all(map(torch.equal, plain.parameters(), weights))  # a norm draws no number: the same seed, the same start


def test_batch_norm_alone_changes_nothing_else_of_small_cnn() -> None:
    torch.manual_seed(0)
    normed = MODELS["small_cnn"]((3, 32, 32), 10, norm=True)
    plain = make("small_cnn", (3, 32, 32))
    kinds = [type(part).__name__ for part in normed.children()]
    assert [kinds[place + 1] for place, kind in enumerate(kinds) if kind == "BatchNorm2d"] == ["ReLU"] * 3
    assert [kind for kind in kinds if kind != "BatchNorm2d"] == [type(part).__name__ for part in plain.children()]
    weights = [p for part in normed.children() if not isinstance(part, nn.BatchNorm2d) for p in part.parameters()]
    assert all(map(torch.equal, plain.parameters(), weights))
