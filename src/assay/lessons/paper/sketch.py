"""What a lesson wants drawn, as plain numbers: who draws it, assay.sketching, needs to know no lesson."""

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Grid:
    """A table of numbers in cells; `marked` cells (row, column) stand out."""

    title: str
    cells: tuple[tuple[str, ...], ...]
    marked: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Curve:
    """Points joined in their order (`line`), closed to an outline (`area`), or each for itself (`marks`)."""

    label: str
    points: tuple[Point, ...]
    kind: str = "line"


@dataclass(frozen=True)
class Levels:
    """Heights over a grid, drawn as lines of equal height: heights[row][column] stands at (across[column], up[row])."""

    across: tuple[float, ...]
    up: tuple[float, ...]
    heights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Plane:
    """Curves over two axes. `equal`: a unit is as long up as across."""

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]
    levels: Levels | None = None
    equal: bool = False


@dataclass(frozen=True)
class Sketch:
    """Panels side by side, and what is seen there, in words."""

    words: str
    panels: tuple[Grid | Plane, ...]
