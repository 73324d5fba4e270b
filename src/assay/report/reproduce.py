"""Everything that somebody else needs to get the same numbers, and what these numbers do not say."""

from assay.report.html import Panel, fill, table
from assay.report.seen import Seen

LIMITS = """
<h3>What this does not say</h3>
<ul>
<li>Robust accuracy is an upper bound: a stronger attack may break more. Nothing here is a proof.</li>
<li>The intervals are of the images, not of the training: another seed gives another model.</li>
<li>It holds for this norm, this eps and these images; other changes (rotation, blur, a new camera) were not tried.</li>
<li>The attacks are those of the table. An enemy who knows of a defence beyond the weights was not played.</li>
<li>Verdicts are the same for any order, company or shard on one kind of machine; on another last bits can differ.</li>
</ul>
"""


def reproduce(seen: list[Seen]) -> Panel:
    """Commands, hashes, versions, hardware and seeds of each run."""
    plain = "The commands that made these numbers, and the fingerprints of what they were made from."
    names = [one.name for one in seen]
    rows = [
        ("made by", *(one.env.get("command", "–") for one in seen)),
        ("attacked by", *(one.attacked.env.get("command", "–") if one.attacked else "–" for one in seen)),
        ("also evaluated", *(", ".join(one.others) or "–" for one in seen)),
        ("model", *(one.model["architecture"] for one in seen)),
        ("parameters", *(f"{one.model['parameters']:,}".replace(",", " ") for one in seen)),
        ("weights", *(one.model["weights"] for one in seen)),
        ("training data", *(f"{one.config['data']} {one.config['fingerprint']}" for one in seen)),
        ("attacked data", *(one.attacked.settings["fingerprint"] if one.attacked else "–" for one in seen)),
        ("recipe", *(_recipe(one) for one in seen)),
        *((what, *(str(one.env.get(what)) for one in seen)) for what in ("date", "assay", "commit", "python", "torch")),
        *(
            (what, *(str(one.env.get(what)) for one in seen))
            for what in ("system", "processor", "cores", "threads", "gpu", "seed")
        ),
    ]
    body = table(("what", *names), rows, "To get the same numbers")
    return Panel("reproduce", "Reproduce", plain, body + fill(LIMITS))


def _recipe(one: Seen) -> str:
    settings = one.config.get("recipe") or {}
    return ", ".join(f"{key} {value}" for key, value in settings.items() if value is not None) or "imported"
