"""The attacked twin of an image, to be shown beside it: not to count who falls, but to see what changes inside."""

from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import untargeted
from assay.adversary.threat import Threat, read_threat
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.chance import Draws

ATTACK = "pgd(steps=40)"


def limits(text: str, shape: tuple[int, ...]) -> Threat:
    """The threat that text names; ValueError if it has no eps, or one that images of that shape cannot have."""
    threat = read_threat(text)
    if threat.eps is None:
        raise ValueError(f"{text}: an eps is needed, such as {threat.norm.name}(8/255)")
    return threat.fits(shape)


def twins(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    index: Int64[Tensor, "B"],
    threat: Threat,
) -> Float[Tensor, "B C H W"]:
    """Each image after 40 steps away from its label, from a random point of its own.

    It goes all the way, also when the model has long been fooled: then the twins of two models have moved as far.
    """
    return pgd(victim, images, untargeted(labels, until="end"), threat, Draws(0, index), steps=40)
