"""assay verify."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from assay.cli.options import Device, Json, each_once, show

if TYPE_CHECKING:
    import torch

    from assay.verify.ledger import Ledger

AGAIN = "run it again, too: clean answers, proofs, attacks on some images; your own FILE.py is executed"
SOME = "how many of the images that stand are attacked again, with --rerun, in each evaluation"
REPORT = "what assay report wrote, the page or its .json: counted and made again from its runs, all of them given"
PAGES = (".html", ".htm", ".json")
MOVED = "where the images of folder: or parquet: lie now, if they were moved"


def verify(
    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN", help="run folders, or that of a lab")],
    *,
    rerun: Annotated[bool, arg(help=AGAIN)] = False,
    data: Annotated[str | None, arg(metavar="NAME", help=MOVED)] = None,
    report: Annotated[Path | None, arg(metavar="FILE", help=REPORT)] = None,
    images: Annotated[int, arg(metavar="N", help=SOME)] = 32,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Count every figure of a run again from what it is made of, and name each difference."""
    from assay.cli.options import device_of

    _check(runs, images)
    where, labs = device_of(device), [run for run in runs if (run / "lab.json").is_file()]
    if labs and (len(runs) > 1 or data or report):
        raise ValueError(f"{labs[0]} is a lab: it is verified alone, and --data and --report are for runs")
    if labs:
        from assay.cli.labs.record import runs_of, verify_lab

        ledgers = {str(each): _ledger(each, rerun, None, images, where) for each in runs_of(labs[0])}
        ledgers[f"{labs[0]}/report.json"] = verify_lab(labs[0])
    else:
        ledgers = {str(run): _ledger(run, rerun, data, images, where) for run in runs}
    if report:
        from assay.report.page import page_of
        from assay.run_folder import open_run
        from assay.verify.report import verify_report

        ledgers[str(report)] = verify_report([open_run(run) for run in runs], report, page_of)
    found = [_shown(name, ledger) for name, ledger in ledgers.items()]
    told = {"lab": str(labs[0]), "runs": found} if labs else {"runs": found} if len(found) > 1 else found[0]
    show(told, "\n".join(_text(name, ledger) for name, ledger in ledgers.items()), json)
    return 1 if any(ledger.differences for ledger in ledgers.values()) else 0


def _check(runs: tuple[Path, ...], images: int) -> None:
    """ValueError, before any work, for what cannot be asked."""
    each_once(runs, "verify")
    if images < 1:
        raise ValueError(f"--images must be at least 1, got {images}")
    if pages := [run for run in runs if run.suffix.lower() in PAGES and run.is_file()]:
        raise ValueError(f"{pages[0]} is a page, a run folder wanted: assay verify RUN … --report {pages[0]}")


def _ledger(run: Path, rerun: bool, data: str | None, images: int, where: "torch.device") -> "Ledger":
    """What was found in one run."""
    from assay.cli.options import environment, load_run, note
    from assay.run_folder import open_run
    from assay.verify.run import own_files
    from assay.verify.run import verify as verified
    from assay.verify.source import Source

    found, classifier = open_run(run), None
    source, here = Source(found.read_json("config.json")["data"], data), environment(0)
    if rerun:
        for own in own_files(found):
            note(f"assay: --rerun executes {own}")
        _, classifier = load_run(run)
    return verified(found, source, here, classifier, where, images)


def _shown(run: str, ledger: "Ledger") -> dict[str, Any]:
    shown = {"run": run, "figures": ledger.figures, "proofs": ledger.proofs, "differences": ledger.differences}
    return {**shown, "unknown": ledger.unknown, "digests": ledger.digests, "rerun": ledger.rerun}


def _text(run: str, ledger: "Ledger") -> str:
    from assay.files import printable

    lines = [f"{run}: {ledger.figures} figures confirmed, {ledger.proofs} proofs checked"]
    lines += [f"  {name}  digest {digest}" for name, digest in ledger.digests.items()]
    for name, again in ledger.rerun.items():
        lines.append(
            f"  {name}  again: {again['clean']} clean answers, {again['proofs']} proofs, "
            f"{again['attacked']} images attacked, {again['moved']} of {again['verdicts']} verdicts moved"
            f"{'' if again['same_machine'] else ' (env.json says another machine or version)'}"
        )
    lines += [f"  {len(ledger.differences)} differences" if len(ledger.differences) != 1 else "  1 difference"]
    lines += [f"    {text}" for text in ledger.differences]
    if ledger.unknown:
        lines += ["  what it cannot know", *(f"    {text}" for text in ledger.unknown)]
    return "\n".join(map(printable, lines))
