"""The pictures of an evaluation: those that the rule chooses, as the table and the data have them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.chance import permutation
from assay.evaluate.gallery import choose, strongest
from assay.evaluate.record import OF_PREDICTIONS
from assay.tally import column, tally
from assay.verify.ledger import Ledger
from assay.verify.looked import Looked, guest

SURE = 1e-4  # between two computations of one probability
NEAR = 1e-5
UNSHOWN = ("exempt", "spared")  # verdicts of who was not attacked; a picture is


def verify_pictures(ledger: Ledger, looked: Looked) -> None:
    """The gallery and the strip of an evaluation under attack, the predictions of one without."""
    if not looked.attacks:
        with ledger.reading():
            _predictions(ledger, looked)
        return
    if not looked.right.any():
        return
    figures = tally(looked.table, looked.attacks, looked.plan.epsilons, len(looked.config["classes"]))
    eps = float(looked.config["eps"])
    attack = strongest(looked.plan, figures, eps)
    shapeless = (looked.of(str(attack), eps, "verdict")[looked.right] == "fault").all()  # there may be none to show
    for name, look in (("gallery.json", _gallery), ("strip.json", _strip)):
        with ledger.reading():
            if looked.folder.has(name):
                look(ledger, looked, attack, eps)
            elif not shapeless:
                ledger.differs(looked.folder.path / name, "is missing")


def _gallery(ledger: Ledger, looked: Looked, attack: Any, eps: float) -> None:
    where = looked.folder.path / "gallery.json"
    words, arrays = looked.folder.read_json("gallery.json"), looked.folder.read_arrays("gallery.safetensors")
    says = {key: words[key] for key in ("attack", "eps")}
    ledger.same(where, "", says, {"attack": str(attack), "eps": eps})
    chosen = choose(looked.counted(), looked.plan.seed)
    if not _chosen(ledger, looked, where, words["pictures"], chosen):
        return
    rows = np.array([row for row, _ in chosen])
    said = words["pictures"]
    where = looked.folder.path / "gallery.safetensors"
    _clean(ledger, looked, where, rows, arrays["clean"])
    _sure(ledger, looked, where, "clean_probability", rows, arrays["clean_probability"], "clean_")
    if guest(attack):  # it may answer otherwise in other company
        return
    verdict = looked.of(str(attack), eps, "verdict")
    for place, row in enumerate(rows.tolist()):
        if verdict[row] not in UNSHOWN:
            ledger.same(where, f"image {said[place]['index']} verdict", said[place]["verdict"], str(verdict[row]))
    kept, prefix = ~np.isin(verdict[rows], UNSHOWN), column(str(attack), eps, "")
    _sure(ledger, looked, where, "adversarial_probability", rows, arrays["adversarial_probability"], prefix, kept)
    clean = arrays["clean"].astype(np.float64) / 255
    sizes = looked.of(str(attack), eps, "size")[rows]
    for place in np.flatnonzero(kept & (verdict[rows] != "fault")).tolist():
        size = _size(looked, arrays["adversarial"][place] - clean[place])
        _near(ledger, where, f"image {said[place]['index']} size", size, float(sizes[place]))


def _strip(ledger: Ledger, looked: Looked, attack: Any, _: float) -> None:
    where = looked.folder.path / "strip.json"
    about, arrays = looked.folder.read_json("strip.json"), looked.folder.read_arrays("strip.safetensors")
    row, table = int(np.flatnonzero(looked.right)[0]), looked.table
    epsilons = [0.0, *(eps for eps in looked.plan.epsilons if eps)]
    wanted = {"attack": str(attack), "index": int(table["index"][row]), "label": int(table["label"][row])}
    ledger.same(where, "", {key: about[key] for key in wanted}, wanted)
    if not ledger.same(where, "eps", [frame["eps"] for frame in about["frames"]], epsilons):
        return
    clean, one = arrays["images"][0].astype(np.float64), np.array([row])
    pictures = looked.folder.path / "strip.safetensors"
    _sure(ledger, looked, pictures, "probability", one, arrays["probability"][:1], "clean_")
    _clean(ledger, looked, pictures, one, np.round(clean * 255)[None])
    for place, (frame, eps) in enumerate(zip(about["frames"], epsilons, strict=True)):
        if frame["verdict"] != "fault":
            _near(ledger, where, f"size at eps {eps:g}", frame["size"], _size(looked, arrays["images"][place] - clean))
        verdict = str(looked.of(str(attack), eps, "verdict")[row]) if eps else "exempt"
        if not guest(attack) and verdict not in UNSHOWN:
            ledger.same(where, f"verdict at eps {eps:g}", frame["verdict"], verdict)
            _near(ledger, where, f"size at eps {eps:g}", frame["size"], float(looked.of(str(attack), eps, "size")[row]))
            said = arrays["probability"][place : place + 1]
            _sure(ledger, looked, pictures, f"probability at eps {eps:g}", one, said, column(str(attack), eps, ""))


def _predictions(ledger: Ledger, looked: Looked) -> None:
    where, table = looked.folder.path / "predictions.json", looked.table
    words, arrays = looked.folder.read_json("predictions.json"), looked.folder.read_arrays("predictions.safetensors")
    order = permutation(int(table["index"].max()) + 1, looked.plan.seed, "predictions").numpy()[table["index"]]
    wrong = np.flatnonzero(~looked.right)
    surest = wrong[np.argsort(-table["clean_confidence"][wrong], kind="stable")][:OF_PREDICTIONS]
    chosen = [(int(row), "random") for row in np.argsort(order)[:OF_PREDICTIONS]]
    chosen += [(int(row), "surest mistake") for row in surest]
    if _chosen(ledger, looked, where, words["pictures"], chosen):
        rows, where = np.array([row for row, _ in chosen]), looked.folder.path / "predictions.safetensors"
        _clean(ledger, looked, where, rows, arrays["images"])
        _sure(ledger, looked, where, "probability", rows, arrays["probability"], "clean_")


def _chosen(
    ledger: Ledger, looked: Looked, where: Path, pictures: list[dict[str, Any]], chosen: list[tuple[int, str]]
) -> bool:
    """Whether they are those that the rule chooses."""
    index, label = looked.table["index"], looked.table["label"]
    wanted = [{"rule": rule, "index": int(index[row]), "label": int(label[row])} for row, rule in chosen]
    return ledger.same(
        where, "pictures", [{key: one[key] for key in ("rule", "index", "label")} for one in pictures], wanted
    )


def _clean(ledger: Ledger, looked: Looked, where: Path, rows: np.ndarray, images: np.ndarray) -> None:
    if looked.images is not None:
        wanted = looked.images.images[torch.from_numpy(rows)].numpy()
        wrong = (images != wanted).reshape(len(rows), -1).any(1)
        ledger.rows(where, looked.table["index"][rows], wrong, "the clean image is another")


def _sure(
    ledger: Ledger,
    looked: Looked,
    where: Path,
    what: str,
    rows: np.ndarray,
    probability: np.ndarray,
    prefix: str,
    kept: np.ndarray | None = None,
) -> None:
    """The likeliest class and its probability, against the table."""
    said, sure = (looked.table[f"{prefix}{name}"][rows] for name in ("prediction", "confidence"))
    told = probability.max(1)
    fits = (probability[np.arange(len(rows)), np.maximum(said, 0)] >= told - SURE) & (np.abs(told - sure) <= SURE)
    fits &= np.abs(probability.sum(1) - 1) <= SURE
    wrong = ~fits & (said >= 0)

    def tell(row: int) -> str:
        return (
            f"{what} is {told[row]:.6g} of class {probability[row].argmax()}, "
            f"the table says {sure[row]:.6g} of class {said[row]}"
        )

    ledger.rows(where, looked.table["index"][rows], wrong if kept is None else wrong & kept, tell)


def _near(ledger: Ledger, where: Path, what: str, says: float, wanted: float) -> None:
    if math.isclose(says, wanted, rel_tol=NEAR, abs_tol=NEAR):
        ledger.figures += 1
    else:
        ledger.differs(where, f"{what} is {says:.6g}, {wanted:.6g} wanted")


def _size(looked: Looked, delta: np.ndarray) -> float:
    return float(looked.plan.threat.size(torch.from_numpy(delta)[None])[0])
