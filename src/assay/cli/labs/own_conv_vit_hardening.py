"""An own convolution, a transformer, an own design, and hardening."""

import shlex
from itertools import pairwise

from assay.cli.labs.bench import Bench
from assay.cli.labs.plan import Lab, Row, Step, alone, apart, exact, gained

OWN = "small_cnn(conv='own')"
NORMED = "small_cnn(norm=True)"
SHALLOW = " --model 'vit(depth=2)'"  # in the quick form
CHANGES = {
    "plain": "norm=False",
    "shallow": "depth=1",
    "deep": "depth=3",
    "wide": "kernel=5",
    "strided": "stride=2",
}
THREAT = "linf(8/255)"
SWEEP, STEPS = (2 / 255, 4 / 255, 8 / 255, 16 / 255), (1, 5, 20)
SCENES = ("better_128", "vit_128", "tuned", "frozen")
OTHER_CLASSES = "theirs is a set of 100 classes and 128 pixels: compare the gain, not the level"


def own_conv_vit_hardening(quick: bool, data: str | None) -> Lab:
    """An own convolution, a transformer, an own design, hardening (D); --data folder:PATH for larger images."""
    some, images = "--images 3000 --epochs 1" if quick else "", 60 if quick else 1000
    short = some or "--images 10000 --epochs 4"
    base = [] if quick else [Step(f"train better_cnn {short} --out {{out}}/better", 60)]
    steps = [
        Step(f"train small_cnn {some or '--epochs 3'} --out {{out}}/torch", 25),
        Step(f"train small_cnn --model {shlex.quote(OWN)} {some or '--epochs 3'} --out {{out}}/own", 100),
        Step(f"train small_cnn {some} --out {{out}}/small", 75),
        Step(f"train small_cnn --model {shlex.quote(NORMED)} {some} --out {{out}}/normed", 90),
        Step(f"train better_cnn {some} --out {{out}}/better_cnn", 420),
        *base,
        *(
            Step(f"train better_cnn --model 'better_cnn({change})' {short} --out {{out}}/{name}", 60)
            for name, change in _changes(quick).items()
        ),
        Step(f"train vit {some}{SHALLOW * quick} --out {{out}}/vit", 700),
        Step("explain {out}/small --method saliency --method grad_cam", 10),
        Step(_swept("small", images), 120),
        *(
            Step(
                f"harden {{out}}/small --method '{name}(steps=3)' --threat '{THREAT}' --epochs {1 if quick else 10} "
                f"--suite {'quick' if quick else 'standard'} --images {images} --out {{out}}/{name}", 300
            )
            for name in ("pgd", "blend")
        ),
        *(_scenes(quick, data) if data else ()),
    ]  # fmt: skip

    def rows(bench: Bench) -> list[Row]:
        return [
            *_convolution(bench),
            *_designs(bench),
            *_larger(bench, bool(data)),
            *_attacked(bench),
            *_hardened(bench),
        ]

    shown = ("small", "pgd", "blend")
    title = "An own convolution, a transformer, an own design, and hardening"
    return Lab(title, tuple(steps), rows, shown, lessons=("own_convolution",))


def _changes(quick: bool) -> dict[str, str]:
    """What is changed of the own design, each alone; in the quick form what is quickest."""
    return {name: CHANGES[name] for name in ("shallow", "strided")} if quick else CHANGES


def _swept(run: str, images: int) -> str:
    attacks = " ".join(f"--attack 'pgd(steps={steps})'" for steps in STEPS)
    eps = ",".join(f"{eps:.17g}" for eps in SWEEP[:-1])
    return f"attack {{out}}/{run} {attacks} --goal least_likely --threat 'linf(16/255)' --eps {eps} --images {images}"


def _scenes(quick: bool, data: str) -> list[Step]:
    some, images = " --epochs 1 --images 100" if quick else "", shlex.quote(data)
    begin = "--weights {out}/resnet18/model.safetensors"
    less = "--images 500 --epochs 1" if quick else "--epochs 3"
    return [
        Step(f"train resnet18 {less} --out {{out}}/resnet18", 300),
        Step(f"train better_cnn_128 --data {images}{some} --out {{out}}/better_128", 300),
        Step(f"train vit_128 --data {images}{some} --out {{out}}/vit_128", 1500),
        *([] if quick else [Step(f"train resnet18_128 --data {images} {begin} --out {{out}}/tuned", 400)]),
        Step(f"train resnet18_128 --data {images}{some} {begin} --freeze --out {{out}}/frozen", 200),
    ]


def _convolution(bench: Bench) -> list[Row]:
    def row(what: str, of: str) -> Row:
        mine, theirs = (bench.kept(run)[of] for run in ("own", "torch"))
        return alone("D2", what, f"{mine:.0f}", f"torch's: {theirs:.0f}")

    return [
        exact(
            "D1", "own convolution and torch's: outputs and gradients", "equal", "equal" if _same(bench) else "differ"
        ),
        alone(
            "D2",
            "the small CNN with the own one: test",
            bench.test("own"),
            f"with torch's: {100 * bench.test('torch')['share']:.1f} %",
        ),
        row("images a second in training", "images_per_second"),
        row("peak memory, MiB", "peak_memory"),
    ]


def _same(bench: Bench) -> bool:
    """Whether the lesson's two agree in all results: it cannot be made where they do not."""
    return all(result.agrees for result in bench.lesson("own_convolution").results.values())


def _designs(bench: Bench) -> list[Row]:
    better, normed = bench.gain("small", "better_cnn"), bench.gain("small", "normed")
    rows = [
        alone("D3", "transformer from scratch on CIFAR-10: test", bench.test("vit"),
              f"theirs is as good as their small CNN; ours {bench.gain('small', 'vit')['points']:+.1f} points, "
              f"in {bench.seconds('vit'):.0f} s of training"),
        gained("D4", "own design beside the small CNN", 10, better, bench.quick, OTHER_CLASSES),
        gained("D4", "batch norm alone beside the small CNN", 0, normed, bench.quick, OTHER_CLASSES),
    ]  # fmt: skip
    whole = "better_cnn" if bench.quick else "better"  # of as many images and epochs as what is changed
    for name, change in _changes(bench.quick).items():
        why = f"{bench.gain(whole, name)['points']:+.1f} points beside the whole, of as many images and epochs"
        rows.append(alone("D4", f"own design, {change}", bench.test(name), why))
    top1, top5 = bench.test("better_cnn"), bench.top5("better_cnn")
    why = f"{OTHER_CLASSES}; theirs prints 88.72 for top 5, which its own log rules out"
    ours = f"{100 * top1['share']:.1f} %, {100 * top5['share']:.1f} %"
    return [*rows, apart("D6", "own design: top 1 and top 5", "52.24 %, 80.7 %", ours, why)]


def _larger(bench: Bench, asked: bool) -> list[Row]:
    """The rows about images of 128 pixels, where a folder of them was named."""
    if not asked:
        return [alone("D5", "a ResNet-18 fine-tuned on larger images", "not run", "--data folder:PATH runs it")]
    made = [name for name in SCENES if name != "tuned" or not bench.quick]  # which takes the quick form too long
    gaps = {name: 100 * (bench.kept(name)["accuracy"] - bench.kept(name)["validation_accuracy"]) for name in made}
    names = {"better_128": "D4", "vit_128": "D3", "tuned": "D5", "frozen": "D5"}
    words = {
        "better_128": "own design",
        "vit_128": "transformer from scratch",
        "tuned": "ResNet-18 fine-tuned, all layers",
        "frozen": "ResNet-18 fine-tuned, last layer only",
    }
    return [
        alone(names[name], f"128 pixels, {words[name]}: test", bench.test(name),
              f"training is {gaps[name]:.1f} points above validation; {bench.seconds(name):.0f} s")
        for name in made
    ]  # fmt: skip


def _attacked(bench: Bench) -> list[Row]:
    goal, rows = "least_likely", []
    for steps in STEPS:
        left = [100 * bench.left("small", f"pgd(steps={steps})", eps, goal)["share"] for eps in SWEEP]
        falls = left[0] > left[-1] and all(a >= b for a, b in pairwise(left))
        why = "theirs: a smaller eps hurts more; it hurts less" if falls else "it does not fall at every step"
        told = ", ".join(f"{value:.1f}" for value in left)
        rows.append(
            alone("D8", f"toward the least likely class, {steps} steps, eps 2, 4, 8, 16/255: not reached, %", told, why)
        )
    maps = len(bench.explanation("small", "saliency").read_json("config.json")["maps"])
    return [exact("D7", "saliency of the most confident class: maps drawn", 1, maps), *rows]


def _hardened(bench: Bench) -> list[Row]:
    if bench.quick:
        return []
    rows = [alone("D9", f"not hardened: right under the standard suite at {THREAT}", bench.robust("small"))]
    for name, words in (
        ("pgd", "hardened by PGD, 3 steps"),
        ("blend", "by the blend of clean and attacked, which trains at half of eps"),
    ):
        rows += [
            alone("D9", f"{words}: test", bench.test(name)),
            alone("D9", "right under the standard suite", bench.robust(name)),
            apart(
                "D9",
                "ten epochs of hardening",
                "2.5 hours",
                f"{bench.seconds(name) / 60:.1f} minutes",
                "another network, other machines",
            ),
        ]
    return rows
