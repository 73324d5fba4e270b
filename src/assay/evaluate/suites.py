"""Which attacks an evaluation runs when nobody names any: of each suite those that a model's access allows."""

from assay.adversary.victim import Access

SUITES: dict[str, dict[Access, tuple[str, ...]]] = {
    "quick": {
        "gradients": ("noise", "fgsm", 'cascade(effort="quick")'),
        "scores": ("noise", "square"),
        "labels": ("noise", "hop_skip_jump(steps=10)"),
    },
    "standard": {
        "gradients": ("noise", "fgsm", 'cascade(effort="standard")'),
        "scores": ("noise", "square(steps=5000)"),
        "labels": ("noise", "hop_skip_jump(steps=40)"),
    },
}
