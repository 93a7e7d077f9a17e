"""Every lesson has the parts that CONTRIBUTING.md lists."""

from __future__ import annotations

import pytest

from tools import anatomy, lessons


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_lesson_has_its_parts(path) -> None:
    faults = anatomy.broken(lessons.read(path))
    assert not faults, f"\n{path.name}:\n" + "\n".join(faults)
