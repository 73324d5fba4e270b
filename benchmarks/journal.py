"""What every benchmark needs: contenders in turn, a summary, and the figures written down in log.md.

Imports neither torch nor a peer: a process that starts others must stay small, because Linux counts a parent's memory
into ru_maxrss of its children.
"""

import datetime
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("TQDM_DISABLE", "1")
# A thread that waits for another must sleep: one that spins takes the core from it where the machine is shared, and
# then two threads are up to twenty times slower than one (log.md). For all contenders alike.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def in_turn(contenders: Mapping[str, Callable[[int], float]], rounds: int) -> dict[str, list[float]]:
    """What each returns for rounds 0, 1, …, in turn: what slows the machine for a while slows all alike."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(rounds):
        for name, contend in contenders.items():
            found[name].append(contend(round_))
        print(f"round {round_ + 1} of {rounds}: load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return found


def timed(call: Callable[[int], object]) -> Callable[[int], float]:
    """The seconds that a call takes."""

    def seconds(round_: int) -> float:
        began = time.perf_counter()
        call(round_)
        return time.perf_counter() - began

    return seconds


def spread(values: Iterable[float], digits: int = 0) -> str:
    """Median, and in brackets the smallest and the largest."""
    ordered = sorted(values)
    low, middle, high = (f"{value:,.{digits}f}" for value in (ordered[0], statistics.median(ordered), ordered[-1]))
    return f"{middle} ({low}–{high})"


def times(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """How many times faster ours is, round by round."""
    return spread((there / here for here, there in zip(ours, theirs, strict=True)), 2)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def peak_memory() -> float:
    """The most memory that this process has had, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def assay(*arguments: object) -> None:
    """Run a command of assay in a process of its own."""
    subprocess.run([sys.executable, "-m", "assay", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def present(title: str, about: Sequence[str], tables: Sequence[str], log: bool) -> None:
    """Print the figures, and with `log` append them to log.md, with the date, the commit and the machine."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = "\n\n".join([f"## {date} {title}", "\n".join(f"- {line}" for line in (*_machine(), *about)), *tables])
    print(text)
    if log:
        with (HERE / "log.md").open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")


def _machine() -> list[str]:
    from assay.cli.options import environment

    facts = environment(0)
    chip = facts["gpu"] or f"{facts['processor']}, {facts['cores']} cores"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    changed = " and changes not committed" if _git("status", "--porcelain", ":/src") else ""
    return [
        f"commit {_git('rev-parse', '--short', 'HEAD')}{changed}",
        f"{chip}; {facts['system']}; load at the end {load}",
        f"torch {facts['torch']}, Python {facts['python']}, {facts['threads']} threads "
        f"(OMP_WAIT_POLICY={os.environ['OMP_WAIT_POLICY']})",
    ]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", HERE, *arguments], check=True, capture_output=True, text=True).stdout.strip()
