"""Your own network: a function in a file of yours that returns an nn.Module."""

import contextlib
import sys

from torch import nn
from torch.nn.parameter import is_lazy

from assay.files import fault
from assay.models.black_box import BlackBox, takes_images
from assay.user_code import from_file


def from_user(text: str, classes: int | None = None) -> nn.Module:
    """The module that FILE.py:FUNCTION returns. Runs that file. Raises ValueError if it returns anything else.

    With the number of classes, a function that takes images, or returns one that does, is a black box.
    """
    make = from_file(text, "model")
    if classes and takes_images(make):
        return BlackBox(make, text, classes)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            net = make()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{text} failed: {fault(error)}") from error
    if classes and callable(net) and not isinstance(net, nn.Module):
        return BlackBox(net, text, classes)
    if not isinstance(net, nn.Module):
        raise ValueError(f"{text} must return a torch.nn.Module, got {type(net).__name__}")
    if any(map(is_lazy, (*net.parameters(), *net.buffers()))):
        raise ValueError(f"{text} has lazy layers, whose sizes nobody knows yet: give the sizes")
    return net
