"""The figures of an evaluation: results.json, the columns that follow from others, costs.json, names and settings."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from assay.evaluate.record import trained_on
from assay.evaluate.robust import facts
from assay.run_folder import SCHEMA, Run
from assay.tally import brackets, first_breaker, tally
from assay.verify.ledger import Ledger, short
from assay.verify.looked import Looked, guest, kind_of


def verify_figures(ledger: Ledger, looked: Looked) -> None:
    """Everything that `tally` counts, and the columns that it would find in the table."""
    epsilons, table = looked.plan.epsilons, looked.table
    with ledger.reading():
        results = dict(looked.folder.read_json("results.json"))
        ledger.same(looked.folder.path / "results.json", "schema", results.pop("schema", SCHEMA), SCHEMA)
        results.setdefault("certified", None)  # of a run from before there were bounds
        counted = tally(table, looked.attacks, epsilons, len(looked.config["classes"]))
        for key in ("smallest_change", "fallen", "becomes", "calibration"):  # the same
            results.setdefault(key, counted[key])
        ledger.same(looked.folder.path / "results.json", "", results, counted)
    low, high = brackets(table, looked.attacks, epsilons)
    derived = {
        "first_breaker": first_breaker(table, looked.attacks, epsilons),
        "eps_survived": low,
        "eps_broken": high,
    }
    for key, wanted in derived.items():
        if key not in table:
            ledger.differs(looked.file, f"{key} is missing")
            continue
        says, counted = table[key].tolist(), wanted.tolist()
        wrong = np.array([one != other for one, other in zip(says, counted, strict=True)])
        place = int(np.flatnonzero(wrong)[0]) if wrong.any() else 0
        tell = f"{key} is {short(says[place])}, {short(counted[place])} wanted"
        ledger.rows(looked.file, table["index"], wrong, tell)


def verify_costs(ledger: Ledger, looked: Looked) -> None:
    """A line for each attack and eps, of passes that can be."""
    where = looked.folder.path / "costs.json"
    with ledger.reading():
        costs = looked.folder.read_json("costs.json")
        wanted = [(str(attack), eps) for eps, attack in product(looked.plan.epsilons, looked.plan.attacks)]
        if not ledger.same(
            where,
            "its lines",
            [[cost["attack"], cost["eps"]] for cost in costs],
            [[attack, eps] for attack, eps in wanted],
        ):
            return
        calls = {str(attack): attack for attack in looked.plan.attacks}
        first: dict[str, Any] = {}
        for cost in costs:
            name, call = f"{cost['attack']} at eps {cost['eps']:g}", calls[cost["attack"]]
            for reason in _absurd(looked, cost, call):
                ledger.differs(where, f"{name}: {reason}")
            passes = {key: cost[key] for key in ("forwards", "backwards", "seconds")}
            if kind_of(call) == "minimum":
                ledger.same(where, name, passes, first.setdefault(cost["attack"], passes))


def _absurd(looked: Looked, cost: Mapping[str, Any], call: Any) -> list[str]:
    """What cannot be of a line of costs."""
    verdict, found = looked.of(cost["attack"], cost["eps"], "verdict"), []
    attacked = int((looked.right & np.isin(verdict, ("broken", "robust", "fault"))).sum())
    forwards, backwards, seconds = (cost[key] for key in ("forwards", "backwards", "seconds"))
    if min(forwards, backwards) < 0 or not (math.isfinite(seconds) and seconds >= 0):
        found.append(f"{forwards} forwards, {backwards} backwards and {short(seconds)} seconds, none can be below 0")
    if guest(call):
        return found
    if backwards and facts(call).access != "gradients":
        found.append(f"{backwards} backwards, but it asks for no gradients")
    if forwards < attacked and cost["eps"] > 0 and facts(call).kind != "fitted":
        found.append(f"{forwards} forwards, but it attacked {attacked} images")
    if forwards + backwards and not (looked.right & (verdict != "exempt")).any():
        found.append(f"{forwards} forwards, but there was no image to attack")
    return found


def verify_settings(ledger: Ledger, looked: Looked, run: Run) -> None:
    """What config.json says, against the model, the folder's name, and the images that were learnt from."""
    config, where = looked.config, looked.folder.path / "config.json"
    with ledger.reading():
        model = run.read_json("model.json")
        for key in ("weights", "shape", "classes"):
            ledger.same(where, key, config[key], model[key])
    for text, call in zip(config["attacks"], looked.plan.attacks, strict=True):
        ledger.same(where, "attacks", text, str(call))
    with ledger.reading():
        ledger.same(where, "notes", config.get("notes") or [], looked.plan.notes(len(config["classes"])))
        if looked.images is not None:
            ledger.same(where, "trained_on", config.get("trained_on"), trained_on(run, looked.images))
    with ledger.reading():
        if looked.folder.has("env.json") and "seed" in (env := looked.folder.read_json("env.json")):
            ledger.same(where, "seed", config["seed"], env["seed"])
