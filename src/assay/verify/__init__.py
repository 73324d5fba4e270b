"""Is it true: every figure of a run that can be counted again is, and what stands in two places must agree."""
