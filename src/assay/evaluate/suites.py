"""Which attacks an evaluation runs when nobody names any."""

SUITES: dict[str, tuple[str, ...]] = {
    "quick": ("noise", "fgsm", "pgd(steps=20)"),
    "standard": ("noise", "fgsm", "pgd(steps=100, restarts=5)"),
}
