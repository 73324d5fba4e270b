"""Class images: whether they are what they are said to be, and whether the network is as sure of them as is said."""

from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim
from assay.explain import EXPLAIN
from assay.explain.class_image import told
from assay.models.classifier import Classifier
from assay.run_folder import Explanation
from assay.spec import defaults, read
from assay.verify.ledger import Ledger

FILE = "class_images.safetensors"
OPEN = "how sure the network is of its class images: --rerun asks it"
NEAR = 1e-4  # between two computations of a logit, of the largest
AGAIN = 12_000  # images times iterations that are made again: some seconds
APART = 0.1  # mean change of a pixel between two makings; rounding grows on the way, another picture is further off


def verify_class_images(
    ledger: Ledger,
    folder: Explanation,
    arrays: dict[str, np.ndarray],
    model: Classifier | None,
    config: dict[str, Any],
) -> None:
    """The numbers against each other and the settings; with the model, its answers to the images."""
    where, call = folder.path / FILE, read(config["method"], EXPLAIN, "method")
    settings = defaults(call.function) | dict(call.settings)
    found = {key: torch.from_numpy(array) for key, array in arrays.items() if not key.startswith("map.")}
    same = {"maps": ["image"], "unit": "pixels of [0, 1]", "words": list(told(found))}
    ledger.same(folder.path / "config.json", "", {key: config.get(key) for key in same}, same)
    for wrong, text in _wrong(arrays, settings, len(config["classes"])):
        if wrong:
            ledger.differs(where, text)
        else:
            ledger.figures += 1
    if model is None:
        ledger.unsure(OPEN)
    elif arrays["map.image"].shape[1:] != model.shape:
        ledger.differs(where, f"images of shape {arrays['map.image'].shape[1:]}, {model.shape} wanted")
    else:
        _asked(ledger, folder, arrays, model, config)


def _wrong(arrays: dict[str, np.ndarray], settings: dict[str, Any], k: int) -> list[tuple[bool, str]]:
    """What must hold without the model, and what to say where it does not."""
    images, steps, of = arrays["map.image"], arrays["steps"], arrays["explained"]
    kept, stopped, logits = arrays["kept"], arrays["stopped"], arrays["logits"]
    asked = settings["classes"]
    wanted = range(k) if asked is None else (asked,) if isinstance(asked, int) else asked
    rows = [(one, start) for one in wanted for start in range(settings["starts"])]
    if (wrong := list(zip(of.tolist(), arrays["start"].tolist(), strict=True)) != rows) or not _follow(steps):
        return [(wrong, "the classes and noises are not those of the settings"), (not wrong, "steps do not go upward")]
    place = np.searchsorted(steps, kept).clip(max=len(steps) - 1)
    reached = logits[np.arange(len(of)), of]
    curve, each = arrays["curve.logit"], np.arange(len(of))
    shares = torch.from_numpy(logits).softmax(1).numpy()[each, of]
    plain = not (settings["l2"] or settings["tv"])
    return [
        (bool((images.min() < 0) or (images.max() > 1)), "a pixel is out of [0, 1]"),
        (bool(steps.max() > settings["steps"] or stopped.max() != steps.max()), "more or fewer steps than are said"),
        (bool((steps[place] != kept).any() or (kept > stopped).any()), "kept at a step that was not looked at"),
        (not np.allclose(curve[each, place], reached, rtol=0, atol=_near(curve)), "curve.logit is not of the logits"),
        (
            not np.allclose(arrays["curve.probability"][each, place], shares, rtol=0, atol=1e-4),
            "curve.probability is not of the logits",
        ),
        (plain and bool((curve.max(1) > reached + _near(curve)).any()), "a higher point than the one that is kept"),
    ]


def _follow(steps: np.ndarray) -> bool:
    return bool(steps[0] == 0 and (np.diff(steps) > 0).all())


def _near(values: np.ndarray) -> float:
    return NEAR * max(1e-9, float(np.abs(values).max(initial=0)))


def _asked(
    ledger: Ledger, folder: Explanation, arrays: dict[str, np.ndarray], model: Classifier, config: dict[str, Any]
) -> None:
    where, call, device = folder.path / FILE, read(config["method"], EXPLAIN, "method"), model.mean.device
    images = torch.from_numpy(arrays["map.image"]).float().to(device)
    empty, none = images[:0], torch.zeros(0, dtype=torch.int64, device=device)
    made = len(images) * int(arrays["steps"].max())
    with Victim(model) as victim:
        logits = victim.logits(images).cpu().numpy()
        again = call(victim, empty, none) if made <= AGAIN else None
    if not np.allclose(arrays["logits"], logits, rtol=0, atol=_near(logits)):
        ledger.differs(where, "logits are not the model's answers to the images")
    if again is None:
        ledger.unsure(f"that class images of more than {AGAIN} steps in all are where these steps lead")
        return
    if again.beside["curve.logit"].shape != arrays["curve.logit"].shape:
        ledger.differs(where, f"another number of looks than {config['method']} takes")
        return
    apart = np.abs(again.maps["image"].numpy() - arrays["map.image"]).mean((1, 2, 3))
    for name in ("curve.logit", "curve.probability"):
        wanted = again.beside[name].numpy()
        room = APART * max(1e-9, float(wanted.max() - wanted.min()))  # last bits grow on a long way
        if not np.abs(wanted - arrays[name]).mean() <= room:
            ledger.differs(where, f"{name} is not that of the way that {config['method']} goes")
    begun = again.beside["curve.logit"][:, 0].numpy()
    if apart.max() > APART or not np.allclose(arrays["curve.logit"][:, 0], begun, rtol=0, atol=_near(begun)):
        row = int(apart.argmax())
        ledger.differs(
            where,
            f"image {row} is not what {config['method']} makes: its pixels are {apart[row]:.2f} off on average",
        )
    else:
        ledger.figures += len(images)
