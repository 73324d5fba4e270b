"""A model card, README.md, as the Hugging Face hub reads it: figures in its front matter, and what to know in words.

Its metadata: github.com/huggingface/hub-docs, modelcard.md; its sections: huggingface_hub, modelcard_template.md. The
figures are those of report.json.
"""

import json
import re
from typing import Any

from assay.report.caution import ALWAYS
from assay.report.numbers import numbers_of
from assay.report.seen import Seen

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|$~&])")
CARD = """---
pipeline_tag: image-classification
tags:
- image-classification
- robustness
- assay
{front}---

# Model Card for {title}

{summary}

## Model Details

| what | |
|---|---|
{details}

## Uses

### Direct Use

Images of {shape} pixels in [0, 1], of one of {k} classes: {classes}.

### Out-of-Scope Use

Pictures of anything else: the model has no way to say that it does not know.

## Bias, Risks, and Limitations

{limits}

## Training Details

### Training Data

{learnt}

### Training Procedure

{recipe}

## Evaluation

### Testing Data, Factors & Metrics

{testing}

### Results

{results}

## Technical Specifications

{machine}
"""


def card(one: Seen) -> str:
    """The text of README.md for one run; of a run that nobody has tested without figures."""
    found = numbers_of(one)
    panels, model = found["panels"], one.model
    values = {
        "front": _front(one, panels),
        "title": _plain(one.name),
        "summary": _summary(one, panels),
        "details": _rows(
            {"architecture": model["architecture"], "parameters": model["parameters"]}
            | {"weights (SHA-256, 16 digits)": model["weights"], "made with": f"assay {one.env.get('assay')}"}
        ),
        "shape": " × ".join(map(str, model["shape"])),
        "k": len(model["classes"]),
        "classes": ", ".join(map(_plain, model["classes"])),
        "limits": "\n".join(f"- {_plain(line)}" for line in _limits(panels)),
        "learnt": _plain(f"{one.config['data']} (fingerprint {one.config['fingerprint']})."),
        "recipe": _rows(one.config.get("recipe") or {"recipe": "imported"}, head=True),
        "testing": _testing(panels),
        "results": _results(panels),
        "machine": _rows(
            {key: one.env.get(key) for key in ("torch", "python", "system", "processor", "gpu", "seed")}, head=True
        ),
    }
    return CARD.format(**values)


def _front(one: Seen, panels: dict[str, Any]) -> str:
    """The structured part: a result for the clean images, and one for each eps under attack."""
    metrics = [_metric("accuracy", "accuracy", panels["verdict"]["clean"])] if panels["verdict"] else []
    data = one.config["data"]
    if threat := panels["threat_model"]:
        data = threat["data"]
        metrics += [
            _metric("accuracy", f"robust accuracy, {threat['norm']} eps {line['eps']:g}", line)
            | {
                "args": {"norm": threat["norm"], "eps": line["eps"], "goal": threat["goal"]}
                | {"attacks": threat["attacks"]}
                | _interval(line)
            }
            for line in (panels["curve"] or {"robust": [{"eps": threat["eps"], **panels["verdict"]["robust"]}]})[
                "robust"
            ]
            if line["eps"]
        ]
    lines = ["model-index:", f"- name: {_yaml(one.name)}", "  results:"]
    if not metrics:
        return "\n".join([*lines[:2], "  results: []"]) + "\n"
    shown = panels["threat_model"] or {"split": "test"}
    lines += ["  - task:", "      type: image-classification", "      name: Image Classification", "    dataset:"]
    lines += [f"      type: {_yaml(data)}", f"      name: {_yaml(data)}", f"      split: {_yaml(shown['split'])}"]
    lines += ["    metrics:"]
    for metric in metrics:
        first, *rest = (f"{key}: {_yaml(value)}" for key, value in metric.items())
        lines += [f"    - {first}", *(f"      {line}" for line in rest)]
    return "\n".join(lines) + "\n"


def _metric(kind: str, name: str, share: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "name": name, "value": share["share"], "args": _interval(share)}


def _interval(share: dict[str, Any]) -> dict[str, Any]:
    return {"n": share["n"], "low_95": share["low"], "high_95": share["high"]}


def _summary(one: Seen, panels: dict[str, Any]) -> str:
    if not panels["verdict"]:
        return "Nobody has tested this model yet."
    said = f"Right on {_share(panels['verdict']['clean'])} of {panels['verdict']['clean']['n']} images"
    if one.attacked:
        threat, robust = panels["threat_model"], panels["verdict"]["robust"]
        said += f"; under attack ({threat['norm']}, eps {threat['eps']:g}) on {_share(robust)}"
    return f"{said}."


def _limits(panels: dict[str, Any]) -> list[str]:
    found = panels["limits"]
    return [*(f"Not tried: {line}" for line in found["not_tried"]), *found["careful"]] or list(ALWAYS)


def _testing(panels: dict[str, Any]) -> str:
    threat = panels["threat_model"]
    if not threat:
        return "Accuracy, with Wilson's 95 % interval." if panels["verdict"] else "None."
    return _rows({key: value for key, value in threat.items() if value is not None}, head=True)


def _results(panels: dict[str, Any]) -> str:
    if not panels["verdict"]:
        return "None."
    rows = {"clean": _share(panels["verdict"]["clean"])}
    if panels["threat_model"]:
        curve = panels["curve"] or {"robust": [{"eps": panels["verdict"]["eps"], **panels["verdict"]["robust"]}]}
        rows |= {f"robust at eps {line['eps']:g}": _share(line) for line in curve["robust"] if line["eps"]}
    if checks := panels["checks"]:
        rows["may it be believed"] = checks["verdict"]
    return _rows(rows, head=True)


def _share(share: dict[str, Any]) -> str:
    return f"{100 * share['share']:.1f} % (95 %: {100 * share['low']:.1f}–{100 * share['high']:.1f}, n {share['n']})"


def _rows(values: dict[str, Any], head: bool = False) -> str:
    lines = [f"| {_plain(key)} | {_plain(value)} |" for key, value in values.items()]
    return "\n".join([*(["| what | |", "|---|---|"] if head else []), *lines])


def _plain(value: Any) -> str:
    """A user's word, in which Markdown and HTML see nothing of theirs; on one line."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return MARKDOWN.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _yaml(value: Any) -> str:
    """JSON is YAML, on one line."""
    return json.dumps(value, ensure_ascii=True)
