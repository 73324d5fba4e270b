"""The diagnostics once more: what checks.json says of the number is what the model shows."""

from dataclasses import asdict, replace
from typing import Any

from assay.data import ImageSet
from assay.evaluate.belief import SQUARE, examine
from assay.evaluate.robust import Evaluation, Plan, derive
from assay.models.classifier import Classifier
from assay.verify.ledger import Ledger, as_read
from assay.verify.looked import Looked
from assay.verify.proofs import proofs_of


def verify_lights(
    ledger: Ledger, looked: Looked, images: ImageSet, classifier: Classifier, plan: Plan, same: bool
) -> int:
    """How many findings were looked at. On the same machine light, words and evidence must be equal; elsewhere a light
    that moved may be the machine's doing, and is said to be unsure."""
    if not looked.folder.has("checks.json"):
        return 0
    where = looked.folder.path / "checks.json"
    said: list[dict[str, Any]] = looked.folder.read_json("checks.json")["findings"]
    plan, evaluation = _before_square(looked, plan)
    found = [asdict(finding) for finding in examine(classifier, images, plan, evaluation)]
    if ledger.same(where, "the diagnostics", [one["check"] for one in said], [one["check"] for one in found]):
        for says, finds in zip(said, found, strict=True):
            if same:
                told, again = ({key: one[key] for key in one if key != "seconds"} for one in (says, finds))
                ledger.same(where, says["check"], told, as_read(again))
            elif says["light"] != finds["light"]:
                ledger.unsure(f"{where}: {says['check']} is {says['light']}, here {finds['light']}: another machine")
    return len(said)


def _before_square(looked: Looked, plan: Plan) -> tuple[Plan, Evaluation]:
    """The evaluation that the diagnostics saw: Square was added because of them."""
    pixels, index = proofs_of(looked)
    kept = replace(plan, attacks=[attack for attack in plan.attacks if str(attack) != SQUARE])
    table = dict(looked.table)
    derive(table, kept)
    return kept, Evaluation(table, [], {"pixels": pixels, "index": index}, {})
