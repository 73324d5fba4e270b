"""assay attack."""

from typing import Annotated

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
    Specs,
    Split,
    ThreatText,
)  # fmt: skip
from assay.spec import Folder

HELP = f'an attack and its settings, such as "pgd(steps=40)"; there are {", ".join(Folder("assay.attacks"))}'


def attack(
    run: RunPath,
    *,
    attack: Annotated[Specs, arg(help=HELP)],
    threat: ThreatText = "linf(0.3)",
    eps: EpsText = None,
    goal: GoalText = "untargeted",
    data: Data = None,
    split: Split = "test",
    images: Images = None,
    skip_bad: SkipBad = False,
    eight_bit: EightBit = False,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Run attacks that you name, with random noise of the same size beside them."""
    from assay.cli.evaluating import carry_out, tell
    from assay.cli.options import plan_of

    if not attack:
        raise ValueError('--attack is missing: name one, such as --attack fgsm or --attack "pgd(steps=40)"')
    attacks = attack if any(text.partition("(")[0].strip() == "noise" for text in attack) else ("noise", *attack)
    plan = plan_of(attacks, threat, eps, goal, seed, device, eight_bit)
    tell(carry_out(run, plan, "+".join(attack), data, split, images, force, skip_bad), json)
    return 0
