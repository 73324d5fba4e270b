"""The pictures of the gallery at every eps: what the slider of the report moves through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.victim import Access, Victim
from assay.data import ImageSet
from assay.evaluate.judge import judge
from assay.evaluate.robust import Plan, facts, run_attack
from assay.models.classifier import Classifier
from assay.run_folder import Folder
from assay.spec import Call
from assay.tally import Table, column

STEPS = 8  # of a plan that names one eps: its eighths
MOST = 12  # frames of a picture


@dataclass(frozen=True)
class Frames:
    """Of each picture a frame at each eps: `images` (N, F, C, H, W) float32 of [0, 1], `probability` (N, F, K),
    `verdict` and `size` (N, F), and `attacks` (F), the attack that was strongest there, "" at eps 0."""

    epsilons: Sequence[float]
    attacks: Sequence[str]
    images: np.ndarray
    probability: np.ndarray
    verdict: np.ndarray
    size: np.ndarray

    def write(self, folder: Folder, index: Sequence[int]) -> None:
        """Frames of the images of these indices, one after the other, each from eps 0 up."""
        places = [(place, step) for place in range(len(index)) for step in range(len(self.epsilons))]
        frames = [
            {"index": index[place], "eps": self.epsilons[step], "attack": self.attacks[step]}
            | {"size": float(self.size[place, step]), "verdict": str(self.verdict[place, step])}
            for place, step in places
        ]
        arrays = {"images": self.images, "probability": self.probability}
        folder.write_arrays(
            "frames.safetensors", {key: array.reshape(-1, *array.shape[2:]) for key, array in arrays.items()}
        )
        folder.write_json("frames.json", {"frames": frames})


def shown_epsilons(plan: Plan, access: Access) -> list[float]:
    """The eps of the frames: 0 and those of the plan; where it names one, its eighths. Ascending, with the threat's.

    Of a model that can only be asked no more is asked for a picture: there the frames are those of the plan.
    """
    eps = plan.threat.eps
    assert isinstance(eps, float)
    named = sorted(one for one in plan.epsilons if one)
    if len(named) < 2 and access == "gradients" and eps:
        named = [eps * step / STEPS for step in range(1, STEPS)] + [eps]
    if len(named) >= MOST:
        spread = np.linspace(0, len(named) - 1, MOST - 2).round().astype(int)
        named = sorted({named[place] for place in spread} | {eps})
    return [0.0, *named]


def frames(
    classifier: Classifier,
    picked: ImageSet,
    goal: Goal,
    plan: Plan,
    attacks: Mapping[float, Call],
    proofs: Mapping[int, tuple[Tensor, float]],
    done: Mapping[float, Tensor],
) -> Frames | None:
    """What the attack of each eps makes of the pictures, judged; None where its answers are no images.

    Where it does not break a picture that another attack of the plan broke within that eps, the proof of that is
    shown; in between the eps of a plan, what broke it at a smaller one. Where its answer is beyond eps, or no image,
    the picture is shown as it is. done: points that are there already, by eps.
    """
    pixels, labels = picked.pixels(plan.device), picked.labels.to(plan.device)
    done = {**_between(classifier, picked, goal, plan, attacks), **done}
    exempt = goal.reached(labels).cpu().numpy()
    still = np.where(exempt, "exempt", "robust").astype(object)
    images, verdicts = [pixels], [still]
    once = {str(attacks[eps]): points for eps, points in done.items() if _blind(attacks[eps])}
    for eps, attack in attacks.items():
        points = done[eps] if eps in done else once.get(str(attack))
        if points is None:
            points = run_attack(classifier, picked, goal, plan, attack, eps).points
            once |= {str(attack): points} if _blind(attack) else {}
        if points.shape != pixels.shape:
            return None
        threat = plan.threat.at(eps)
        with Victim(classifier, access="scores") as victim:
            found = judge(victim, pixels, goal, threat, points, facts(attack).kind)
        allowed = threat.contains(points.to(pixels), pixels)
        points = torch.where(allowed[:, None, None, None], points.to(pixels), pixels)
        verdict = np.where(exempt, "exempt", found.verdict)
        for place, index in enumerate(picked.index.tolist()):
            if verdict[place] in ("broken", "exempt"):
                continue
            if index in proofs and proofs[index][1] <= eps:
                points[place], verdict[place] = proofs[index][0].to(points), "broken"
            elif eps not in plan.epsilons and verdicts[-1][place] == "broken":
                points[place], verdict[place] = images[-1][place], "broken"
        points[torch.from_numpy(exempt)] = pixels[torch.from_numpy(exempt)]
        images.append(points)
        verdicts.append(verdict)
    return _told(classifier, plan, attacks, torch.stack(images, 1), np.stack(verdicts, 1))


def _between(
    classifier: Classifier, picked: ImageSet, goal: Goal, plan: Plan, attacks: Mapping[float, Call]
) -> dict[float, Tensor]:
    """The points at the eps that the plan does not name, all in one go: each row has its eps.

    Somebody's own attack may know of one eps only, and is not asked so.
    """
    between = [eps for eps in attacks if eps not in plan.epsilons]
    if not between or ".py:" in attacks[between[0]].name or _blind(attacks[between[0]]):
        return {}
    rows = torch.arange(len(picked)).repeat(len(between))
    eps = torch.tensor(between, device=plan.device).repeat_interleave(len(picked))
    points = run_attack(
        classifier, picked.rows(rows), goal[rows.to(plan.device)], plan, attacks[between[0]], eps
    ).points
    return dict(zip(between, points.chunk(len(between)), strict=True)) if len(points) == len(rows) else {}


def proofs_of(
    table: Table, plan: Plan, proof: Mapping[str, np.ndarray], index: Sequence[int]
) -> dict[int, tuple[Tensor, float]]:
    """Of each of these images that something broke: its proof, and the smallest eps at which something did."""
    rows = {int(one): row for row, one in enumerate(table["index"])}
    places = {int(one): place for place, one in enumerate(proof["index"])}
    found = {}
    for one in index:
        broken = [
            eps for eps in plan.epsilons if any(_broken(table, attack, eps, rows[one]) for attack in plan.attacks)
        ]
        if broken and one in places:
            found[one] = torch.from_numpy(proof["pixels"][places[one]]), min(broken)
    return found


def _broken(table: Table, attack: Call, eps: float, row: int) -> bool:
    return bool(table[column(str(attack), eps, "verdict")][row] == "broken")


def _blind(attack: Call) -> bool:
    """Whether it is not told eps, and asked once for all."""
    return facts(attack).kind == "minimum"


def _told(
    classifier: Classifier, plan: Plan, attacks: Mapping[float, Call], images: Tensor, verdict: np.ndarray
) -> Frames:
    n, steps = images.shape[:2]
    with Victim(classifier, access="scores") as victim:
        probability = victim.logits(images.flatten(0, 1)).softmax(1)
    size = plan.threat.size((images.double() - images[:, :1].double()).flatten(0, 1))
    return Frames(
        [0.0, *attacks],
        ["", *map(str, attacks.values())],
        images.cpu().numpy(),
        probability.unflatten(0, (n, steps)).cpu().numpy(),
        verdict,
        size.unflatten(0, (n, steps)).cpu().numpy(),
    )
