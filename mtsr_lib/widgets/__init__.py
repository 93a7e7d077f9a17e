"""Interactive parts of the lessons: pictures to compare and magnify, experiments to steer."""

from .compare import compare

__all__ = ["compare"]
