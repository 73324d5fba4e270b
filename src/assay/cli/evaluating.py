"""What attack, evaluate, compare, harden and demo share: a plan carried out on a run, and its figures in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.cli.options import environment, load_images, load_run, percent, show
from assay.run_folder import Folder, Run
from assay.tally import CERTIFIED, Table, paired, passes, proven, stands

if TYPE_CHECKING:
    from assay.data import ImageSet
    from assay.evaluate.engines import Engine
    from assay.evaluate.robust import Plan
    from assay.models.classifier import Classifier


def carry_out(
    path: Path,
    plan: "Plan",
    name: str,
    data: str | None,
    split: str,
    images: int | None,
    force: bool,
    skip_bad: bool = False,
    workers: int = 1,
    half_width: float | None = None,
    engine: "Engine | None" = None,
) -> Folder:
    """Carry out the plan and write it into the run."""
    from assay.evaluate.record import evaluate_run

    run, classifier = load_run(path)
    chosen = load_images(run, data, split, images, skip_bad)
    possible(plan, classifier, chosen)
    env = environment(plan.seed)
    return evaluate_run(run, classifier, chosen, plan, name, force, env, workers, half_width, engine)


def tell(folder: Folder, json: bool) -> None:
    """Print the figures of an evaluation."""
    results = folder.read_json("results.json")
    shown = {"evaluation": str(folder.path), **results, "costs": folder.read_json("costs.json")}
    if folder.has("checks.json"):
        shown["checks"] = folder.read_json("checks.json")
    show(shown, figures(folder), json)


def possible(plan: "Plan", classifier: "Classifier", images: "ImageSet") -> None:
    """ValueError, before any work, for a plan that the images or the model do not allow."""
    import torch

    from assay.adversary.victim import ACCESS, MICRO_BATCH, Victim
    from assay.chance import Draws
    from assay.evaluate.robust import facts
    from assay.models.black_box import access_of
    from assay.models.classifier import check

    plan.check(images)
    plan.goal(images.labels[:1], torch.zeros(1, len(images.classes)), Draws(0, images.index[:1]))  # a class there is
    attackers = [attack for attack in plan.attacks if facts(attack).kind != "control"]  # a control climbs nothing
    most = max((facts(attack).access for attack in attackers), key=ACCESS.index, default="labels")
    gradients = most == access_of(classifier.net) == "gradients"
    with Victim(classifier.to(plan.device)):
        check(classifier, images.rows(slice(MICRO_BATCH)).pixels(plan.device), len(images.classes), gradients)
    grants = access_of(classifier.net)
    if ACCESS.index(most) > ACCESS.index(grants):
        asking = next(attack for attack in attackers if facts(attack).access == most)
        raise ValueError(f"{asking.name} asks for {most}, and {classifier.architecture} gives only {grants}")


def figures(folder: Folder) -> str:
    """The figures of an evaluation as a table of text."""
    config, results = folder.read_json("config.json"), folder.read_json("results.json")
    costs = {(cost["attack"], cost["eps"]): cost for cost in folder.read_json("costs.json")}
    rows = [f"{folder.path}", *warned(config), f"  {'clean':<34}         {percent(results['clean'])}"]
    for line in results["attacks"]:
        cost = costs[line["attack"], line["eps"]]
        faults = f"  {line['faults']} FAULTS" if line["faults"] else ""
        looks = f", ssim {line['mean_ssim']:.3f}" if line["mean_ssim"] is not None else ""
        rows.append(
            f"  {line['attack']:<34} {eps_text(line['eps'], config['norm']):>7} {percent(line)}"
            f"  {passes(cost, line):5.1f} passes an image, {cost['seconds']:.1f} s{looks}{faults}"
        )
    for line in results["robust"]:
        rows.append(
            f"  {'robust: right under all of them':<34} {eps_text(line['eps'], config['norm']):>7} {percent(line)}"
        )
    for line in results.get("certified") or ():
        if line["count"]:
            rows.append(
                f"  {'proven: no attack whatever breaks':<34} {eps_text(line['eps'], 'linf'):>7} {percent(line)}"
            )
    if folder.has("checks.json"):
        rows += believed(folder.read_json("checks.json"))
    elif results["attacks"] and config["goal"] == "untargeted":
        rows.append("  no diagnostics were run: --suite standard says whether this number may be believed")
    return "\n".join(rows)


def believed(checks: dict[str, Any]) -> list[str]:
    """Whether the number may be believed, and why not."""
    rung: dict[tuple[str, str], list[str]] = {}  # those of one reason in one line
    for one in checks["findings"]:
        if one["light"] != "green":
            rung.setdefault((one["light"], one["because"]), []).append(one["check"].replace("_", " "))
    reasons = [f"    {light:<6} {', '.join(names)}: {because}" for (light, because), names in rung.items()]
    said = "not proven: not enough evidence" if checks["verdict"] == "not enough evidence" else checks["verdict"]
    looked = f"{len(checks['findings'])} diagnostics on {checks['n']} images"
    return [f"  this number is {said} ({looked})", *reasons]


def warned(config: dict[str, Any]) -> list[str]:
    """What makes the figures worth less: images that the model was trained on, and what was not done as asked."""
    notes = [f"  {text}" for text in config.get("notes") or []]
    if not config.get("trained_on"):
        return notes
    return [f"  {config['trained_on']} of {config['n']} images are among those that the model was trained on", *notes]


def eps_text(eps: float, norm: str) -> str:
    """8/255 where that is what it is."""
    levels = eps * 255
    short = round(eps, 4) == eps
    return (
        f"{round(levels)}/255" if norm == "linf" and not short and abs(levels - round(levels)) < 1e-6 else f"{eps:.4g}"
    )


def shared(before: Run, after: Run) -> list[str]:
    """The evaluations that both runs have, of the same images; newest last. ValueError if there are none."""
    if before.path.resolve() == after.path.resolve():
        raise ValueError(f"{before.path} and {after.path} are the same run: nothing can differ")
    common = [name for name in before.names("evaluations") if name in after.names("evaluations")]
    same = []
    for name in common:
        ours, theirs = (run.evaluation(name).read_json("config.json") for run in (before, after))
        keys = ("fingerprint", "norm", "epsilons", "attacks", "goal", "n")
        if ours["attacks"] and all(ours[key] == theirs[key] for key in keys):
            same.append(name)
    if not same:
        raise ValueError(
            f"{before.path} and {after.path} have no evaluation of the same images and threat: "
            "run assay evaluate on both, with the same options"
        )
    return same


def compared(before: Run, after: Run, name: str) -> dict[str, Any]:
    """The same images under both models: clean, and at every eps, with McNemar's test."""
    config = before.evaluation(name).read_json("config.json")
    tables = [run.evaluation(name).read_table("images.parquet") for run in (before, after)]
    if not np.array_equal(tables[0]["index"], tables[1]["index"]):
        raise ValueError(f"{name}: the tables of {before.path} and {after.path} hold other images")
    clean = paired(*(table["clean_prediction"] == table["label"] for table in tables))
    robust = [
        {"eps": eps, **paired(*(stands(table, config["attacks"], config["epsilons"], eps) for table in tables))}
        for eps in config["epsilons"]
    ]
    about = {"evaluation": name, "before": before.name, "after": after.name, "norm": config["norm"]}
    return about | {"clean": clean, "robust": robust, "certified": _proven(tables, config["epsilons"])}


def _proven(tables: Sequence[Table], epsilons: Sequence[float]) -> list[dict[str, Any]]:
    """What of both is proven, which no attack has measured; nothing where nothing is."""
    if not all(CERTIFIED in table for table in tables):
        return []
    found = [{"eps": eps, **paired(*(proven(table, eps) for table in tables))} for eps in epsilons if eps]
    return [line for line in found if line["before"]["count"] or line["after"]["count"]]


def compared_text(result: dict[str, Any]) -> str:
    """A comparison as a table of text."""
    head = f"  {'':<16}{result['before']:>32}{result['after']:>32}   gained  lost  McNemar p"
    rows = [result["evaluation"], head]
    kinds = [(kind, line) for kind in ("robust", "certified") for line in result[kind]]
    lines = [(f"{kind} {eps_text(line['eps'], result['norm'])}", line) for kind, line in kinds]
    for what, line in [("clean", result["clean"]), *lines]:
        both = f"{percent(line['before']):>32}{percent(line['after']):>32}"
        rows.append(f"  {what:<16}{both}   {line['gained']:>6}{line['lost']:>6}  {line['p']:.2g}")
    return "\n".join(rows)
