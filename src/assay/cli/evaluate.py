"""assay evaluate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from assay.cli.options import (
    Data,
    Device,
    EightBit,
    EpsText,
    Force,
    GoalText,
    Images,
    Json,
    Seed,
    SkipBad,
    Specs,
    Split,
    ThreatText,
    Workers,
)

if TYPE_CHECKING:
    from assay.cli.gate import Gate
    from assay.evaluate.engines import Engine
    from assay.run_folder import Folder


RunOrFile = Annotated[
    Positional[Path],
    arg(metavar="RUN", help="a run folder; or FILE.py:FUNCTION, your model: with --data, and --out for its run"),
]
EngineName = Annotated[
    Literal["local", "ray"],
    arg(help="who makes the shards: processes of this machine, or the Ray cluster of RAY_ADDRESS"),
]
Points = Annotated[
    float | None, arg(metavar="POINTS", help="draw images until robust accuracy is known to within ± so much")
]


def evaluate(
    run: RunOrFile,
    *,
    out: Annotated[Path | None, arg(metavar="RUN", help="the run folder that is made for FILE.py:FUNCTION")] = None,
    threat: ThreatText = "linf(0.3)",
    eps: EpsText = None,
    suite: Annotated[Literal["quick", "standard"], arg(help="which attacks: a first look, or more effort")] = "quick",
    goal: GoalText = "untargeted",
    data: Data = None,
    split: Split = "test",
    images: Images = None,
    skip_bad: SkipBad = False,
    eight_bit: EightBit = False,
    precision: Points = None,
    workers: Workers = 1,
    engine: EngineName = "local",
    fail_if: Annotated[Specs, arg(metavar="TEXT", help='exit 1 on "robust < 0.40", "verdict != believable" …')] = (),
    junit: Annotated[Path | None, arg(metavar="FILE", help="where the gates are written for a pipeline")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Robust accuracy: right, and under every attack of a suite."""
    from dataclasses import replace

    from assay.cli.evaluating import carry_out, tell
    from assay.cli.gate import Gate
    from assay.cli.options import note, plan_of
    from assay.cli.yours import run_of
    from assay.evaluate.suites import SUITES

    if workers < 1:
        raise ValueError(f"--workers must be at least 1, got {workers}")
    if precision is not None and not 0.1 <= precision <= 50:
        raise ValueError(f"--precision is in points of accuracy, between 0.1 and 50, got {precision:g}")
    if junit and not fail_if:
        raise ValueError("--junit FILE needs a gate to write: --fail-if TEXT")
    gates = [Gate(text) for text in fail_if]
    run, access = run_of(run, data, out, skip_bad, device, force)
    plan = plan_of(SUITES[suite][access], threat, eps, goal, seed, device, eight_bit)
    plan = replace(plan, checked=suite == "standard" and plan.goal.name == "untargeted")
    half_width = precision / 100 if precision else None
    maker = on_ray() if engine == "ray" else None
    folder = carry_out(run, plan, suite, data, split, images, force, skip_bad, workers, half_width, maker)
    tell(folder, json)
    failed = judge_gates(folder, gates, junit)
    for reason in failed:
        note(f"assay: --fail-if: {reason}")
    return 1 if failed else 0


def on_ray() -> "Engine":
    """The engine of the extra that may be missing."""
    try:
        from assay.evaluate.on_ray import spread
    except ModuleNotFoundError as error:
        raise ValueError("--engine ray needs Ray, which is not installed: pip install 'assay[ray]'") from error
    return spread


def judge_gates(folder: "Folder", gates: "list[Gate]", junit: Path | None) -> list[str]:
    """Why the gates fail, and the JUnit file if one is asked for."""
    from assay.cli.gate import write_junit

    config, results = folder.read_json("config.json"), folder.read_json("results.json")
    checks = folder.read_json("checks.json") if folder.has("checks.json") else None
    reasons = {gate.text: gate.fails(results, config["eps"], checks) for gate in gates}
    if junit:
        write_junit(junit, folder.path.name, reasons, sum(cost["seconds"] for cost in folder.read_json("costs.json")))
    return [reason for reason in reasons.values() if reason]
