"""Which attacks an evaluation runs when nobody names any."""

SUITES: dict[str, tuple[str, ...]] = {
    "quick": ("noise", "fgsm", 'cascade(effort="quick")'),
    "standard": ("noise", "fgsm", 'cascade(effort="standard")'),
}
