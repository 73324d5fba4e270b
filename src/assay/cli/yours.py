"""From FILE.py:FUNCTION to the run folder of that model, for verbs that take either."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.options import load_named, note

if TYPE_CHECKING:
    from assay.adversary.victim import Access


def run_of(
    run: Path, data: str | None, out: Path | None, skip_bad: bool, device: str, force: bool
) -> "tuple[Path, Access]":
    """The run folder that is meant, and what its model gives: gradients, scores or labels."""
    from assay.run_folder import open_run

    if ".py:" in str(run):
        run = yours(str(run), data, out, skip_bad, device, force)
    elif out:
        raise ValueError(f"--out is for a model of FILE.py:FUNCTION; the evaluation of {run} is written into it")
    return run, open_run(run).read_json("config.json").get("access", "gradients")


def yours(text: str, data: str | None, out: Path | None, skip_bad: bool, device: str, force: bool) -> Path:
    """The run of that model: the one that was made of the same file before, or a new one.

    The function returns an nn.Module with its weights in it, or takes images itself and answers with scores or classes.
    """
    from assay.cli.import_ import imported
    from assay.run_folder import code_hash, open_run

    if data is None:
        raise ValueError(f"{text} is a model without data: say --data NAME, such as --data folder:PATH")
    path, _, function = text.rpartition(":")
    place = out or Path(f"{Path(path).stem}-{function}")
    if place.is_dir() and (place / "config.json").is_file():
        config = open_run(place).read_json("config.json")
        if (code := code_hash(text)) and (config.get("imported"), config.get("source")) == (text, code):
            return place
    images = load_named(data, "test", skip_bad=skip_bad)
    imported(text, images, data, place, None, (), (), skip_bad, device, force)
    note(f"assay: {text} is the run {place} from now on: assay report {place}")
    return place
