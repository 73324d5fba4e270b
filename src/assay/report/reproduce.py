"""Everything that somebody else needs to get the same numbers."""

from assay.report.html import Panel, table
from assay.report.seen import Seen


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
    return Panel("reproduce", "Reproduce", plain, body)


def _recipe(one: Seen) -> str:
    settings = one.config.get("recipe") or {}
    return ", ".join(f"{key} {value}" for key, value in settings.items() if value is not None) or "imported"
