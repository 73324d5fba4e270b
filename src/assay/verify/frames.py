"""The frames of the gallery: at each eps an allowed picture, with the verdict of the table and the answer it got."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Access, Victim
from assay.data import ImageSet
from assay.evaluate.frames import frames, proofs_of
from assay.evaluate.gallery import attacks_shown, choose
from assay.evaluate.judge import judge
from assay.evaluate.robust import Plan, aim
from assay.models.classifier import Classifier
from assay.spec import Call
from assay.tally import tally
from assay.verify.ledger import Ledger
from assay.verify.looked import Looked, guest
from assay.verify.pictures import NEAR, SURE, UNSHOWN

LATER = "the frames of the gallery (frames.json): the version that made {} kept none"


def verify_frames(ledger: Ledger, looked: Looked, here: Mapping[str, Any]) -> None:
    """Against the data, the table and the proofs; `here` is the version that looks."""
    if not looked.folder.has("gallery.json"):
        return
    with ledger.reading():
        if not looked.folder.has("frames.json"):
            _none(ledger, looked, here)
            return
        said, wanted = looked.folder.read_json("frames.json")["frames"], planned(looked)
        index = [int(looked.table["index"][row]) for row, _ in choose(looked.counted(), looked.plan.seed)]
        order = [
            {"index": one, "eps": eps, "attack": str(attack) if attack else ""}
            for one in index
            for eps, attack in wanted.items()
        ]
        where, keys = looked.folder.path / "frames.json", ("index", "eps", "attack")
        if ledger.same(where, "frames", [{key: frame[key] for key in keys} for frame in said], order):
            _Frames(ledger, looked, said, wanted).look()


def planned(looked: Looked) -> dict[float, Call | None]:
    """The eps of the frames, and the attack that is strongest at each; none at 0."""
    figures = tally(looked.table, looked.attacks, looked.plan.epsilons, len(looked.config["classes"]))
    access: Access = looked.config.get("access") or "gradients"
    return {0.0: None, **attacks_shown(looked.plan, figures, access)}


def _none(ledger: Ledger, looked: Looked, here: Mapping[str, Any]) -> None:
    env = looked.folder.read_json("env.json")
    if all(env.get(key) == here.get(key) for key in ("assay", "commit")):
        ledger.differs(looked.folder.path / "frames.json", "is missing")
    else:
        ledger.unsure(LATER.format(looked.folder.path.name))


class _Frames:
    """The frames of each picture, (N, F) of them, and what they are looked at against."""

    def __init__(
        self, ledger: Ledger, looked: Looked, said: list[dict[str, Any]], wanted: Mapping[float, Call | None]
    ) -> None:
        self.ledger, self.looked, self.wanted = ledger, looked, list(wanted.items())
        self.where = looked.folder.path / "frames.safetensors"
        arrays, steps = looked.folder.read_arrays("frames.safetensors"), len(wanted)
        self.images = arrays["images"].reshape(-1, steps, *arrays["images"].shape[1:])
        self.probability = arrays["probability"].reshape(-1, steps, arrays["probability"].shape[1])
        self.said = [said[start : start + steps] for start in range(0, len(said), steps)]
        self.rows = np.array([looked.place[frames[0]["index"]] for frames in self.said])
        proof = looked.folder.read_arrays("adversarial.safetensors")
        self.proofs = proofs_of(looked.table, looked.plan, proof, looked.table["index"][self.rows].tolist())

    def look(self) -> None:
        """Frame by frame."""
        if not np.isfinite(self.images).all() or self.images.min() < 0 or self.images.max() > 1:
            self.ledger.differs(self.where, "a frame has pixels out of [0, 1]")
            return
        self._clean()
        goal = self.looked.goal()
        reached = None
        if goal is not None:
            said = torch.from_numpy(self.probability.argmax(2))
            rows = torch.from_numpy(self.rows)
            reached = torch.stack([goal[rows].reached(said[:, step]) for step in range(said.shape[1])], 1).numpy()
        for step in range(1, len(self.wanted)):
            for place in range(len(self.rows)):
                self._frame(place, step, None if reached is None else bool(reached[place, step]))

    def _clean(self) -> None:
        """The frames at eps 0 are the data's images, and are answered as the table says."""
        table, index = self.looked.table, self.looked.table["index"][self.rows]
        if self.looked.images is not None:
            clean = self.looked.images.rows(torch.from_numpy(self.rows)).pixels().numpy()
            wrong = (clean != self.images[:, 0]).reshape(len(index), -1).any(1)
            self.ledger.rows(self.where, index, wrong, "the frame at eps 0 is another image")
        sure, said = table["clean_confidence"][self.rows], table["clean_prediction"][self.rows]
        wrong = ~(np.abs(self.probability[np.arange(len(said)), 0, said] - sure) <= SURE)
        self.ledger.rows(self.where, index, wrong, "the frame at eps 0 is answered otherwise than the table says")

    def _frame(self, place: int, step: int, reached: bool | None) -> None:
        looked, frame = self.looked, self.said[place][step]
        where = looked.folder.path / "frames.json"
        eps, attack, row = self.wanted[step][0], self.wanted[step][1], int(self.rows[place])
        name = f"image {frame['index']} at eps {eps:g}"
        image, clean = (torch.from_numpy(self.images[place, at])[None] for at in (step, 0))
        size, threat = float(looked.plan.threat.size(image.double() - clean.double())[0]), looked.plan.threat.at(eps)
        if not bool(threat.contains(image, clean)[0]):
            self.ledger.differs(self.where, f"{name}: its size is {size:.6g}")
        elif math.isclose(size, frame["size"], rel_tol=NEAR, abs_tol=NEAR):
            self.ledger.figures += 1
        else:
            self.ledger.differs(where, f"{name}: size is {frame['size']:.6g}, {size:.6g} wanted")
        if (
            reached is not None
            and frame["verdict"] in ("broken", "robust")
            and reached != (frame["verdict"] == "broken")
        ):
            self.ledger.differs(self.where, f"{name}: its answer is not that of one that is {frame['verdict']}")
        if frame["verdict"] not in ("broken", "robust"):
            spared = {
                str(looked.of(str(each), at, "verdict")[row])
                for each in looked.plan.attacks
                for at in looked.plan.epsilons
            }
            if frame["verdict"] == "exempt" and "exempt" not in spared:
                self.ledger.differs(where, f"{name}: it is exempt at no eps of the table")
            if not np.array_equal(self.images[place, step], self.images[place, 0]):
                self.ledger.differs(self.where, f"{name}: the image as it is wanted")
        assert attack is not None
        if eps in looked.plan.epsilons and not guest(attack):
            self._as_tabled(place, step, str(attack), row, name)

    def _as_tabled(self, place: int, step: int, attack: str, row: int, name: str) -> None:
        """At the eps of a plan: what the table says of the worst case."""
        looked, frame, eps = self.looked, self.said[place][step], self.wanted[step][0]
        verdict, where = str(looked.of(attack, eps, "verdict")[row]), looked.folder.path / "frames.json"
        proof = self.proofs.get(frame["index"])
        proven = verdict not in ("broken", "exempt") and proof is not None and proof[1] <= eps
        if verdict == "spared" and not proven:
            return
        self.ledger.same(where, f"{name}: verdict", frame["verdict"], "broken" if proven else verdict)
        if proven:
            assert proof is not None
            if not np.array_equal(self.images[place, step], proof[0].numpy()):
                self.ledger.differs(self.where, f"{name}: it is not the proof")
            return
        size = float(looked.of(attack, eps, "size")[row])
        beyond = size > eps * (1 + 1e-6) + 1e-6 or verdict == "fault"
        if beyond or verdict in UNSHOWN:
            if not np.array_equal(self.images[place, step], self.images[place, 0]):
                self.ledger.differs(self.where, f"{name}: the image as it is wanted")
            return
        if not math.isclose(frame["size"], size, rel_tol=NEAR, abs_tol=NEAR):
            self.ledger.differs(where, f"{name}: size is {frame['size']:.6g}, the table says {size:.6g}")
        said, sure = (looked.of(attack, eps, key)[row] for key in ("prediction", "confidence"))
        told = float(self.probability[place, step, max(0, int(said))])
        if not abs(told - float(sure)) <= SURE:
            self.ledger.differs(self.where, f"{name}: class {said} is {told:.6g}, the table says {float(sure):.6g}")


def rerun_frames(
    ledger: Ledger, looked: Looked, images: ImageSet, classifier: Classifier, plan: Plan, same: bool
) -> None:
    """The model answers the frames as they say; on the same machine the attacks make them again."""
    folder = looked.folder
    if not folder.has("frames.json"):
        return
    said, arrays = folder.read_json("frames.json")["frames"], folder.read_arrays("frames.safetensors")
    where, rows = folder.path / "frames.safetensors", np.array([looked.place[one["index"]] for one in said])
    part, points = images.rows(torch.from_numpy(rows)), torch.from_numpy(arrays["images"]).to(plan.device)
    goal, _ = aim(classifier, part, plan)
    eps = torch.tensor([one["eps"] for one in said], dtype=torch.float64, device=plan.device)
    with Victim(classifier, access="scores") as victim:
        answers = victim.logits(points).softmax(1).cpu().numpy()
        found = judge(victim, part.pixels(plan.device), goal, plan.threat.at(eps), points, "minimum")
    index = looked.table["index"][rows]
    off = ~(np.abs(answers - arrays["probability"]) <= SURE).all(1)
    ledger.rows(where, index, off, "the model answers a frame otherwise")
    verdict = np.array([one["verdict"] for one in said])
    wrong = (found.verdict == "broken") != (verdict == "broken")
    wrong &= np.isin(verdict, ("broken", "robust")) & (eps.cpu().numpy() > 0)
    ledger.rows(where, index, wrong, lambda row: f"a frame is {found.verdict[row]}, said to be {verdict[row]}")
    if same:
        _again(ledger, looked, images, classifier, plan, said, where)


def _again(
    ledger: Ledger,
    looked: Looked,
    images: ImageSet,
    classifier: Classifier,
    plan: Plan,
    said: list[dict[str, Any]],
    where: Path,
) -> None:
    index = list(dict.fromkeys(one["index"] for one in said))
    picked = images.rows(torch.tensor([looked.place[one] for one in index]))
    goal, _ = aim(classifier, picked, plan)
    calls = {str(attack): attack for attack in plan.attacks}
    attacks = {eps: calls[str(attack)] for eps, attack in planned(looked).items() if attack}
    proofs = proofs_of(looked.table, plan, looked.folder.read_arrays("adversarial.safetensors"), index)
    found = frames(classifier, picked, goal, plan, attacks, proofs, {})
    if found is None:
        ledger.differs(where, "run again there are no frames")
        return
    wrong = found.verdict.reshape(-1) != np.array([one["verdict"] for one in said])
    wrong |= ~np.isclose(found.size.reshape(-1), [one["size"] for one in said], 1e-4, 1e-5)
    ledger.rows(where, np.array([one["index"] for one in said]), wrong, "run again the attack finds another frame")
