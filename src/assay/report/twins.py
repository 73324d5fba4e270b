"""What an attack changes inside: each layer's answer to an image, to its attacked twin, and the difference."""

from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.explanations import Maps
from assay.report.figures import DASHES, MARKERS, RUNS, drawing, key, svg
from assay.report.html import fill, folded, table
from assay.report.pictures import eight_bit, montage, picture, signed, upright
from assay.tally import moved

CAP = 8  # filters of a layer that are drawn, of the first image
PLAIN = (
    "The same pictures as they are and after an attack. The attack changes a picture by a little; the figure says how "
    "much of that is left in each layer's answer, or how far it has grown."
)
KEY = (
    "Outputs before the ReLU of the first {{ cap }} filters of a layer: to the image, to its twin ({{ attack }} within "
    "{{ threat }}, away from the label), and twin less image. Blue is below 0, white 0, red above, on one scale within "
    "a layer."
)
LAYER = """
<h4>{{ title }} <small>drawn from −{{ scale }} to {{ scale }}</small></h4>
{% for one in runs %}
<p class="run{{ one.place }}"><span class="key" aria-hidden="true"></span>{{ one.name }}
<small>moved by {{ one.moved }} of its size</small></p>
<div class="pair trio">{% for word, drawn in one.grids %}
<figure class="grid"><figcaption><small>{{ word }}</small></figcaption>{{ drawn }}</figure>{% endfor %}</div>
{% endfor %}"""
IMAGE = """<div class="layers"><p>{{ clean }} <b>{{ name }}</b></p>
<div class="tiles">{% for one in twins %}<figure>{{ one.picture }}
<figcaption class="run{{ one.place }}"><span class="key" aria-hidden="true"></span>{{ one.name }}: its twin
<small>moved by {{ one.moved }} of its size</small></figcaption></figure>{% endfor %}</div>
{{ layers }}</div>"""


def twins(group: list[Maps], number: int) -> Markup:
    """How far each layer is moved, for all runs in one figure; then the first image's layers."""
    config = group[0].config
    layers = ["image", *config["maps"]]
    far = [{name: _moved(maps, name) for name in layers} for maps in group]
    rows = [
        (name, *(f"{one[name].mean():.3g} ({one[name].min():.3g} to {one[name].max():.3g})" for one in far))
        for name in layers
    ]
    n = len(group[0].arrays["index"])
    numbers = table(
        ("layer", *(maps.one.name for maps in group)), rows, f"|a′ − a| / |a|, mean and range of {n} images"
    )
    about = fill(KEY, cap=CAP, attack=config["attack"], threat=config["threat"])
    parts = [
        fill("<h3>{{ method }}, clean and attacked</h3><p>{{ plain }}</p>", method=config["method"], plain=PLAIN),
        _figure(group, far, number),
        folded("the numbers", numbers),
        fill('<p class="expert">{{ about }}</p>', about=about),
        _image(group, 0),
    ]
    return Markup("\n").join(parts)


def _moved(maps: Maps, name: str) -> np.ndarray:
    if name == "image":
        return moved(maps.arrays["images"] / 255, maps.arrays["attacked"])
    return moved(maps[name], maps.arrays[f"attacked.{name}"])


def _image(group: list[Maps], place: int) -> Markup:
    arrays = group[0].arrays
    name = f"{group[0].config['classes'][int(arrays['labels'][place])]} · image {arrays['index'][place]}"
    shown = [
        {
            "picture": picture(
                upright(eight_bit(maps.arrays["attacked"][place])), f"{maps.one.name}: {name}, attacked"
            ),
            "name": maps.one.name,
            "place": maps.one.place,
            "moved": f"{_moved(maps, 'image')[place]:.2g}",
        }
        for maps in group
    ]
    layers = Markup("\n").join(_layer(group, title, place, name) for title in group[0].config["maps"])
    clean = picture(upright(arrays["images"][place]), f"a {name}")
    return fill(IMAGE, clean=clean, name=name, twins=shown, layers=layers)


def _layer(group: list[Maps], title: str, place: int, name: str) -> Markup:
    threes = [_three(maps, title, place) for maps in group]
    largest = max(float(np.abs(values).max()) for three in threes for values in three.values())
    runs: list[dict[str, Any]] = []
    for maps, three in zip(group, threes, strict=True):
        grids = [
            (word, montage([signed(one[None], largest) for one in values], f"{maps.one.name}, {title}, {name}: {word}"))
            for word, values in three.items()
        ]
        far = f"{_moved(maps, title)[place]:.2g}"
        runs.append({"name": maps.one.name, "place": maps.one.place, "moved": far, "grids": grids})
    return fill(LAYER, title=title, scale=f"{largest:.3g}", runs=runs)


def _three(maps: Maps, title: str, place: int) -> dict[str, np.ndarray]:
    clean, attacked = (
        array[place, :CAP].astype(np.float32) for array in (maps[title], maps.arrays[f"attacked.{title}"])
    )
    return {"clean": clean, "attacked": attacked, "difference": attacked - clean}


def _figure(group: list[Maps], far: list[dict[str, np.ndarray]], number: int) -> Markup:
    names = list(far[0])
    with drawing(5.2, 3.2) as (figure, ax):
        for maps, one in zip(group, far, strict=True):
            colour, place = RUNS[maps.one.place % len(RUNS)], maps.one.place
            ax.fill_between(
                range(len(names)),
                [one[name].min() for name in names],
                [one[name].max() for name in names],
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
            ax.plot(
                range(len(names)),
                [one[name].mean() for name in names],
                color=colour,
                linestyle=DASHES[place % len(DASHES)],
                marker=MARKERS[place % len(MARKERS)],
                label=key(maps.one.name),
            )
        few = max(1, len(names) // 8)
        ax.set_xticks(range(0, len(names), few), names[::few], rotation=30 if len(names) > 4 else 0)
        ax.set(ylabel="|a′ − a| / |a|")
        ax.set_ylim(bottom=0)
        figure.legend(loc="outside lower center", ncols=min(3, len(group)), fontsize=9)
        text = "; ".join(
            f"{maps.one.name} goes from {one[names[0]].mean():.3g} to {one[names[-1]].mean():.3g}"
            for maps, one in zip(group, far, strict=True)
        )
        n = len(group[0].arrays["index"])
        title = f"How far the attack moves each layer's answer, of its size: mean and range of {n} images"
        return svg(figure, f"twins-{number}", title, f"{text}.")
