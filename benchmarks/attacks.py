"""PGD with 40 steps on MNIST test images, beside torchattacks, Foolbox and ART in one run."""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import journal

MODELS = ("undefended", "hardened")
PEERS = ("torchattacks", "foolbox", "art")
NAMES = (
    *PEERS,
    "torchattacks, tuned by hand",
    "assay",
    "assay, float32",
    "assay, nothing closes",
    "assay, float32, nothing closes",
    "assay, its own step",
)
HEAD = ("", "images/s", "times the best peer", "by CPU time", "robust", "forwards", "backwards", "peak MiB (added)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--names", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help="; ".join(NAMES))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--cache", type=Path, default=journal.HERE.parent / "runs" / "benchmark")
    parser.add_argument("--log", action="store_true", help="append the figures to log.md")
    asked = parser.parse_args()
    runs = make_models(asked.cache)
    about = [
        f"linf 0.3, 40 steps of 0.01 (assay's own: 0.01875), {asked.images} test images, random start, the last "
        f"test included; {asked.rounds} rounds in turn after a warm-up; median (smallest–largest)",
        "times: round by round against the peer with the best median; CPU time, of both threads, is what a shared "
        "machine disturbs least",
        "forwards and backwards: images through the model for each image attacked, with clean pass, tests, padding",
        "each contender in a process of its own; memory: its peak, and what the attack added to it",
    ]
    for model in asked.models:
        journal.present(f"PGD-40 on MNIST, {model}", about, [compare(runs[model], asked)], asked.log)


def make_models(cache: Path) -> dict[str, Path]:
    """Where the two models are, trained if need be."""
    runs = {model: cache / model for model in MODELS}
    if not (runs["undefended"] / "model.json").exists():
        journal.assay("train", "mnist_cnn", "--epochs", 3, "--out", runs["undefended"], "--force")
    if not (runs["hardened"] / "model.json").exists():
        against = ("--threat", "linf(0.3)", "--epochs", 2, "--images", 100)
        journal.assay("harden", runs["undefended"], *against, "--out", runs["hardened"], "--force")
    return runs


class Worker:
    """A contender in a process of its own, so that nobody inherits memory or settings of another."""

    def __init__(self, name: str, run: Path, asked: argparse.Namespace) -> None:
        print(f"warm-up of {name}", file=sys.stderr)
        command = [sys.executable, journal.HERE / "contenders.py", name, run, str(asked.images), str(asked.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cpu: list[float] = []
        self.found = self._answer()

    def __call__(self, _: int) -> float:
        assert self.process.stdin
        print(file=self.process.stdin, flush=True)
        self.found = self._answer()
        self.cpu.append(self.found["cpu"])
        return self.found["seconds"]

    def close(self) -> None:
        self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith('{"robust"'):  # what else a peer prints is passed over
                return json.loads(line)
        raise SystemExit(f"a contender died with exit code {self.process.wait()}")


def compare(run: Path, asked: argparse.Namespace) -> str:
    """The table of one model."""
    workers = {name: Worker(name, run, asked) for name in asked.names}
    seconds = journal.in_turn(workers, asked.rounds)
    best = min(set(PEERS) & set(workers) or workers, key=lambda name: statistics.median(seconds[name]))
    rows = []
    for name, worker in workers.items():
        worker.close()
        found = worker.found
        rows.append(
            (
                name,
                journal.spread(asked.images / second for second in seconds[name]),
                journal.times(seconds[name], seconds[best]),
                journal.times(worker.cpu, workers[best].cpu),
                f"{found['robust']:.1%}",
                f"{found['forwards'] / asked.images:.1f}",
                f"{found['backwards'] / asked.images:.1f}",
                f"{found['peak']:.0f} ({found['peak'] - found['before']:.0f})",
            )
        )
    return journal.table(HEAD, rows)


if __name__ == "__main__":
    main()
