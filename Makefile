# Two commands do everything: `make demo` and `make test`.
.PHONY: demo test unit test-all check bench

demo:
	@scripts/setup
	@.venv/bin/assay demo --out assay-demo --force

test:
	@scripts/setup dev
	@scripts/check
	@scripts/test

unit:
	@scripts/setup dev
	@scripts/test --unit

test-all:
	@scripts/setup dev
	@scripts/check
	@scripts/test --all

check:
	@scripts/setup dev
	@scripts/check

bench:
	@scripts/bench
