"""What a run was not tried with, and when its numbers say little. Nothing is drawn here."""

from assay.report.seen import Seen

PERCENT = "\N{NO-BREAK SPACE}%"
NORMS = {"linf": "every pixel a little", "l2": "changes of a small length", "l1": "few pixels, much"}
ALWAYS = (
    "Robust accuracy is an upper bound: a stronger attack may break more. Only a certified bound is a proof.",
    "The intervals are of the images, not of the training: another seed gives another model.",
    "What was measured holds for this threat and these images. A new camera, another country, another year were not.",
    "An enemy who knows of a defence beyond the weights was not played.",
    "Verdicts are the same for any order, company or shard on one kind of machine; on another last bits can differ.",
)
WIDE = 0.05  # half of an interval: wider than that, a comparison of two models says little


def untried(one: Seen) -> list[str]:
    """The norms, attacks and checks that the page knows nothing of."""
    if not one.attacked:
        return [f"{one.name}: any attack."]
    norm, attacks = one.attacked.settings["norm"], one.attacked.settings["attacks"]
    tried = {norm} | {name for name in NORMS for other in one.others if f"-{name}-" in other}
    lines = [f"{one.name}: {name} ({what})." for name, what in NORMS.items() if name not in tried]
    if not one.attacked.folder.has("checks.json"):
        lines.append(f"{one.name}: the diagnostics that say whether the attacks worked.")
    if not any(name.startswith(("square", "hop_skip_jump", "cascade")) for name in attacks):
        lines.append(f"{one.name}: an attack without gradients, which a model that hides them does not stop.")
    return lines


def unsure(one: Seen) -> list[str]:
    """Few images, images that were learnt from, lights that are not green."""
    if not one.attacked:
        return []
    settings, robust, lines = one.attacked.settings, one.attacked.robust(one.attacked.eps), []
    half = (robust["high"] - robust["low"]) / 2
    if half > WIDE:
        lines.append(
            f"{one.name}: {robust['n']} images give robust accuracy to ±{100 * half:.0f}{PERCENT} only; "
            "smaller differences say nothing."
        )
    if settings.get("trained_on"):
        lines.append(f"{one.name}: {settings['trained_on']} of the images are among those that it learnt from.")
    if one.attacked.folder.has("checks.json"):
        said = one.attacked.folder.read_json("checks.json")["verdict"]
        lines += [] if said == "believable" else [f"{one.name}: the diagnostics say {said}."]
    lines += [f"{one.name}: {note}." for note in settings.get("notes") or []]
    return lines
