# Two commands do everything: `make demo` and `make test`.
.PHONY: demo test test-all check bench

demo:
	@scripts/setup
	@.venv/bin/assay demo --out assay-demo --force

test:
	@scripts/setup dev
	@scripts/check
	@scripts/test

test-all:
	@scripts/setup dev
	@scripts/check
	@scripts/test --all

check:
	@scripts/setup dev
	@scripts/check

bench:
	@scripts/bench
