"""Completeness: does a map that promises to add up to a change of the answer do so?"""

from assay.trust import Arrays, Case


def completeness(case: Case) -> Arrays:
    """The sum of each image's map, and the change that it promises to add up to; {} where nothing is promised.

    Sundararajan et al. 2017, arXiv 1703.01365, proposition 1.
    """
    if case.found.adds_up_to is None:
        return {}
    own = next(iter(case.found.maps.values()))
    total = own.flatten(1).double().sum(1).float()
    return {"completeness.sum": total.cpu().numpy(), "completeness.change": case.found.adds_up_to.float().cpu().numpy()}
