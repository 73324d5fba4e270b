"""Gradients, convolutions and two attacks worked on paper."""

from assay.cli.labs.bench import Bench
from assay.cli.labs.plan import Lab, Row, alone, exact

LESSONS = ("gradient", "loss", "convolution", "pooling", "threat_model", "true_or_false")
ONE = {"image": "1,-1,3,4,4", "kernel": "1,1"}
IMAGE = ".1,-.6,.4,.8;-.4,.3,.9,.2;.5,.2,.8,-.7;.3,.7,-.4,.1"
FIVE = {"image": "2,4,7,6,2;9,7,1,2,1;8,3,4,5,8;4,3,3,1,2;5,2,1,5,3", "kernel": "1,0,-1;1,0,-1;1,0,-1"}
POOLED = {"image": "4,7,6,2;7,1,2,1;3,3,1,2;2,1,5,3", "stride": "2"}


def by_hand(quick: bool) -> Lab:  # noqa: ARG001 (a second is quick)
    """Gradients, convolutions and two attacks worked on paper, and by torch (B)."""
    return Lab("By hand: gradients, convolutions, two attacks", (), _rows, lessons=LESSONS)


def _rows(bench: Bench) -> list[Row]:
    return [*_gradients(bench), *_convolutions(bench), *_attacks(bench)]


def _gradients(bench: Bench) -> list[Row]:
    worked = bench.worked
    own = worked("loss", "mean squared error, own function")
    return [
        exact("B1", "dy/dx of y = w·x + b, w = [2, 1]", "[2, 1]", worked("gradient", "dy/dx")),
        exact("B2", "mean squared error", "1/64 = 0.015625", worked("loss", "mean squared error"),
              "their table is lost: ours is one that gives their number"),
        exact("B2", "the same by an own function", "1/64 = 0.015625", own),
        exact("B3", "loss of the line through XOR", "35/2 = 17.5", worked("loss", "loss")),
        exact("B3", "its gradient", "[5, 4.5, 8]", worked("loss", "gradient")),
        alone("B3", "the loss after a step of 0.1 down the gradient", worked("loss", "loss after a step down"),
              "the way down is −gradient"),
        alone("B3", "the loss after that step as they write it", worked("loss", "loss after a step up"),
              "they forget the sign: it goes up"),
        exact("B3", "the minimum", "[0, 0, 0.5]", worked("loss", "minimum")),
        exact("B3", "the loss there", "1/4 = 0.25", worked("loss", "loss at the minimum")),
    ]  # fmt: skip


def _convolutions(bench: Bench) -> list[Row]:
    def output(result: str = "output", **settings: str) -> str:
        return bench.worked("convolution", result, **settings)

    down, up = {"image": IMAGE, "kernel": "1,0;0,1"}, {"image": IMAGE, "kernel": "0,1;1,0"}
    four = ";".join(["1,1,1,1"] * 4)
    return [
        exact("B4", "1-d convolution", "[0, 2, 7, 8]", output(**ONE)),
        exact("B4", "the same, stride 2", "[0, 7]", output(**ONE, stride="2")),
        exact("B5", "2-d, kernel 1,0;0,1", "[[0.4, 0.3, 0.6], [-0.2, 1.1, 0.2], [1.2, -0.2, 0.9]]", output(**down)),
        exact("B5", "2-d, kernel 0,1;1,0", "[[-1, 0.7, 1.7], [0.8, 1.1, 1], [0.5, 1.5, -1.1]]", output(**up)),
        exact("B5", "size of the output, stride 2", "[3, 3]", output("output size", **down, stride="2"),
              "they seem to say 3×3, which is the size at stride 1"),
        exact("B6", "size of the output of a kernel of 4×4", "[1, 1]",
              output("output size", image=IMAGE, kernel=four)),
        exact("B6", "5×5 by 3×3", "[[7, 1, 1], [13, 5, -3], [9, -3, -5]]", output(**FIVE)),
        exact("B6", "the same, stride 2", "[[7, 1], [9, -5]]", output(**FIVE, stride="2")),
        alone("B6", "the true convolution of the two", output("true convolution", **FIVE),
              "what networks call convolution is cross-correlation"),
        exact("B7", "2×2 max-pooling, stride 1", "[[0.3, 0.9, 0.9], [0.5, 0.9, 0.9], [0.7, 0.8, 0.8]]",
              bench.worked("pooling", "output")),
        exact("B7", "2×2 max-pooling, stride 2", "[[7, 6], [3, 5]]", bench.worked("pooling", "output", **POOLED)),
        exact("B7", "its parameters", "0", bench.worked("pooling", "parameters")),
    ]  # fmt: skip


def _attacks(bench: Bench) -> list[Row]:
    def plane(result: str) -> str:
        return bench.worked("threat_model", result)

    def shown(result: str) -> str:
        return bench.worked("true_or_false", result)

    return [
        exact("B8", "Pr(cat) at x = [2, 1]", "0.9526", plane("Pr(cat)")),
        exact("B8", "Pr(dog)", "0.0474", plane("Pr(dog)")),
        exact("B9", "corners of the ball", "[[1.9, 0.9], [1.9, 1.1], [2.1, 0.9], [2.1, 1.1]]", plane("corners")),
        exact("B9", "the optimum", "[1.9, 0.9]", plane("optimum in linf")),
        exact("B9", "Pr(dog) there", "0.0573", plane("Pr(dog) at the optimum in linf")),
        alone("B9", "the optimum in l2, and in l1", f"{plane('optimum in l2')}, {plane('optimum in l1')}"),
        alone("B10", "FGSM, steps 0.01, 0.1, 0.25, 0.5", plane("FGSM"), "they go the other way, where Pr(dog) falls"),
        exact("B10", "which of them lie inside", "[1, 1, 0, 0]", plane("FGSM inside")),
        exact("B11", "PGD by the sign: steps to the optimum", "10", plane("steps, sign")),
        exact("B11", "PGD by the raw gradient: steps to the optimum", "203", plane("steps, raw")),
        exact("B12", "an attack changes the weights by", "0", shown("1: change of the weights")),
        alone("B12", "and the pixels to", shown("2: FGSM"), "from [0.9, 0.2, 0.5, 0.98]"),
        alone("B12", "FGSM can be targeted: Pr(target) after it", shown("3: Pr(target) after it"),
              f"from {bench.lesson('true_or_false')['probabilities'][2]:.4f} before"),
        exact("B12", "points of PGD's path inside the ball", "all",
              "all" if "0" not in shown("4: inside") else "not all"),
    ]  # fmt: skip
