"""What checks the types and shapes of assay's functions while the tests run: an int will do where a float is asked."""

from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
