"""A first convolutional network on CIFAR-10, beside a perceptron."""

from assay.cli.labs.bench import Bench
from assay.cli.labs.plan import Lab, Row, Step, alone, apart, exact, spelt

EPS = ("0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3")
NETS = ("mlp", "small_cnn")


def first_cnn(quick: bool) -> Lab:
    """A first convolutional network on CIFAR-10, trained properly, beside a perceptron (C)."""
    less, images = (" --images 4000 --epochs 2", " --images 300") if quick else ("", "")
    seconds = {"mlp": (20, 15), "small_cnn": (75, 90)}
    steps = []
    for net in NETS:
        train, attack = seconds[net]
        steps.append(Step(f"train {net}{less} --tensorboard --out {{out}}/{net}", train))
        steps.append(
            Step(f"attack {{out}}/{net} --attack fgsm --threat 'linf(0.3)' --eps {','.join(EPS[:-1])}{images}", attack)
        )
    steps.append(Step("model describe {out}/small_cnn", 2))
    return Lab("A first CNN on CIFAR-10", tuple(steps), _rows, NETS, lessons=("softmax_twice", "parameters"))


def _rows(bench: Bench) -> list[Row]:
    data = bench.data("small_cnn")
    described = bench.described("small_cnn")
    convolutions = sum(layer["kind"] == "convolution" for layer in described["layers"])
    against = bench.compared("mlp", "small_cnn")
    told = f"{against['gained']} gained, {against['lost']} lost, p = {against['p']:.2g} (McNemar)"
    splits = " / ".join(spelt(part["images"]) for part in data["splits"].values())
    history = bench.history("small_cnn")
    begun, ended = (100 * line["validation_accuracy"] for line in (history[0], bench.kept("small_cnn")))
    return [
        exact("C1", "images: train / validation / test", "40 000 / 10 000 / 10 000", splits, quick=bench.quick),
        apart("C1", "normalised by", "mean 0, sd 1", f"mean {data['mean'][0]:.3f} …, sd {data['std'][0]:.3f} …",
              "theirs does nothing; ours lives in the network, so that eps is in pixels of [0, 1]"),
        exact("C2", "parameters of the perceptron", 308_310, bench.parameters("mlp")),
        alone("C2", "the perceptron on the test images", bench.test("mlp")),
        exact("C3", "convolutions", 3, convolutions),
        exact("C3", "parameters of a convolution 3 to 8, 3×3", "224",
              bench.worked("parameters", "parameters", input="3,32,32", layers="conv 8 3"), "(in·k² + 1)·out"),
        exact("C3", "parameters of the CNN", "50 000 and more",
              "50 000 and more" if bench.parameters("small_cnn") >= 50_000 else "fewer",
              spelt(bench.parameters("small_cnn"))),
        alone("C3", "the CNN on the test images", bench.test("small_cnn"), f"beside the perceptron: {told}"),
        exact("C4", "epochs", 10, len(history), quick=bench.quick),
        alone("C4", "validation, first epoch to kept one", f"{begun:.1f} % to {ended:.1f} %",
              "the courses plot the test over epochs; ours is one point at the end, so nothing was chosen by it"),
        *_softmax(bench),
        *(alone("C5", f"FGSM at linf {eps}: left of the CNN", bench.left("small_cnn", "fgsm", float(eps)),
                "they attack normalised pixels and never clip") for eps in EPS),
        exact("C6", "TensorBoard's files", "written", "written" if bench.run("small_cnn").has("tb") else "not written",
              "by the extra of that name"),
    ]  # fmt: skip


def _softmax(bench: Bench) -> list[Row]:
    """Their softmax before cross-entropy, in small: the same points, the same steps, and what is learnt."""
    at_the_end = [
        bench.lesson("softmax_twice")[f"loss, doubled loss, Pr(label) at the end{way}"] for way in ("", ", doubled")
    ]
    right, doubled = (f"loss {float(loss):.4f}, Pr(label) {float(sure):.3f}" for loss, _, sure in at_the_end)
    return [
        alone("C4", "cross-entropy of logits: three points, 50 steps", right),
        alone(
            "C4", "the same with a softmax before it", doubled, "theirs; the gradient is gone where the network is sure"
        ),
    ]
