"""Occlusion beside captum's in one run, and how many explanations a second every method makes."""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import journal

CAPTUM = (1, 8, 32, 64, 256)  # perturbations_per_eval; the first is its default
DATA = {"mnist_cnn": "mnist", "small_cnn": "cifar10"}
HEAD = ("", "maps/s", "times captum's default", "times captum's best", "peak MiB (added)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cache", type=Path, default=journal.HERE.parent / "runs" / "benchmark")
    parser.add_argument("--log", action="store_true", help="append the figures to log.md")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        work(json.loads(asked.worker))
        return
    for model, data in DATA.items():
        run = asked.cache / model
        if not (run / "model.json").exists():
            journal.assay("train", model, "--data", data, "--epochs", 1, "--out", run, "--force")
        for threads in asked.threads:
            tables = [
                f"{n} image{'s' if n > 1 else ''}\n\n{compare(run, data, n, threads, asked)}" for n in asked.images
            ]
            about = [
                f"{model} on {data}, test images, {threads} threads; patch 10×10, stride 2, black; float32; "
                f"{asked.rounds} rounds in turn after a warm-up; median (smallest–largest), ratios round by round",
                "each contender in a process of its own; memory: its peak, and what the rounds added to model and data",
                "captum 0.9.0, perturbations_per_eval in brackets; its best is the one with the smallest median",
            ]
            journal.present(f"occlusion and other maps, {model}", about, tables, asked.log)


class Worker:
    """A contender in a process of its own."""

    def __init__(self, job: dict[str, Any]) -> None:
        command = [sys.executable, __file__, "--worker", json.dumps(job)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.found = self._answer()

    def __call__(self, _: int) -> float:
        assert self.process.stdin
        print(file=self.process.stdin, flush=True)
        self.found = self._answer()
        return float(self.found["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


def compare(run: Path, data: str, images: int, threads: int, asked: argparse.Namespace) -> str:
    """The table of one network, so many images at once."""
    job = {"run": str(run), "data": data, "images": images, "threads": threads}
    ours = ("occlusion", "saliency", "smoothgrad", "integrated_gradients", "grad_cam")
    jobs = {f"captum occlusion ({many})": {**job, "captum": many} for many in CAPTUM}
    jobs |= {f"assay {method}": {**job, "method": method} for method in ours}
    workers = {name: Worker(wanted) for name, wanted in jobs.items()}
    seconds = journal.in_turn(workers, asked.rounds)
    theirs = [name for name in jobs if name.startswith("captum")]
    best = min(theirs, key=lambda name: statistics.median(seconds[name]))
    rows = []
    for name, worker in workers.items():
        worker.process.communicate()
        alike = "occlusion" in name
        rows.append(
            (
                f"{name}, its best" if name == best else name,
                journal.spread((images / second for second in seconds[name]), 1),
                journal.times(seconds[name], seconds[theirs[0]]) if alike else "",
                journal.times(seconds[name], seconds[best]) if alike else "",
                f"{worker.found['peak']:.0f} ({worker.found['peak'] - worker.found['before']:.0f})",
            )
        )
    return journal.table(HEAD, rows)


def work(job: dict[str, Any]) -> None:
    """One contender: a line of JSON after the warm-up, and one after each line that it gets."""
    import time

    import torch

    from assay.adversary.victim import Victim
    from assay.cli.options import load_run
    from assay.data import load
    from assay.explain import EXPLAIN

    torch.set_num_threads(job["threads"])
    _, classifier = load_run(Path(job["run"]))
    chosen = load(job["data"], "test", job["images"])
    images, labels = chosen.pixels("cpu"), chosen.labels
    before = journal.peak_memory()
    with Victim(classifier) as victim:
        if "captum" in job:
            from captum.attr import Occlusion

            method = Occlusion(lambda points: classifier(points).softmax(1))
            window = {"sliding_window_shapes": (images.shape[1], 10, 10), "strides": (images.shape[1], 2, 2)}

            def once() -> object:
                with torch.no_grad():
                    many = job["captum"]
                    return method.attribute(images, target=labels, perturbations_per_eval=many, **window)
        else:

            def once() -> object:
                return EXPLAIN[job["method"]](victim, images, labels)

        once()
        print(json.dumps({"before": before, "peak": journal.peak_memory()}), flush=True)
        for _ in sys.stdin:
            began = time.perf_counter()
            once()
            seconds = time.perf_counter() - began
            print(json.dumps({"seconds": seconds, "before": before, "peak": journal.peak_memory()}), flush=True)


if __name__ == "__main__":
    main()
