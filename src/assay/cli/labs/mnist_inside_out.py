"""A network for MNIST, seen from all sides."""

import shlex

import numpy as np

from assay.cli.labs.bench import Bench
from assay.cli.labs.plan import Lab, Row, Step, alone, apart, exact, measured, spelt

NETS = ("mnist_cnn", "mnist_cnn_bn")
PARAMETERS = {"mnist_cnn": 799_078, "mnist_cnn_bn": 799_206}
THEIRS = {"mnist_cnn": (99.16, 98.89, 502), "mnist_cnn_bn": (99.09, 98.95, 542)}  # test, mean over epochs, seconds
BETAS = (1e-4, 0.01, 1.0)
METHODS = ("saliency", "occlusion(patch=10, stride=2)", "filters", "filters(layer=2)", "activations")
OTHER = "other machines, and other programs beside"


def mnist_inside_out(quick: bool) -> Lab:
    """A network for MNIST, with and without batch norm, seen from all sides (E)."""
    less, some = (" --images 6000 --epochs 1", 100) if quick else (" --epochs 10", 1000)
    fit = "--on 20 --steps 100 --images 200" if quick else "--on 100 --steps 1500 --images 1000"
    toward = " ".join(f"--attack {shlex.quote(attack)}" for attack in _attacks(quick))
    near = f"{{out}}/mnist_cnn --goal 'toward(3)' {toward} --threat 'l2(3)' --images {10 if quick else 50}"
    methods = " ".join(f"--method {shlex.quote(method)}" for method in METHODS)
    steps = [
        Step(f"train mnist_cnn{less} --out {{out}}/mnist_cnn", 90),
        Step(f"train mnist_cnn_bn{less} --out {{out}}/mnist_cnn_bn", 90),
        Step(f"train mnist_mlp{less} --out {{out}}/mnist_mlp", 20),
        *(
            Step(
                f"attack {{out}}/{net} --attack fgsm --threat 'linf(0.3)' --eps 0,.05,.1,.15,.2,.25 --images {some}", 12
            )
            for net in NETS
        ),
        Step(f"explain {{out}}/mnist_cnn {methods} --method 'class_image(steps={_allowed(quick)}, classes=3)'", 30),
        Step(f"explain {{out}}/mnist_cnn_bn {methods}", 20),
        Step(f"attack {near}", 60),
        Step(f"universal {{out}}/mnist_cnn {fit}", 120),
    ]
    return Lab("A network for MNIST, seen from all sides", tuple(steps), _rows, NETS, lessons=("parameters",))


def _allowed(quick: bool) -> int:
    """Iterations of a class image."""
    return 300 if quick else 15_000


def _attacks(quick: bool) -> list[str]:
    """E7: from the image, more and more bound to it, and from noise."""
    steps = 100 if quick else 1000
    near = [f"penalised(beta={beta}, steps={steps})" for beta in BETAS]
    return [*near, f"penalised(beta={BETAS[0]}, steps={steps}, start='noise')"]


def _rows(bench: Bench) -> list[Row]:
    return [
        *(row for net in NETS for row in _learnt(bench, net)),
        measured(
            "E1",
            "perceptron, test",
            98.9,
            bench.test("mnist_mlp"),
            "more",
            bench.quick,
            "theirs is not described",
            10_000,
        ),
        *_counted(bench),
        *_seen(bench),
        *_near(bench),
        *_noise(bench),
    ]


def _learnt(bench: Bench, net: str) -> list[Row]:
    test, mean, seconds = THEIRS[net]
    ours = 100 * float(np.mean([line["validation_accuracy"] for line in bench.history(net)]))
    return [
        exact("E1", f"{net}: parameters", PARAMETERS[net], bench.parameters(net)),
        measured("E1", f"{net}: test after the last epoch", test, bench.test(net), "more", bench.quick, of=10_000),
        apart("E1", f"{net}: mean over epochs, held out", f"{mean} %", f"{ours:.2f} %",
              "our learning rate begins and ends small (one cycle): the first epochs are worse, the last better"),
        apart("E1", f"{net}: seconds of training", seconds, bench.seconds(net), OTHER),
    ]  # fmt: skip


def _counted(bench: Bench) -> list[Row]:
    shares = {share["kind"]: share for share in bench.described("mnist_cnn")["shares"]}
    conv, f1 = shares["convolution"], [line["f1"] for line in bench.per_class("mnist_cnn")]
    return [
        exact("E2", "share of the parameters in convolutions", "1.12 %", f"{100 * conv['of_parameters']:.2f} %",
              "theirs is miscounted: 9 568 of 799 078"),
        exact("E2", "outputs of convolutions", 25_088 + 6_272, conv["outputs"],
              f"{100 * conv['of_outputs']:.1f} % of all outputs; they count weights and call them neurons"),
        alone("E2", "F1, lowest and highest class", f"{100 * min(f1):.1f} % to {100 * max(f1):.1f} %"),
    ]  # fmt: skip


def _seen(bench: Bench) -> list[Row]:
    heard = bench.explanation("mnist_cnn", "activations").read_json("config.json")
    occluded = bench.explanation("mnist_cnn", "occlusion").read_arrays("maps.safetensors")
    image = bench.explanation("mnist_cnn", "class_image").read_arrays("class_images.safetensors")
    reached, steps = image["curve.probability"][:, -1], int(image["stopped"].max())
    ended = "at rest after" if steps < _allowed(bench.quick) else "stopped after"
    return [
        alone("E3", "layers whose filters are drawn", len(bench.explanations("mnist_cnn", "filters"))),
        exact("E4", "dead filters, on six images", "none", _dead(heard["words"]), "; ".join(heard["words"])),
        exact("E5", "positions of a patch of 10, stride 2", "10×10",
              "×".join(map(str, next(value for key, value in occluded.items() if key.startswith("map.")).shape[-2:]))),
        exact("E6", "a 3 from noise: the class's probability", "near 1", "near 1" if reached.min() > 0.99 else "lower",
              f"{reached.min():.4f} to {reached.max():.4f}; {ended} {steps} iterations of 15 000", bench.quick),
    ]  # fmt: skip


def _dead(words: list[str]) -> str:
    counted = [line for line in words if "filters" in line and not line.lstrip().partition(": ")[2].startswith("0 of")]
    return "none" if not counted else f"{len(counted)} layers with some"


def _near(bench: Bench) -> list[Row]:
    """Toward a 3 that stays near the image: what is not led there within l2 3."""
    left = [bench.left("mnist_cnn", attack, 3.0, "toward(target=3)") for attack in _attacks(bench.quick)]
    *near, away = left
    return [
        *(
            alone("E7", f"from the image, beta {beta:g}: no 3 within l2 3", one)
            for beta, one in zip(BETAS, near, strict=True)
        ),
        alone("E7", f"from noise, beta {BETAS[0]:g}: no 3 within l2 3", away, "it ends far from the image"),
    ]


def _noise(bench: Bench) -> list[Row]:
    rows = []
    for fit in bench.panel("mnist_cnn", "universal")["fits"]:
        moved = [100 * value for value in fit["success"] if value is not None]
        on = f"{fit['on']} image{'s' * (fit['on'] > 1)}"
        told = f"{min(moved):.0f} to {max(moved):.0f} % of the others follow"
        rows.append(
            alone(
                "E8", f"a noise for each class, fitted on {on}", told, f"on {spelt(sum(fit['counts']))} unseen images"
            )
        )
    rows[0] = apart("E8", rows[0].what, "mostly fails on other images", rows[0].ours, f"{rows[0].why}; theirs is prose")
    return rows
