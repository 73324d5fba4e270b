"""The long campaign, guided by coverage: `PYTHONPATH=FOLDER .venv/bin/python -m tests.fuzz.campaign [READER …]`.

atheris is no dependency: `.venv/bin/pip install --target FOLDER --no-deps atheris==3.0.0`. Each reader runs in a
process of its own, under a limit of time for each input and of memory in all; what it must not do is kept in --out.
"""

import argparse
import contextlib
import functools
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_INPUT = 10  # seconds
MEMORY = 3 << 30  # bytes above what it takes to begin
say = functools.partial(print, flush=True)
LONGEST = 4096  # bytes of an input, or twice its longest seed


def one(name: str, inputs: int, out: Path, place: Path) -> None:
    """Feed one reader. Ends the process."""
    import atheris

    with atheris.instrument_imports(include=["assay", "PIL", "safetensors", "tarfile", "gzip"]):
        from tests.fuzz.readers import READERS, seeds

    corpus = place / "corpus"
    corpus.mkdir()
    found = seeds(name, place)
    for number, seed in enumerate(found):
        (corpus / str(number)).write_bytes(seed)
    reader, told = READERS[name], set()

    def feed(data: bytes) -> None:
        try:
            reader(data, place)
        except Exception as error:
            trace, last = error.__traceback__, None
            while trace:
                last, trace = (trace.tb_frame.f_code.co_filename, trace.tb_lineno), trace.tb_next
            if (kind := (type(error).__name__, last)) not in told:  # each kind once; the campaign goes on
                told.add(kind)
                say(f"FINDING {kind} {str(error)[:300]!r}")
                (out / f"{re.sub('[^a-z]+', '-', name)}-{len(told)}").write_bytes(data)

    page = resource.getpagesize()
    begun = int(Path("/proc/self/statm").read_text().split()[0]) * page
    resource.setrlimit(resource.RLIMIT_AS, (begun + MEMORY, begun + MEMORY))
    options = [f"-runs={inputs}", f"-timeout={PER_INPUT}", "-rss_limit_mb=0", "-seed=1", f"-artifact_prefix={out}/"]
    longest = max(LONGEST, 2 * max(map(len, found)))
    atheris.Setup([sys.argv[0], *options, f"-max_len={longest}", "-verbosity=1", "-len_control=0", str(corpus)], feed)
    atheris.Fuzz()


def _a_run(place: Path) -> None:
    """A small finished run."""
    from assay.cli import main

    os.chdir(place)
    train = ["train", "digits_cnn", "--epochs", "2", "--images", "64", "--out", "run"]
    attack = ["attack", "run", "--attack", "fgsm", "--threat", "linf(0.1)", "--eps", "0,.1", "--images", "8"]
    for words in (train, attack, ["explain", "run", "--method", "occlusion(patch=8)"]):
        with contextlib.redirect_stdout(sys.stderr):
            assert main(words) == 0


def campaign(names: list[str], inputs: int, seconds: int, out: Path) -> int:
    """All readers, one after the other, and a table of what was found."""
    from tests.fuzz.readers import READERS

    out.mkdir(parents=True, exist_ok=True)
    say(f"{'reader':<16}{'inputs':>8}{'seconds':>9}  findings")
    findings = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        _a_run(Path(scratch))
        for name in names or READERS:
            begun, log = time.monotonic(), out / f"{re.sub('[^a-z]+', '-', name)}.log"
            command = [
                sys.executable,
                "-m",
                "tests.fuzz.campaign",
                "--one",
                "--inputs",
                str(inputs),
                "--out",
                str(out),
                name,
            ]
            with tempfile.TemporaryDirectory(dir=scratch) as place, log.open("w") as file:
                (Path(place) / "run").symlink_to(Path(scratch) / "run")
                env = os.environ | {"PLACE": place, "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
                with contextlib.suppress(subprocess.TimeoutExpired):
                    root = Path(__file__).parents[2]
                    subprocess.run(command, env=env, stdout=file, stderr=file, cwd=root, timeout=seconds)
            text = log.read_text(errors="replace")
            told = re.findall("^FINDING .*", text, re.MULTILINE)
            told += re.findall("^==.*ERROR: .*", text, re.MULTILINE)  # a hang, a crash, or memory
            ran = max([0, *(int(n) for n in re.findall(r"^(?:#|Done )(\d+)", text, re.MULTILINE))])
            say(f"{name:<16}{ran:>8}{time.monotonic() - begun:>9.0f}  {len(told)}")
            for line in told:
                say(f"    {line[:400]}")
            findings += len(told)
    return int(findings > 0)


def main() -> int:
    """0 if nothing was found."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("readers", nargs="*")
    words.add_argument("--inputs", type=int, default=10_000)
    words.add_argument("--seconds", type=int, default=600, help="the most for one reader")
    words.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "assay-fuzz")
    words.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = words.parse_args()
    try:
        import atheris  # noqa: F401
    except ImportError:
        say("atheris cannot be imported: pip install --target FOLDER --no-deps atheris==3.0.0, and PYTHONPATH")
        return 2
    if given.one:
        one(given.readers[0], given.inputs, given.out.resolve(), Path(os.environ["PLACE"]))
    return campaign(given.readers, given.inputs, given.seconds, given.out.resolve())


if __name__ == "__main__":
    sys.exit(main())
