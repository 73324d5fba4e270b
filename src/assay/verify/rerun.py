"""The same again with the model: clean answers, proofs, and the recorded attacks on some of the images."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim
from assay.data import ImageSet
from assay.evaluate.certificate import certificates
from assay.evaluate.guest import read_attacks
from assay.evaluate.judge import answers, judge
from assay.evaluate.robust import SHARD, Plan, aim, facts, run_attack
from assay.models.black_box import access_of
from assay.models.classifier import Classifier
from assay.tally import CERTIFIED, stands
from assay.verify.frames import rerun_frames
from assay.verify.ledger import Ledger, short
from assay.verify.lights import verify_lights
from assay.verify.looked import Looked, guest
from assay.verify.proofs import fell_by, proofs_of

SOME = 32  # images that stand, and half as many of the others, are attacked again
LENGTHS = ("size", "l2", "linf", "ssim")
NEAR = 1e-4  # of a logit: so near to a tie another machine may answer otherwise
MOVED = 1 / 16  # of the verdicts: what other last bits may do on another machine
FELL = 1 / 32  # of the images that stand: the verdict that counts is the worst of many attacks, and moves less
MACHINE = ("assay", "commit", "torch", "system", "processor", "threads", "gpu")


def rerun(
    ledger: Ledger,
    looked: Looked,
    classifier: Classifier,
    device: torch.device,
    here: Mapping[str, Any],
    some: int,
) -> None:
    """Everything that needs the model. `here` is the machine that looks; `some` images that stand are attacked again.

    Which, nobody knows beforehand: a forger who knew would leave them alone.
    """
    if looked.images is None:
        ledger.unsure(f"{looked.folder.path.name}: without its images nothing can be run again")
        return
    with ledger.reading():
        plan = replace(looked.plan, device=device, attacks=read_attacks(looked.config["attacks"]))
        other = other_machine(looked, device, here)
        same = not other
        found = {
            "clean": len(looked.images),
            "proofs": 0,
            "attacked": 0,
            "verdicts": 0,
            "moved": 0,
            "fell": 0,
            "lights": 0,
        }
        found["same_machine"] = int(same)
        _clean(ledger, looked, looked.images, classifier, plan)
        if "access" in looked.config:
            where = looked.folder.path / "config.json"
            ledger.same(where, "access", looked.config["access"], access_of(classifier.net))
        _bounds(ledger, looked, looked.images, classifier, same)
        if plan.attacks:
            found["proofs"] = _proofs(ledger, looked, looked.images, classifier, plan)
            again = _Again(ledger, looked, looked.images, classifier, plan, other)
            found |= again.attack(some)
            rerun_frames(ledger, looked, looked.images, classifier, plan, same)
            found["lights"] = verify_lights(ledger, looked, looked.images, classifier, plan, same)
        ledger.rerun[looked.folder.path.name] = found


def other_machine(looked: Looked, device: torch.device, here: Mapping[str, Any]) -> str:
    """On what other machine or version the evaluation says that it was made; "" if it says one like this."""
    said, known = looked.folder.read_json("env.json"), dict(here) | {"device": device.type}
    said = {**said, "device": looked.config.get("device")}
    for key in ("device", *MACHINE):
        if said.get(key) != known.get(key):
            return f"{key} {short(said.get(key))}, here {short(known.get(key))}"
    return ""


def _clean(ledger: Ledger, looked: Looked, images: ImageSet, classifier: Classifier, plan: Plan) -> None:
    parts = [aim(classifier, images.rows(rows), plan)[1] for rows in plan.parts(images)]
    logits = torch.cat(parts).cpu()
    table, labels = looked.table, images.labels
    said = torch.from_numpy(table["clean_prediction"].astype(np.int64))
    prediction, sure = answers(logits)
    near = NEAR * logits.nan_to_num().abs().amax(1).clamp_min(1)
    best = logits.amax(1)
    wrong = (prediction < 0) != (said < 0)
    wrong |= (prediction >= 0) & (logits.gather(1, said.clamp_min(0)[:, None])[:, 0] < best - near)
    own = logits.gather(1, labels[:, None])
    low, high = ((logits > own + near[:, None]).sum(1), (logits >= own - near[:, None]).sum(1))
    rank = torch.from_numpy(table["clean_rank"].astype(np.int64))
    wrong |= (prediction >= 0) & ((rank < low) | (rank >= high))
    off = torch.from_numpy(table["clean_confidence"].astype(np.float64)) - sure
    wrong |= off.abs() > near

    def tell(row: int) -> str:
        return (
            f"clean_prediction {said[row]} ({table['clean_confidence'][row]:.6g}), "
            f"the model says {prediction[row]} ({sure[row]:.6g})"
        )

    ledger.rows(looked.file, table["index"], wrong.numpy(), tell)


def _bounds(ledger: Ledger, looked: Looked, images: ImageSet, classifier: Classifier, same: bool) -> None:
    """What is proven can be proven again; on the same machine also no more than that."""
    plan, says = looked.plan, looked.table.get(CERTIFIED)
    found = certificates(classifier, images, plan.epsilons, plan.threat.norm.name).get(CERTIFIED)
    if says is None:
        if found is not None and plan.attacks and plan.goal.name == "untargeted":
            ledger.unsure(f"{looked.folder.path.name}: what is proven, which its table leaves out")
        return
    found = np.zeros(len(says)) if found is None else found
    index, wrong = looked.table["index"], (says != found) if same else (says > found)
    ledger.rows(looked.file, index, wrong, lambda row: f"{CERTIFIED} is {says[row]:g}, the bounds prove {found[row]:g}")


def _proofs(ledger: Ledger, looked: Looked, images: ImageSet, classifier: Classifier, plan: Plan) -> int:
    """Each proof does fool the exact float32 model, within its eps."""
    where = looked.folder.path / "adversarial.safetensors"
    pixels, index = proofs_of(looked)
    attack, eps = fell_by(looked)
    place = looked.place
    known = [number for number, one in enumerate(index.tolist()) if attack[place.get(one, 0)] != "" and one in place]
    for start in range(0, len(known), SHARD):
        some = known[start : start + SHARD]
        rows = np.array([place[int(one)] for one in index[some]])
        part = images.rows(torch.from_numpy(rows))
        goal, _ = aim(classifier, part, plan)
        points = torch.from_numpy(pixels[some]).to(plan.device)
        threat = plan.threat.at(torch.from_numpy(eps[rows]).to(plan.device))
        with Victim(classifier, access="scores") as victim:
            found = judge(victim, part.pixels(plan.device), goal, threat, points)
        said = np.array([looked.of(attack[row], eps[row], "prediction")[row] for row in rows])
        sure = np.array([looked.of(attack[row], eps[row], "confidence")[row] for row in rows])
        wrong = (found.verdict != "broken") | (said != found.prediction) | (np.abs(sure - found.confidence) > 10 * NEAR)

        def tell(row: int, found: Any = found, said: np.ndarray = said, sure: np.ndarray = sure) -> str:
            return (
                f"is {found.verdict[row]}, taken for {found.prediction[row]} ({found.confidence[row]:.6g}); the table "
                f"says broken, taken for {said[row]} ({sure[row]:.6g})"
            )

        ledger.rows(where, index[some], wrong, tell)
    return len(known)


class _Again:
    """The recorded attacks once more, with their seed, on some rows; what an attack answers hangs on no company."""

    def __init__(
        self, ledger: Ledger, looked: Looked, images: ImageSet, classifier: Classifier, plan: Plan, other: str
    ) -> None:
        self.ledger, self.looked, self.images, self.classifier, self.plan = ledger, looked, images, classifier, plan
        self.other, self.same = other, not other

    def attack(self, some: int) -> dict[str, int]:
        """Attack, compare; how many images, how many verdicts, how many of them moved, how many robust images fell."""
        rows = self._chosen(some)
        shard = self._shard(rows)
        verdicts, moved, lines = 0, 0, []
        fell: set[int] = set()
        for eps in self.plan.epsilons:
            for attack in self.plan.attacks:
                asked = shard if guest(attack) else rows  # a guest's answer may hang on its company
                asked = asked[self.looked.of(str(attack), eps, "verdict")[asked] != "spared"]
                wrong, lost, line = self._one(attack, eps, asked) if len(asked) else (0, [], "")
                verdicts, moved, fell = verdicts + len(asked), moved + wrong, fell.union(lost)
                lines += [line] if line else []
        if self.same or moved > max(1, MOVED * verdicts) or len(fell) > max(1, FELL * some):
            for line in lines:
                self.ledger.differs(self.looked.file, line)
        elif moved:
            self.ledger.unsure(
                f"{self.looked.folder.path.name}: whether {moved} of {verdicts} verdicts moved, and {len(fell)} robust "
                f"images fell, through other last bits: env.json says another machine or version ({self.other}), which "
                "nobody can check; on the same one each would be a difference"
            )
        found = {"attacked": len(rows), "verdicts": verdicts, "moved": moved, "fell": len(fell)}
        return found | {"same_machine": int(self.same)}

    def _able(self) -> np.ndarray:
        """The rows that were attacked."""
        looked = self.looked
        exempt = looked.of(looked.attacks[0], looked.plan.epsilons[0], "verdict") == "exempt"
        return np.asarray(looked.right & ~exempt)

    def _shard(self, rows: np.ndarray) -> np.ndarray:
        """All the attacked rows of the shard that the first row is of."""
        able = np.flatnonzero(self._able())
        size = self.plan.shard or SHARD
        return able[able // size == rows[0] // size] if len(rows) else rows

    def _chosen(self, some: int) -> np.ndarray:
        """Rows that stand at the threat's eps, and some of the others."""
        looked, able = self.looked, self._able()
        standing = stands(looked.table, looked.attacks, looked.plan.epsilons, float(looked.config["eps"]))
        picked, chance = [], np.random.default_rng()
        for rows, n in ((np.flatnonzero(able & standing), some), (np.flatnonzero(able & ~standing), -(-some // 2))):
            picked.append(chance.permutation(rows)[:n])
        return np.sort(np.concatenate(picked))

    def _one(self, attack: Any, eps: float, rows: np.ndarray) -> tuple[int, list[int], str]:
        """How many verdicts of one attack moved, which robust rows fell, and a line; "" if nothing moved."""
        looked, plan, name = self.looked, self.plan, str(attack)
        part = self.images.rows(torch.from_numpy(rows))
        goal, _ = aim(self.classifier, part, plan)
        played = run_attack(self.classifier, part, goal, plan, attack, eps)
        with Victim(self.classifier, access="scores") as victim:
            found = judge(
                victim, part.pixels(plan.device), goal, plan.threat.at(eps), played.points, facts(attack).kind
            )
        says = {key: looked.of(name, eps, key)[rows] for key in ("verdict", "prediction", "confidence", *LENGTHS)}
        wrong = found.verdict != says["verdict"]
        lost = rows[wrong & (says["verdict"] == "robust")].tolist()
        exact = self.same or facts(attack).kind == "control"
        if exact:  # the same answer, and not only the same verdict
            wrong |= (found.prediction != says["prediction"]) | (
                np.abs(found.confidence - says["confidence"]) > 10 * NEAR
            )
            for key in LENGTHS:
                wrong |= ~np.isclose(getattr(found, key), says[key], 1e-4, 1e-5)
        if self.same:
            self._cost(name, eps, played.cost, int(self._able().sum()) == len(rows))
        if not wrong.any():
            return 0, [], ""
        row = int(np.flatnonzero(wrong)[0])
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        text = (
            f"image {looked.table['index'][rows[row]]}: {name} at eps {eps:g} says {says['verdict'][row]}, taken for "
            f"{says['prediction'][row]}, size {says['size'][row]:.6g}; run again it is {found.verdict[row]}, taken for "
            f"{found.prediction[row]}, size {found.size[row]:.6g}{more}"
        )
        return int(wrong.sum()), lost, text

    def _cost(self, name: str, eps: float, cost: Any, whole: bool) -> None:
        """All the images cost at least what some of them do; if these are all, exactly that."""
        where = self.looked.folder.path / "costs.json"
        for line in self.looked.folder.read_json("costs.json"):
            for key in ("forwards", "backwards") if (line["attack"], line["eps"]) == (name, eps) else ():
                says, found = line[key], getattr(cost, key)
                if whole:
                    self.ledger.same(where, f"{name} at eps {eps:g}: {key}", says, found)
                elif says < found:
                    text = f"{name} at eps {eps:g}: {says} {key}, some of the images alone take {found}"
                    self.ledger.differs(where, text)
