"""The residual networks: the names of torchvision, the number of the paper, one activation for each place."""

import pytest
import torch
from torch import nn

from assay.models import MODELS

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def torchvision_names() -> dict[str, tuple[int, ...]]:
    """What `torchvision.models.resnet18().state_dict()` holds, written down from its documentation of the layers."""
    found: dict[str, tuple[int, ...]] = {}

    def add(conv: str, bn: str, *shape: int) -> None:
        found[f"{conv}.weight"] = shape
        found.update({f"{bn}.{part}": () if part == NORM[4] else shape[:1] for part in NORM})

    add("conv1", "bn1", 64, 3, 7, 7)
    before = 64
    for layer, width in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            here = f"layer{layer}.{block}"
            add(f"{here}.conv1", f"{here}.bn1", width, before, 3, 3)
            add(f"{here}.conv2", f"{here}.bn2", width, width, 3, 3)
            if before != width:
                add(f"{here}.downsample.0", f"{here}.downsample.1", width, before, 1, 1)
            before = width
    return found | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def test_resnet18_has_the_names_and_shapes_of_torchvision() -> None:
    net = MODELS["resnet18"]((3, 224, 224), 1000)
    found = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert len(found) == 122
    assert list(found.items()) == list(torchvision_names().items())
    assert sum(parameter.numel() for parameter in net.parameters()) == 11_689_512
    assert "11 689 512 for 1000 classes" in (MODELS["resnet18"].__doc__ or "")


@pytest.mark.parametrize(("stem", "sides"), [("imagenet", (8, 4, 2, 1)), ("small", (32, 16, 8, 4))])
def test_each_stage_of_resnet18_sees_what_its_stem_leaves(stem: str, sides: tuple[int, ...]) -> None:
    net = MODELS["resnet18"]((3, 32, 32), 10, stem=stem).eval()
    seen: list[int] = []
    for name, part in net.named_children():
        if name.startswith("layer"):
            part.register_forward_hook(lambda _, __, output: seen.append(output.shape[-1]))
    net(torch.rand(1, 3, 32, 32))
    assert tuple(seen) == sides


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_preact_resnet18_has_the_activation_that_was_asked_for(activation: str) -> None:
    net = MODELS["preact_resnet18"]((3, 32, 32), 10, activation=activation)
    kinds = [type(part) for part in net.modules() if isinstance(part, nn.ReLU | nn.SiLU)]
    assert kinds == [{"relu": nn.ReLU, "silu": nn.SiLU}[activation]] * 17  # two in a block, and one before the pool


def test_a_block_without_weights_hands_on_what_came_in() -> None:
    """The sum comes last, with nothing after it: what pre-activation is for (arXiv 1603.05027, equation 5)."""
    block = MODELS["preact_resnet18"]((3, 32, 32), 10).get_submodule("stage1.0")
    nn.init.zeros_(block.get_parameter("conv2.weight"))
    images = torch.randn(2, 64, 5, 5)
    assert torch.equal(block(images), images)


@pytest.mark.parametrize("name", ["resnet18", "preact_resnet18"])
def test_no_activation_is_called_twice(name: str) -> None:
    net = MODELS[name]((3, 32, 32), 10).eval()
    calls: list[nn.Module] = []
    activations = [part for part in net.modules() if isinstance(part, nn.ReLU)]
    for part in activations:
        assert not part.inplace
        part.register_forward_hook(lambda part, _, __: calls.append(part))
    net(torch.rand(1, 3, 32, 32))
    assert calls == activations
    assert len(calls) == 17
