"""A recipe: everything that decides the weights, apart from the machine; and how one is read back from its record."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_type_hints

from assay.spec import checked

Optimizer = Literal["adam", "adamw", "sgd"]
Keep = Literal["last", "best"]
Statistics = Literal["running", "batch"]
OWN = "folder"  # of images of the user's own: where it lies only they can say
CERTIFIED_BY = "ibp"
RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 10_000),
    "batch_size": (1, 100_000),
    "warm_up": (0, 1),
    "rise": (0, 1),
    "momentum": (0, 1),
    "label_smoothing": (0, 1),
    "average": (0, 1),
    "weight_decay": (0, 1),
    "bias_scale": (0, 1000),
    "awp": (0, 1),
    "patience": (0, 10_000),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights, apart from the machine.

    learning_rate is the peak of a one-cycle schedule (Smith and Topin 2018, arXiv 1708.07120), which it reaches after
    the share `rise` of the steps. optimizer: adam, adamw, or sgd with Nesterov's momentum. weight_decay spares biases
    and norms; bias_scale multiplies the learning rate of the biases of norms.
    average is the decay of an exponential moving average of the weights, which then are those that are kept; 0: none.
    keep: the weights after the last epoch, or those of the epoch that was best on validation images (for a hardening:
    under attack). patience: so many epochs without a better one end the training; 0: all are made.
    attack and threat, where given, are what every batch is hardened with: an attack (Madry et al. 2018) or a method
    of assay.train.methods; `warm_up` is the share of the steps over which eps grows from 0; crafted_by: whether
    batch norm, while images are crafted, uses what it has counted so far or the batch itself; awp is the size of an
    adversarial weight perturbation. weights is a file to begin from; with freeze only the last layer learns.
    compiled: the network learns through torch.compile, whose last bits are others.
    augment names changes of assay.data.augment, made in that order.
    """

    name: str = ""
    model: str
    data: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int = 0
    images: int | None = None
    size: int | None = None
    skip_bad: bool = False
    augment: list[str] = field(default_factory=list)
    optimizer: Optimizer = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    bias_scale: float = 1.0
    rise: float = 0.2
    label_smoothing: float = 0.0
    average: float = 0.0
    keep: Keep = "last"
    patience: int = 0
    attack: str | None = None
    threat: str | None = None
    warm_up: float = 0.0
    crafted_by: Statistics = "running"
    awp: float = 0.0
    weights: str | None = None
    freeze: bool = False
    compiled: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, got {getattr(self, name)}")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if (self.attack is None) != (self.threat is None):
            raise ValueError(f"attack and threat go together, got {self.attack} and {self.threat}")
        if self.awp and not self.attack:
            raise ValueError(f"awp moves the weights against adversarial images: it needs an attack, got {self.awp:g}")

    @property
    def certifies(self) -> bool:
        """Whether the training is one whose robustness can be proven."""
        return self.attack is not None and self.attack.partition("(")[0] == CERTIFIED_BY

    def changed(self, **settings: Any) -> "Recipe":
        """The recipe with those settings that are not None."""
        return replace(self, **{name: value for name, value in settings.items() if value is not None})

    def describe(self) -> dict[str, Any]:
        """For config.json."""
        return asdict(self)


def recorded(settings: Any) -> Recipe:
    """The recipe that a config.json holds; ValueError where it does not hold one.

    A setting that was not there when the run was made is what it is by default, as it was then.
    """
    hints, needed = get_type_hints(Recipe), {one.name for one in fields(Recipe) if one.default is one.default_factory}
    if not isinstance(settings, dict) or not needed <= set(settings) <= set(hints):
        raise ValueError("config.json holds no recipe of this version")
    return Recipe(**{name: checked(f"config.json: {name}", value, hints[name]) for name, value in settings.items()})
