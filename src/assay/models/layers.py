"""A network layer by layer: the size of each output, the parameters and their formula, the multiply-adds."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
WEIGHTED = (*CONVOLUTIONS, nn.Linear)
LISTS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)  # which nobody calls
POWERS = {2: "²", 3: "³"}
NOT_CALLED = "not called"
ABOVE = "counted above"


@dataclass(frozen=True)
class Layer:
    """One call of a layer, or a layer that was not called.

    output is a size without the batch, the name of a type that is no tensor, or `not called`. outputs are the numbers
    that a convolution or a linear layer returns for one image, multiply_adds its products; 0 for all other layers.
    parameters are those that no layer above has; `formula` comes to the same number, or is `counted above`.
    """

    name: str
    type: str
    kind: str
    output: tuple[int, ...] | str
    parameters: int
    formula: str
    outputs: int = 0
    multiply_adds: int = 0


@dataclass(frozen=True)
class Share:
    """What the layers of one kind have of a network: numbers, and fractions of all."""

    kind: str
    parameters: int
    of_parameters: float
    outputs: int
    of_outputs: float


def measure(net: nn.Module, images: Float[Tensor, "1 ..."]) -> list[Layer]:
    """The layers in the order in which one image passes them, then those that it does not pass.

    The network runs as it is: a caller holds it in eval mode. Multiply-adds count a product with padding like any
    other. Attention and functions without a module are no layers.
    """
    net = getattr(net, "_orig_mod", net)  # what torch.compile made calls no hooks
    names = {layer: name for name, layer in _leaves(net)}
    counted: set[nn.Parameter] = set()
    found: list[Layer] = []

    def add(layer: nn.Module, output: tuple[int, ...] | str, outputs: int = 0, work: int = 0) -> None:
        new = [parameter for parameter in layer.parameters() if parameter not in counted]
        counted.update(new)
        about = (names[layer], type(layer).__name__, _kind(layer), output)
        found.append(Layer(*about, sum(map(Tensor.numel, new)), _formula(layer, new), outputs, work))

    def record(layer: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        if not isinstance(output, Tensor):
            add(layer, type(output).__name__)
            return
        size = tuple(output.shape[1:] if output.shape[:1] == (1,) else output.shape)  # some put tokens in the batch
        if isinstance(layer, WEIGHTED):
            given = next(iter((*args, *named.values())), None)
            add(layer, size, output.numel(), _multiply_adds(layer, given, output))
        else:
            add(layer, size)

    with hooked(names, record), torch.no_grad():
        net(images)
    called = {layer.name for layer in found}
    for layer, name in names.items():
        if name not in called:
            add(layer, NOT_CALLED)
    return found


@contextmanager
def hooked(layers: Iterable[nn.Module], hook: Callable[..., None]) -> Iterator[None]:
    """`hook(layer, args, named, output)` after each call; taken off again however the block ends."""
    handles = []
    try:
        for layer in layers:
            handles.append(layer.register_forward_hook(hook, with_kwargs=True))
        yield
    finally:
        for handle in handles:
            handle.remove()


def shares(layers: Iterable[Layer], parameters: int) -> list[Share]:
    """What each kind of layer has of all `parameters` and of all outputs; `other` parameters are in no layer."""
    have, give = Counter[str](), Counter[str]()
    for layer in layers:
        have[layer.kind] += layer.parameters
        give[layer.kind] += layer.outputs
    have["other"] = parameters - have.total()
    return [
        Share(kind, own, own / max(1, parameters), give[kind], give[kind] / max(1, give.total()))
        for kind, own in have.items()
        if own or give[kind]
    ]


def _leaves(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Dotted names, and modules without parts; a convolution whose weights are computed has parts, and is a layer.

    Scripted modules take no hooks, and are left out.
    """
    inside: set[nn.Module] = set()
    for name, module in net.named_modules():
        if module in inside:
            continue
        if isinstance(module, WEIGHTED):
            inside.update(module.modules())
        elif isinstance(module, (*LISTS, torch.jit.ScriptModule)) or any(module.children()):
            continue
        yield name or "net", module


def _kind(layer: nn.Module) -> str:
    if isinstance(layer, CONVOLUTIONS):
        return "convolution"
    return "linear" if isinstance(layer, nn.Linear) else type(layer).__name__


def _multiply_adds(layer: Any, given: Any, output: Tensor) -> int:
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if layer.transposed:  # there each number that comes in meets a kernel
        return given.numel() * (layer.out_channels // layer.groups) * prod(layer.kernel_size)
    return output.numel() * (layer.in_channels // layer.groups) * prod(layer.kernel_size)


def _formula(layer: Any, new: list[nn.Parameter]) -> str:
    """Text for the number of parameters that are new; empty where the layer has none at all."""
    named = dict(layer.named_parameters())
    if named and not new:
        return ABOVE
    plain = set(named) <= {"weight", "bias"} and len(new) == len(named)
    if not (plain and named and isinstance(layer, WEIGHTED)):
        alike = Counter(tuple(parameter.shape) or (1,) for parameter in new)  # weight and bias of a norm: one product
        return " + ".join("·".join(map(str, shape if n == 1 else (n, *shape))) for shape, n in alike.items())
    if isinstance(layer, nn.Linear):
        before, after = f"{layer.in_features}", layer.out_features
    else:
        groups = f"/{layer.groups}" if layer.groups > 1 else ""
        before, after = f"{layer.in_channels}{groups}·{_window(layer.kernel_size)}", layer.out_channels
    return f"({before}+1)·{after}" if "bias" in named else f"{before}·{after}"


def _window(sides: tuple[int, ...]) -> str:
    if len(set(sides)) == 1 and len(sides) in POWERS:
        return f"{sides[0]}{POWERS[len(sides)]}"
    return "·".join(map(str, sides))
