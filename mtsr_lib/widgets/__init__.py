"""Interactive parts of the lessons: pictures to compare and magnify, experiments to steer."""

from .compare import compare
from .magnifier import magnifier

__all__ = ["compare", "magnifier"]
