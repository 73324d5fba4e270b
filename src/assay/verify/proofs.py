"""The proof of each image that fell: there, in the ball and the box, and with the lengths that the table says."""

from pathlib import Path

import numpy as np
import torch

from assay.adversary.norms import L2, Linf
from assay.adversary.threat import GRID
from assay.data import ImageSet
from assay.evaluate.distortion import ssim
from assay.tally import first_breaker
from assay.verify.ledger import Ledger
from assay.verify.looked import Looked

PIECE = 256  # images that are looked at in one go
NEAR = 1e-5  # between two computations of one length


def fell_by(looked: Looked) -> tuple[np.ndarray, np.ndarray]:
    """Of each row the attack that broke it first ("" if none did) and at which eps: what its proof is of."""
    attack = first_breaker(looked.table, looked.attacks, looked.plan.epsilons)
    eps = np.full(len(attack), np.inf)
    for one in sorted(looked.plan.epsilons, reverse=True):
        for name in looked.attacks:
            eps[looked.of(name, one, "verdict") == "broken"] = one
    return attack, eps


def verify_proofs(ledger: Ledger, looked: Looked) -> None:
    """adversarial.safetensors holds a proof for each image that fell, and no other."""
    where = looked.folder.path / "adversarial.safetensors"
    if not looked.attacks:
        return
    with ledger.reading():
        proof = proofs_of(looked)
        pixels, index = proof
        attack, eps = fell_by(looked)
        fell = {int(one) for one in looked.table["index"][attack != ""]}
        there = index.tolist()
        for one in sorted(fell - set(there)):
            ledger.differs(where, f"image {one} is broken, but no adversarial image proves it")
        for one in sorted(set(there) - fell):
            ledger.differs(where, f"image {one} has an adversarial image, but the table says that nothing broke it")
        for one in sorted({one for one in there if there.count(one) > 1} if len(there) > len(set(there)) else ()):
            ledger.differs(where, f"image {one} has {there.count(one)} adversarial images, 1 wanted")
        rows = np.array([looked.place.get(one, -1) for one in there], np.int64)
        known = np.flatnonzero((rows >= 0) & np.isin(there, list(fell)))
        for start in range(0, len(known), PIECE):
            some = known[start : start + PIECE]
            of = rows[some]
            _piece(ledger, where, looked, of, attack[of], eps[of], torch.from_numpy(pixels[some]))


def proofs_of(looked: Looked) -> tuple[np.ndarray, np.ndarray]:
    """Pixels `(N, C, H, W)` and index; ValueError if they are none."""
    arrays = looked.folder.read_arrays("adversarial.safetensors")
    where = looked.folder.path / "adversarial.safetensors"
    if missing := sorted({"pixels", "index"} - set(arrays)):
        raise ValueError(f"{where} is damaged: it lacks {', '.join(missing)}")
    pixels, index = arrays["pixels"], arrays["index"]
    formed = pixels.dtype == np.float32 and index.ndim == 1 and index.dtype.kind in "iu"
    if not formed or pixels.shape != (len(index), *looked.config["shape"]):
        raise ValueError(f"{where} is damaged: pixels of shape {pixels.shape} and {index.size} of index")
    return pixels, index


def _piece(
    ledger: Ledger,
    where: Path,
    looked: Looked,
    rows: np.ndarray,
    attack: np.ndarray,
    eps: np.ndarray,
    points: torch.Tensor,
) -> None:
    """The proofs of some rows, each broken by that attack at that eps."""
    index, good = looked.table["index"][rows], np.ones(len(rows), bool)

    def look(wrong: torch.Tensor, tell: str) -> None:
        ledger.rows(where, index, wrong.numpy() & good, tell)
        good[wrong.numpy()] = False

    look(~points.isfinite().flatten(1).all(1), "pixels that are no numbers")
    look(((points < 0) | (points > 1)).flatten(1).any(1), "pixels out of [0, 1]")
    if looked.plan.eight_bit:
        levels = points * 255
        look(((levels - levels.round()).abs() > GRID).flatten(1).any(1), "pixels that no image of 8 bit has")
    if looked.images is not None:
        _against(ledger, where, looked, looked.images, rows, attack, eps, points, good)
    ledger.proofs += int(good.sum())


def _against(
    ledger: Ledger,
    where: Path,
    looked: Looked,
    images: ImageSet,
    rows: np.ndarray,
    attack: np.ndarray,
    eps: np.ndarray,
    points: torch.Tensor,
    good: np.ndarray,
) -> None:
    """The proofs against the clean images, and the lengths of the change against the table."""
    index, clean = looked.table["index"][rows], images.rows(torch.from_numpy(rows)).pixels()
    threat = looked.plan.threat.at(torch.from_numpy(eps))
    delta = points.double() - clean.double()
    sizes = threat.size(delta).numpy()
    beyond = ~threat.contains(points, clean).numpy() & good
    ledger.rows(
        where,
        index,
        beyond,
        lambda row: f"its size is {sizes[row]:.6g}, at most {eps[row]:g} wanted, where {attack[row]} broke it",
    )
    good &= ~beyond
    measured = {"size": sizes, "l2": L2().size(delta).numpy(), "linf": Linf().size(delta).numpy()}
    measured["ssim"] = ssim(clean, points).numpy()
    for name, wanted in measured.items():
        says = np.array([looked.of(attack[row], eps[row], name)[place] for row, place in enumerate(rows)])
        wrong = ~np.isclose(says, wanted, rtol=NEAR, atol=NEAR) & good

        def tell(row: int, name: str = name, says: np.ndarray = says, wanted: np.ndarray = wanted) -> str:
            return f"{name} is {wanted[row]:.6g}, the table says {says[row]:.6g} ({attack[row]} at eps {eps[row]:g})"

        ledger.rows(where, index, wrong, tell)
        good &= ~wrong
