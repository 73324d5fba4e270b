"""Is cross-entropy so sure that its gradient has died? Then the same attack does better once the logits are cooled."""

from jaxtyping import Float
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.attacks.pgd import pgd
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.gradients import is_zero
from assay.evaluate.checks.probes import everything, excess, fallen, gradients_of, new_falls, of, share

STEPS = 10  # of either walk: what counts is their difference
MANY = 0.2  # of the images without any gradient of ce: needs a margin of 104, where e^-margin is 0 in float32
GAIN = 0.1  # of the images that only the cooled walk breaks: a sure but usual net has a few near the boundary


@check("gradients", "stillness")
def saturation(case: Case) -> Finding:
    """The same short PGD on ce, with the logits as they are and divided by T, their median margin.

    T keeps every prediction: a robust accuracy that falls with it was never there (Carlini and Wagner 2017, arXiv
    1608.04644, §6, on defensive distillation). Red if survivors of the suite fall; amber if none do: then the suite
    has a loss that no scale can deaden, and it is others' attacks that would be misled.
    """
    logits, gradients = gradients_of(case, case.images)
    temperature = max(float(-untargeted(case.labels, "margin").score(logits).median()), 1e-12)
    sizes = {loss: gradient.norm(dim=1) for loss, gradient in gradients.items()}
    rows, dead = everything(case), is_zero(gradients["ce"]) & ~is_zero(gradients["margin"])
    plain = fallen(case, rows, pgd, loss="ce", steps=STEPS)
    cooled = fallen(case, rows, pgd, loss="ce", steps=STEPS, model=Cooled(case.classifier, temperature))
    gained = int((cooled & ~plain).sum()) - int((plain & ~cooled).sum())
    evidence = {
        "temperature": temperature,
        "gradient_ratio": float((sizes["ce"] / sizes["margin"].clamp_min(1e-38)).median()),
        "softmax_is_1": share(logits.softmax(1).amax(1) == 1),
        "zero_ce": share(dead),
        "robust": 1 - share(plain),
        "robust_cooled": 1 - share(cooled),
    }
    said = f"PGD on cross-entropy breaks {of(plain, len(rows))} images, and {int(cooled.sum())} with the logits "
    said += f"divided by {temperature:.3g}"
    fresh = cooled[case.survivors] & ~plain[case.survivors]
    if excess(gained, len(rows), GAIN) != "red" and excess(int(dead.sum()), len(rows), MANY) != "red":
        return found("green", said, **evidence)
    said += f": its gradient is dead. Of {len(fresh)} survivors of the suite {int(fresh.sum())} fall so"
    if (light := new_falls(case, fresh)) != "green":
        return found(light, f"{said}: it was misled", **evidence)
    said += ": its own number was found with a loss that does not mind the scale of the logits, and stands"
    return found("amber", f"{said}; one found with cross-entropy would not", **evidence)


class Cooled(nn.Module):
    """The same predictions, less sure."""

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        logits: Tensor = self.model(images)
        return logits / self.temperature
