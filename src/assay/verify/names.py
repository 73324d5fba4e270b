"""What an evaluation is called and how it was asked for, against what its config.json says."""

import re
from collections.abc import Mapping
from typing import Any

from assay import spec
from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.adversary.victim import Access
from assay.attacks import ATTACKS
from assay.evaluate.suites import SUITES
from assay.run_folder import LONGEST_NAME, OF_PRINT, Run, safe_name
from assay.verify.ledger import Ledger
from assay.verify.looked import Looked
from assay.verify.source import asked

HASH = 9  # characters at the end of a name that was too long
NOTHING = {"eight_bit": False}  # what an old config.json means by not naming it
ONE = ("attack", "evaluate")  # the verbs whose command is about one evaluation


def verify_name(ledger: Ledger, looked: Looked, here: Mapping[str, Any]) -> None:
    """The folder's name and the recorded command; `here` is the version of assay that looks."""
    config, name = looked.config, looked.folder.path.name
    ledger.same(looked.folder.path / "config.json", "name", config.get("name"), name)
    threat = [looked.plan.threat, looked.plan.goal, *["8-bit"] * looked.plan.eight_bit] if config["attacks"] else []
    parts = [config["data"], config["split"], config["n"], config["fingerprint"][:OF_PRINT], *threat]
    told = "-".join(map(safe_name, parts)) + "-"
    cut = len(name) == LONGEST_NAME  # what was longer ends in a hash
    shown = name[:-HASH] if cut else name
    if not shown.startswith(told) and not (cut and told.startswith(shown)):
        ledger.differs(looked.folder.path, f"the folder's name begins otherwise than config.json, {told!r}")
        return
    ledger.figures += 1
    with ledger.reading():
        env = looked.folder.read_json("env.json")
        verb, options = asked(str(env.get("command", "")))
        rest = "" if cut else shown.removeprefix(told)
        if verb in ONE:
            _options(ledger, looked, options)
        typed = options.get("attack", []) if verb == "attack" else []
        if rest and typed:
            ledger.same(looked.folder.path, "the end of its name", rest, safe_name("+".join(typed)))
        same_version = all(env.get(key) == here.get(key) for key in ("assay", "commit"))
        _promises(ledger, looked, rest, typed, same_version)


def _promises(ledger: Ledger, looked: Looked, rest: str, typed: list[str], same_version: bool) -> None:
    """Each attack that the name or the command promises is there."""
    there = looked.config["attacks"]
    if typed:
        promised = [text if ".py:" in text else str(spec.read(text, ATTACKS, "attack")) for text in typed]
    elif rest in SUITES and not same_version:
        ledger.unsure(f"{looked.folder.path.name}: which attacks the suite {rest!r} had in the version that ran it")
        promised = []
    elif rest in SUITES:
        promised = [str(spec.read(text, ATTACKS, "attack")) for text in SUITES[rest][_access(looked)]]
    elif ".py" in rest:
        promised = []
    else:  # "fgsm-pgd-steps=20": its words that are attacks
        there = [call.name for call in looked.plan.attacks]
        promised = [word for word in re.findall("[a-z_]+", rest) if word in ATTACKS]
    looks = rest == "standard" and same_version and looked.config["goal"] == "untargeted" and looked.right.any()
    if looks and not looked.folder.has("checks.json"):
        ledger.differs(
            looked.folder.path / "checks.json", "is missing: the suite standard writes what its diagnostics say"
        )
    for attack in promised:
        if attack not in there:
            ledger.differs(looked.folder.path, f"{attack} was asked for, but config.json does not name it")


def _access(looked: Looked) -> Access:
    """What the model of the run gave when it was imported: a suite has other attacks for a black box."""
    access: Access = Run(looked.folder.path.parents[1]).read_json("config.json").get("access", "gradients")
    return access


def _options(ledger: Ledger, looked: Looked, options: Mapping[str, list[str]]) -> None:
    """What the recorded command asks for is what config.json says."""
    config, where = looked.config, looked.folder.path / "config.json"
    last = {name: values[-1] for name, values in options.items() if values}
    wanted: dict[str, Any] = {"eight_bit": "eight-bit" in options}
    if "threat" in last:
        threat = read_threat(last["threat"])
        wanted |= {"norm": threat.norm.name, "eps": threat.eps}
        listed = [spec.number(part, "--eps") for part in last["eps"].split(",")] if "eps" in last else []
        wanted["epsilons"] = sorted({*listed, threat.eps})
    wanted |= {"half_width": float(last["precision"]) / 100 if "precision" in last else None}
    fixed = [("seed", "seed"), *[("n", "images")] * ("precision" not in last)]
    wanted |= {key: int(last[word]) for key, word in fixed if word in last}
    wanted |= {"split": last["split"]} if "split" in last else {}
    wanted |= {"goal": str(read_goal(last["goal"]))} if "goal" in last else {}
    for key, value in wanted.items():
        ledger.same(where, f"{key}, as the command in env.json asks for it,", config.get(key, NOTHING.get(key)), value)
