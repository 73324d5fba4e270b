"""How many survive, and may we believe it: the judge, the per-image table, the suites."""
