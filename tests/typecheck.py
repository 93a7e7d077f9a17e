"""What checks the annotations of the library while the tests run."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # 1 will do for 1.0
