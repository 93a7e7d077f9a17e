"""Interactive parts of the lessons: pictures to compare and magnify, experiments to steer."""

from .answers import three_answers
from .compare import compare
from .dashboard import dashboard
from .degradation import degradation_lab
from .equal_mse import equal_mse
from .error_explorer import error_explorer
from .experiment import choice, experiment, slider, switch
from .features import feature_maps
from .magnifier import magnifier
from .picker import photo_picker
from .playground import gradient_playground
from .race import race
from .readout import readout
from .receptive import receptive_field
from .shapes import shape_tracer
from .storyboard import storyboard
from .weights import weight_map

__all__ = [
    "choice",
    "compare",
    "dashboard",
    "degradation_lab",
    "equal_mse",
    "error_explorer",
    "experiment",
    "feature_maps",
    "gradient_playground",
    "magnifier",
    "photo_picker",
    "race",
    "readout",
    "receptive_field",
    "shape_tracer",
    "slider",
    "storyboard",
    "switch",
    "three_answers",
    "weight_map",
]
