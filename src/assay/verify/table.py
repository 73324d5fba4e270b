"""What the rows of images.parquet must be, whatever the model: of one row no number contradicts another."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from assay.attacks import Kind
from assay.tally import CERTIFIED, column
from assay.verify.ledger import Ledger
from assay.verify.looked import BLIND, Looked, kind_of

SLACK = 1e-6  # of numbers that were rounded to float32
NUMBERS = ("prediction", "confidence", "size", "l2", "linf", "ssim")
ANSWERED = ("robust", "broken")  # the verdicts on an answer that was in order
SPARED = "spared"  # not attacked: an earlier attack had broken it
EIGHT_BIT = 2e-3  # of a level


@dataclass(frozen=True)
class Rows:
    """The rows of one attack at one eps, as arrays."""

    name: str
    kind: Kind | None
    eps: float
    verdict: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray
    size: np.ndarray
    l2: np.ndarray
    linf: np.ndarray
    ssim: np.ndarray

    @property
    def most(self) -> float:
        """The largest size that is within eps (Threat.contains)."""
        return self.eps * (1 + 1e-6) + 1e-6


def verify_table(ledger: Ledger, looked: Looked) -> None:
    """Clean columns first, then each attack at each eps."""
    _columns(ledger, looked)
    _clean(ledger, looked)
    goal = looked.goal()
    exempt = None
    for attack in looked.plan.attacks:
        for eps in looked.plan.epsilons:
            columns = (looked.of(str(attack), eps, what) for what in ("verdict", *NUMBERS))
            rows = Rows(f"{attack} at eps {eps:g}", kind_of(attack), eps, *columns)
            reached = None
            if goal is not None:
                reached = goal.reached(torch.from_numpy(rows.prediction.astype(np.int64))).numpy()
            _untouched(ledger, looked, rows)
            _answers(ledger, looked, rows, reached)
            _lengths(ledger, looked, rows)
            if kind_of(attack) == "minimum" and eps != looked.plan.epsilons[0]:
                _once(ledger, looked, str(attack), rows)
            exempt = rows.verdict == "exempt" if exempt is None else exempt
            wrong = (rows.verdict == "exempt") != exempt
            ledger.rows(looked.file, looked.table["index"], wrong, "exempt of some attacks, but not of all")
    _certified(ledger, looked)
    _exempt(ledger, looked, exempt)
    _spared(ledger, looked)


def _columns(ledger: Ledger, looked: Looked) -> None:
    known = {column(attack, eps, "")[:-1] for attack in looked.attacks for eps in looked.plan.epsilons}
    for key in looked.table:
        pair, colon, _ = key.rpartition(":")
        if colon and pair not in known:
            ledger.differs(looked.file, f"{key} is of an attack and eps that config.json does not name")
    index, counts = np.unique(looked.table["index"], return_counts=True)
    for one in index[counts > 1]:
        ledger.differs(looked.file, f"image {one} has {counts[index == one][0]} rows, 1 wanted")


def _clean(ledger: Ledger, looked: Looked) -> None:
    table, k, right = looked.table, len(looked.config["classes"]), looked.right
    said, rank, sure = (table[f"clean_{key}"] for key in ("prediction", "rank", "confidence"))

    def tell(row: int) -> str:
        return (
            f"label {table['label'][row]}, clean_prediction {said[row]} with clean_confidence {sure[row]:.6g} "
            f"and clean_rank {rank[row]} contradict each other"
        )

    wrong = ((rank == 0) != right) | (rank < 0) | (rank > k) | ((rank == k) != (said < 0)) | _unsure(said, sure, k)
    ledger.rows(looked.file, table["index"], wrong, tell)


def _untouched(ledger: Ledger, looked: Looked, rows: Rows) -> None:
    """An image that is not right, or exempt, was not attacked: its numbers are those of the clean image."""
    right, said, index = looked.right, looked.table["clean_prediction"], looked.table["index"]
    wanted = np.where(said < 0, "fault", "wrong")
    ledger.rows(
        looked.file,
        index,
        ~right & (rows.verdict != wanted),
        lambda row: f"{rows.name} says {rows.verdict[row]!r}, but its clean image is not right: {wanted[row]!r} wanted",
    )
    wrong = right & (rows.verdict == "wrong")
    ledger.rows(looked.file, index, wrong, f"{rows.name} says 'wrong', but its clean image is right")
    blank = (said, looked.table["clean_confidence"], 0, 0, 0, 1)
    changed = np.zeros(len(index), bool)
    for name, value in zip(NUMBERS, blank, strict=True):
        changed |= getattr(rows, name) != value
    ledger.rows(
        looked.file,
        index,
        changed & (~right | (rows.verdict == "exempt")),
        lambda row: (
            f"{rows.name} was not attacked ({rows.verdict[row]}), but its numbers are not those of the clean image"
        ),
    )


def _answers(ledger: Ledger, looked: Looked, rows: Rows, reached: np.ndarray | None) -> None:
    """Verdict, prediction and size must be the judge's (evaluate/judge.py)."""
    index, slack = looked.table["index"], SLACK * max(1.0, rows.eps)
    inside, beyond = rows.size <= rows.most - slack, rows.size > rows.most + slack
    robust, broken = (looked.right & (rows.verdict == word) for word in ("robust", "broken"))
    if reached is None:  # what the goal is only the model knows, but the label it is not
        reached_surely, missed = np.zeros(len(index), bool), rows.prediction == looked.table["label"]
    else:
        reached_surely, missed = reached, ~reached

    def tell(why: str) -> Callable[[int], str]:
        return lambda row: (
            f"{rows.name} says {rows.verdict[row]!r}, but {why} "
            f"(prediction {rows.prediction[row]}, size {rows.size[row]:.6g})"
        )

    ledger.rows(looked.file, index, broken & missed, tell("its prediction is not what the goal wants"))
    ledger.rows(looked.file, index, broken & beyond, tell("it is beyond eps"))
    ledger.rows(looked.file, index, robust & inside & reached_surely, tell("its prediction is what the goal wants"))
    if rows.kind not in (None, "minimum"):
        ledger.rows(looked.file, index, robust & beyond, tell("it is beyond eps, which is a fault"))
    answered = (robust | broken) & ((rows.prediction < 0) | (rows.size < 0))
    ledger.rows(looked.file, index, answered, tell("without an answer it is a fault"))
    k = len(looked.config["classes"])
    unsure = (robust | broken) & _unsure(rows.prediction, rows.confidence, k)
    ledger.rows(looked.file, index, unsure, lambda row: f"{rows.name}: confidence {rows.confidence[row]:.6g}")


def _lengths(ledger: Ledger, looked: Looked, rows: Rows) -> None:
    """The lengths of one change fit each other, and no change changes no answer."""
    pixels, norm = math.prod(looked.config["shape"]), looked.plan.threat.norm.name
    near = 1 + 1e-5
    wrong = (rows.linf > rows.l2 * near) | (rows.l2 > math.sqrt(pixels) * rows.linf * near) | (rows.linf > near)
    if norm == "l1":
        wrong |= (rows.size * near < rows.l2) | (rows.size > math.sqrt(pixels) * rows.l2 * near)
    else:
        wrong |= rows.size != getattr(rows, norm)
    wrong |= (np.abs(rows.ssim) > near) | ~np.isfinite(rows.size + rows.l2 + rows.linf + rows.ssim)
    if looked.plan.eight_bit:
        wrong |= np.abs(rows.linf * 255 - np.round(rows.linf * 255)) > EIGHT_BIT
    table, still = looked.table, rows.linf == 0
    wrong |= still & ((rows.prediction != table["clean_prediction"]) | (np.abs(rows.ssim - 1) > SLACK))
    wrong |= still & (np.abs(rows.confidence - table["clean_confidence"]) > 1e-4)
    wrong &= np.isin(rows.verdict, ANSWERED)

    def tell(row: int) -> str:
        numbers = ", ".join(f"{name} {getattr(rows, name)[row]:.6g}" for name in NUMBERS)
        return f"{rows.name}: these are not of one change: {numbers}"

    ledger.rows(looked.file, table["index"], wrong, tell)


def _once(ledger: Ledger, looked: Looked, attack: str, rows: Rows) -> None:
    """Who looks for the smallest change is asked once: at each eps it has the same answer."""
    first = looked.plan.epsilons[0]
    other = np.zeros(len(rows.size), bool)
    for name in NUMBERS:
        other |= getattr(rows, name) != looked.of(attack, first, name)
    spared = (rows.verdict == SPARED) | (looked.of(attack, first, "verdict") == SPARED)
    tell = f"{rows.name} has another answer than at eps {first:g}, but {attack} is asked once for all"
    ledger.rows(looked.file, looked.table["index"], other & ~spared, tell)


def _certified(ledger: Ledger, looked: Looked) -> None:
    """What is proven is right, and no attack has broken it at that eps."""
    proven = looked.table.get(CERTIFIED)
    if proven is None:
        return
    index, epsilons = looked.table["index"], looked.plan.epsilons
    strange = ~np.isin(proven, [0.0, *epsilons])
    ledger.rows(looked.file, index, strange, lambda row: f"{CERTIFIED} is {proven[row]:g}, which is no eps of the list")
    fallen = ~looked.right
    for attack, eps in product(looked.attacks, epsilons):
        fallen = fallen | ((looked.of(attack, eps, "verdict") == "broken") & (eps <= proven))
    if looked.plan.threat.norm.name != "linf" or looked.plan.goal.name != "untargeted":
        ledger.differs(looked.file, f"{CERTIFIED} is there, and bounds are known of linf without a target alone")
    tell = "is proven at an eps at which it is broken or wrong"
    ledger.rows(looked.file, index, (proven > 0) & fallen, tell)


def _exempt(ledger: Ledger, looked: Looked, exempt: np.ndarray | None) -> None:
    goal = looked.goal()
    if exempt is None or looked.plan.goal.name == BLIND or goal is None:
        return
    labels = torch.from_numpy(looked.table["label"].astype(np.int64))
    wanted = looked.right & goal.reached(labels).numpy()
    tell = ("is exempt, but not of the class aimed at", "is of the class aimed at, but not exempt")
    ledger.rows(looked.file, looked.table["index"], exempt != wanted, lambda row: tell[int(wanted[row])])


def _spared(ledger: Ledger, looked: Looked) -> None:
    """Who was spared was broken before: by an earlier attack at that eps, or by any at a smaller one."""
    broken = np.zeros(len(looked.table["index"]), bool)
    for eps in sorted(looked.plan.epsilons):
        for attack in looked.attacks:
            verdict = looked.of(attack, eps, "verdict")
            tell = f"{attack} at eps {eps:g} says 'spared', but nothing had broken it"
            ledger.rows(looked.file, looked.table["index"], (verdict == SPARED) & ~broken, tell)
            broken = broken | (verdict == "broken")


def _unsure(prediction: np.ndarray, confidence: np.ndarray, classes: int) -> np.ndarray:
    """Where a confidence cannot be that of the likeliest of so many classes; without a prediction it is 0."""
    said = prediction >= 0
    within = (confidence >= 1 / classes - 1e-4) & (confidence <= 1 + SLACK)
    return np.asarray(~np.where(said, within, confidence == 0))
