"""A fault put into the paper side of a lesson: what must then be noticed."""

import importlib
from typing import Any

import pytest

from assay.lessons.paper.page import DisagreementError


def noticed(monkeypatch: pytest.MonkeyPatch, lesson: str, name: str, wrong: Any) -> bool:
    """Whether the lesson refuses to be taught with `name` of its file replaced."""
    monkeypatch.setattr(importlib.import_module(f"assay.lessons.{lesson}"), name, wrong)
    try:
        getattr(importlib.import_module("assay.lessons"), lesson)()
    except DisagreementError:
        return True
    return False


def one_product_short(left: Any, right: Any) -> Any:
    """`dot`, but the last product is forgotten."""
    products = [a * b for a, b in zip(left, right, strict=True)]
    return sum(products[:-1], 0 * products[0])
