"""Forgeries of one value: a number in a file that somebody reads."""

from typing import Any

from tests.verify.forging import FORGERIES, Forgery, edit, of_run

OTHER = {"broken": "robust", "robust": "broken"}


def renamed(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**frame, "eps": 0.15 if frame["eps"] == 0.1 else frame["eps"]} for frame in frames]


EDITS: dict[str, tuple[Forgery, str, str]] = {
    "a count": (edit("results.json", "robust", 1, "count", value=lambda n: n + 1), "results.json", "robust [at"),
    "a denominator": (edit("results.json", "clean", "n", value=20), "results.json", "clean n is 20, 24 wanted"),
    "an interval": (edit("results.json", "clean", "low", value=0.9), "results.json", "clean low is 0.9"),
    "a mean": (
        edit("results.json", "attacks", 3, "mean_ssim", value=lambda x: x + 1e-5),
        "results.json",
        "attacks [fgsm at eps 0.1] mean_ssim",
    ),
    "one more figure": (edit("results.json", "proven", value=0.9), "results.json", "proven says 0.9"),
    "faults": (edit("results.json", "faults", value=1), "results.json", "faults is 1, 0 wanted"),
    "a recall": (edit("results.json", "per_class", 3, "recall", value=0.99), "results.json", "per_class [3]"),
    "the median": (edit("results.json", "smallest_eps", value=None), "results.json", "smallest_eps is None"),
    "the split": (edit("config.json", "split", value="validation"), "config.json", "fingerprint is"),
    "no split": (edit("config.json", "split", value="best"), "config.json", "split is 'best'"),
    "another n": (edit("config.json", "n", value=23), "images.parquet", "24 rows, but config.json says 23"),
    "another eps": (edit("config.json", "epsilons", value=[0.1, 0.2]), "images.parquet", "@0.2:confidence is"),
    "another norm": (edit("config.json", "norm", value="l2"), "images.parquet", "not of one change"),
    "another goal": (edit("config.json", "goal", value="toward(target=3)"), "images.parquet", "goal wants"),
    "another seed": (edit("config.json", "seed", value=1), "config.json", "seed is 1, 0 wanted"),
    "another fingerprint": (edit("config.json", "fingerprint", value="0" * 16), "config.json", "fingerprint is"),
    "another attack's name": (edit("config.json", "attacks", 1, value="pgd(steps=99)"), "images.parquet", "missing"),
    "images that were learnt from": (edit("config.json", "trained_on", value=3), "config.json", "trained_on is 3"),
    "eight bit": (edit("config.json", "eight_bit", value=True), "adversarial.safetensors", "no image of 8 bit"),
    "a negative cost": (edit("costs.json", 1, "forwards", value=-5), "costs.json", "none can be below 0"),
    "too few passes": (edit("costs.json", 5, "forwards", value=3), "costs.json", "but it attacked"),
    "gradients of noise": (edit("costs.json", 0, "backwards", value=9), "costs.json", "asks for no gradients"),
    "one search, two costs": (edit("costs.json", 6, "forwards", value=999), "costs.json", "forwards is 999"),
    "a line of costs twice": (edit("costs.json", 0, "eps", value=0.1), "costs.json", "is missing"),
    "the gallery's verdict": (edit("gallery.json", "pictures", 0, "verdict", value="fault"), "gallery", "verdict"),
    "the gallery's choice": (edit("gallery.json", "pictures", 0, "index", value=1), "gallery.json", "index is 1"),
    "a frame's verdict": (
        edit("frames.json", "frames", 1, "verdict", value=lambda word: OTHER[word]),
        "frames",
        "verdict",
    ),
    "a frame's size": (edit("frames.json", "frames", 2, "size", value=0.01), "frames.json", "size is 0.01"),
    "a frame's eps": (edit("frames.json", "frames", value=renamed), "frames.json", "eps is 0.15, 0.1 wanted"),
    "a frame's attack": (edit("frames.json", "frames", 1, "attack", value="noise"), "frames.json", "attack is 'noise'"),
    "the strip's size": (edit("strip.json", "frames", 1, "size", value=0.01), "strip.json", "size at eps 0.05"),
    "the strip's image": (edit("strip.json", "label", value=2), "strip.json", "label is 2"),
    "the parameters": (of_run("model.json", "parameters", value=10**7), "model.json", "parameters is 10000000"),
    "the run's data": (of_run("config.json", "fingerprint", value="0" * 16), "run/config.json", "fingerprint"),
    "another scale": (of_run("model.json", "mean", 0, value=0.5), "model.json", "mean [0] is 0.5"),
    "a larger step": (of_run("config.json", "recipe", "learning_rate", value=0.01), "metrics.jsonl", "learning_rate"),
    "another seed of the training": (of_run("config.json", "recipe", "seed", value=9), "env.json", "9 wanted"),
    "the data panel": (
        of_run("panels/data.json", "splits", "test", "also_in_train", value=5),
        "panels/data.json",
        "splits test also_in_train is 5",
    ),
}
FORGERIES |= EDITS
