"""assay evaluate."""

from typing import Annotated, Literal

from tyro.conf import arg

from assay.cli.options import (
    Data,
    Device,
    EightBit,
    EpsText,
    Force,
    GoalText,
    Images,
    Json,
    RunPath,
    Seed,
    SkipBad,
    Split,
    ThreatText,
    Workers,
)


def evaluate(
    run: RunPath,
    *,
    threat: ThreatText = "linf(0.3)",
    eps: EpsText = None,
    suite: Annotated[Literal["quick", "standard"], arg(help="which attacks: a first look, or more effort")] = "quick",
    goal: GoalText = "untargeted",
    data: Data = None,
    split: Split = "test",
    images: Images = None,
    skip_bad: SkipBad = False,
    eight_bit: EightBit = False,
    workers: Workers = 1,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Robust accuracy: right, and under every attack of a suite."""
    from dataclasses import replace

    from assay.cli.evaluating import carry_out, tell
    from assay.cli.options import plan_of
    from assay.evaluate.suites import SUITES

    plan = plan_of(SUITES[suite], threat, eps, goal, seed, device, eight_bit)
    plan = replace(plan, checked=suite == "standard" and plan.goal.name == "untargeted")
    tell(carry_out(run, plan, suite, data, split, images, force, skip_bad, workers), json)
    return 0
