"""assay's cascade beside AutoAttack, the original and torchattacks': same net, same images, judged by assay's judge.

torchattacks is found on PYTHONPATH, the original where --autoattack says; who is not there is left out. Each
measurement is a process of its own. The references take long: theirs are kept in --cache, so a run that was stopped
goes on. With --flat, assay alone, at more and more images.
"""

import argparse
import datetime
import hashlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import journal  # first: it says how threads wait
from sides import OURS, Measured, ours, theirs

REFERENCES = ("torchattacks", "original")
APART = 1000  # images from where one seed begins to where the next does
WARM_UP = 32
MARK = '{"contender"'
HEAD = (
    "", "robust", "faults", "s per 1000 images", "times faster than the original",
    "than torchattacks", "forwards + backwards per image", "peak MiB (added)", "measured",
)  # fmt: skip
PAIRS_HEAD = ("", "beside", "only the reference broke it", "only assay broke it")
FLAT_HEAD = ("", "images", "ms per image", "CPU ms per image", "robust", "peak MiB (added)")


def main() -> None:
    asked = arguments()
    for run in asked.runs:
        if asked.flat:
            title, tables = "how flat", [flat(run, asked)]
        else:
            title, found = "beside AutoAttack", compare(run, asked)
            tables = [journal.table(HEAD, figures(found)), journal.table(PAIRS_HEAD, pairs(found))]
        journal.present(f"cascade, {title}, {run.name}", about(run, asked), tables, asked.log)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--threat", default="linf(0.3)")
    parser.add_argument("--images", type=int, default=1000, help="for each seed")
    parser.add_argument("--seeds", type=int, default=3, help=f"seed s sees the test images from {APART}·s on")
    parser.add_argument("--rounds", type=int, default=3, help="of assay; a reference is run once for each seed")
    parser.add_argument("--threads", type=int, default=2, help="for everybody")
    parser.add_argument("--device", default="cpu", help="cpu or cuda, for everybody")
    parser.add_argument("--batch", type=int, default=64, help="of the references; 250 is the original's default")
    parser.add_argument("--autoattack", type=Path, help="folder that holds the original's package autoattack")
    parser.add_argument("--cache", type=Path, default=journal.HERE.parent / "runs" / "benchmark")
    parser.add_argument("--flat", action="store_true", help="assay alone, at --sizes")
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 300, 1000, 3000, 10000])
    parser.add_argument("--names", nargs="+", choices=[*OURS, *REFERENCES], default=[*OURS, *REFERENCES])
    parser.add_argument("--log", action="store_true", help="append the figures to log.md")
    asked = parser.parse_args()
    if asked.seeds > 1 and asked.images > APART:
        parser.error(f"--images: with more than {APART} for each of {asked.seeds} seeds, they would share some")
    if asked.autoattack and not (asked.autoattack / "autoattack").is_dir():
        parser.error(f"--autoattack: {asked.autoattack} holds no folder autoattack")
    missing = {"original": not asked.autoattack, "torchattacks": not importlib.util.find_spec("torchattacks")}
    missing["torchattacks"] |= asked.threat.startswith("l1")  # a norm that it has not
    asked.left_out = [name for name in asked.names if missing.get(name)]
    asked.names = [name for name in asked.names if not missing.get(name)]
    return asked


def about(run: Path, asked: argparse.Namespace) -> list[str]:
    """What a reader must know of the figures."""
    config = json.loads((run / "config.json").read_text())
    recipe = config.get("recipe") or {"model": config.get("imported"), "attack": None, "data": config["data"]}
    against = f"hardened by {recipe['attack']} at {recipe['threat']}" if recipe["attack"] else "undefended"
    data = Path(recipe["data"]).name
    told = [
        f"{Path(recipe['model']).name}, {data}, {against}; threat {asked.threat}; {asked.threads} threads",
        "assay: what `assay evaluate` does, clean pass and judge included, but the other attacks and the diagnostics, "
        "in the precision of the machine, after a short warm-up; each measurement a process of its own; memory: the "
        "most it had, and what the attack added to the model and the whole test split",
    ]
    if asked.flat:
        return [*told, "the first test images"]
    return [
        *told,
        "AutoAttack, version standard: the plain module, contiguous, float32, batches of "
        f"{asked.batch}, its judging not counted; torchattacks' takes 10 steps of APGD and FAB, the original 100",
        f"{asked.seeds} seeds, seed s on the {asked.images} test images from {APART}·s on; assay {asked.rounds} rounds "
        "in turn, the references once for each seed, after assay's first round",
        "robust: right, and not broken as assay's judge sees it, in float32; sum over the seeds of n (each seed); a "
        "fault is an answer beyond the budget, and breaks nothing; indices are places in the test split",
        "seconds: median (smallest–largest) of all seeds and rounds; times: for each seed, the reference against "
        "assay's median round; CPU time, of all threads, is what a shared machine disturbs least",
        "passes: by hooks, of all images, right or wrong, with clean pass, tests and padding",
        *(f"{name} was left out: not there, or without that norm" for name in asked.left_out),
    ]


def compare(run: Path, asked: argparse.Namespace) -> dict[str, list[list[Measured]]]:
    """By contender, for each seed, what its rounds measured. The references come in the first round only."""
    found: dict[str, list[list[Measured]]] = {name: [[] for _ in range(asked.seeds)] for name in asked.names}
    for seed in range(asked.seeds):
        for round_ in range(asked.rounds):
            for name in asked.names:
                if name in OURS or round_ == 0:
                    measure = fresh if name in OURS else kept
                    found[name][seed].append(measure(name, run, seed, APART * seed, asked.images, asked))
    return found


def fresh(name: str, run: Path, seed: int, start: int, images: int, asked: argparse.Namespace) -> Measured:
    """One measurement, in a process of its own."""
    job = {"contender": name, "run": str(run), "threat": asked.threat, "seed": seed, "start": start, "images": images}
    job |= {"threads": asked.threads, "batch": asked.batch, "autoattack": str(asked.autoattack or "")}
    job |= {"device": asked.device}
    command = [sys.executable, __file__, "--serve", json.dumps(job)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    answers = [line for line in done.stdout.splitlines() if line.startswith(MARK)]  # a peer prints things, too
    if done.returncode or not answers:
        raise SystemExit(f"{name} died with exit code {done.returncode}")
    found: Measured = json.loads(answers[-1])
    found |= {"load": os.getloadavg()[0], "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    seen = f"{found['robust']} of {found['images']} robust, {found['seconds']:.1f} s, load {found['load']:.1f}"
    print(f"{run.name} {name}, images from {start}: {seen}", file=sys.stderr, flush=True)
    return found


def kept(name: str, run: Path, seed: int, start: int, images: int, asked: argparse.Namespace) -> Measured:
    """The same, kept in the cache for the next time."""
    weights, data = (json.loads((run / f"{file}.json").read_text()) for file in ("model", "config"))
    network = [weights["architecture"], data.get("source"), weights["weights"]]  # weights may be in another's place
    key = [name, *network, data["data"], asked.threat, seed, start, images, asked.threads, asked.batch]
    key += [asked.device] if asked.device != "cpu" else []
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    place = asked.cache / "autoattack" / f"{name}-{digest}.json"
    if place.exists() and (found := json.loads(place.read_text()))["key"] == key:
        print(f"{run.name} {name}, seed {seed}: from {place}", file=sys.stderr, flush=True)
        return found
    found = fresh(name, run, seed, start, images, asked)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(".part")
    part.write_text(json.dumps({"key": key, **found}, indent=1) + "\n")
    part.replace(place)
    return found


def figures(found: dict[str, list[list[Measured]]]) -> Iterable[Sequence[str]]:
    """A row for each contender."""
    for name, seeds in found.items():
        last, every = [rounds[-1] for rounds in seeds], [one for rounds in seeds for one in rounds]
        each, memory = [one["robust"] for one in last], [max(one[what] for one in every) for what in ("peak", "added")]
        forwards, backwards = (
            statistics.mean(one[what] / one["images"] for one in last) for what in ("forwards", "backwards")
        )
        yield (
            name,
            f"{sum(each)} of {sum(one['images'] for one in last)} ({', '.join(map(str, each))})",
            str(sum(len(one["faults"]) for one in last)),
            journal.spread((1000 * one["seconds"] / one["images"] for one in every), 1),
            *("–" if name == other else faster(seeds, found.get(other)) for other in ("original", "torchattacks")),
            f"{forwards:.1f} + {backwards:.1f}",
            f"{memory[0]:.0f} ({memory[1]:.0f})",
            "now" if name in OURS else "; ".join(map(source, last)),
        )


def faster(ours: list[list[Measured]], theirs: list[list[Measured]] | None) -> str:
    """How many times faster, seed by seed, by the clock and by CPU time."""
    if not theirs:
        return "–"

    def medians(seeds: list[list[Measured]], what: str) -> list[float]:
        return [statistics.median(one[what] for one in rounds) for rounds in seeds]

    wall, cpu = (journal.times(medians(ours, what), medians(theirs, what)) for what in ("seconds", "cpu"))
    return f"{wall}; by CPU {cpu}"


def source(one: Measured) -> str:
    """Where a reference's figure is from."""
    when = f"cached {one['date']}" if "key" in one else "now"
    return f"seed {one['seed']}: {one['seconds']:.0f} s at load {one['load']:.1f}, {when}"


def pairs(found: dict[str, list[list[Measured]]]) -> Iterable[Sequence[str]]:
    """For each of assay's and each reference which images only one of them broke."""
    broken = {name: {i for rounds in seeds for i in rounds[-1]["broken"]} for name, seeds in found.items()}
    for name, other in product(OURS, REFERENCES):
        if name in found and other in found:
            yield name, other, listed(broken[other] - broken[name]), listed(broken[name] - broken[other])


def listed(indices: set[int]) -> str:
    return f"{len(indices)}: {', '.join(map(str, sorted(indices)))}" if indices else "0"


def flat(run: Path, asked: argparse.Namespace) -> str:
    """A row for each effort and number of images."""
    rows = []
    for name, n in product((name for name in asked.names if name in OURS), asked.sizes):
        one = fresh(name, run, 0, 0, n, asked)
        each = [f"{1000 * one[what] / n:.2f}" for what in ("seconds", "cpu")]
        rows.append((name, n, *each, f"{one['robust'] / n:.1%}", f"{one['peak']:.0f} ({one['added']:.0f})"))
    return journal.table(FLAT_HEAD, rows)


def serve(job: dict[str, Any]) -> None:
    """The process of one measurement: print what it found as JSON."""
    import torch
    from contenders import counted

    from assay.cli.options import load_images, load_run

    torch.set_num_threads(job["threads"])
    run, classifier = load_run(Path(job["run"]))
    whole, end = load_images(run, None, "test", None), job["start"] + job["images"]
    if end > len(whole):
        raise SystemExit(f"{whole.name} has {len(whole)} test images, {end} wanted")
    images = whole.rows(slice(job["start"], end))
    contend = ours if job["contender"] in OURS else theirs
    first, before = whole.rows(slice(WARM_UP)), journal.peak_memory()
    classifier.to(job["device"])
    if contend is ours:
        ours(classifier, first, job | {"contender": "assay, quick"})
    else:
        classifier.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        torch.autograd.grad(classifier(pixels := first.pixels(job["device"]).requires_grad_()).sum(), pixels)
    began, cpu_began = time.perf_counter(), time.process_time()
    with counted(classifier) as passes:
        verdicts = contend(classifier, images, job)
    found = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu_began, **passes}
    found |= {"peak": (peak := journal.peak_memory()), "added": peak - before}
    found |= verdicts(load_run(Path(job["run"]))[1])
    print(json.dumps({"contender": job["contender"], "seed": job["seed"], "images": len(images), **found}), flush=True)


if __name__ == "__main__":
    serve(json.loads(sys.argv[2])) if sys.argv[1:2] == ["--serve"] else main()
