"""Registered layers that Keras does not have. Each has its own file."""

from zoo.layers.gated_activation import GatedActivation
from zoo.layers.heads import GaussianParameters, SortQuantiles
from zoo.layers.layer_norm_rnn_cell import LayerNormRNNCell
from zoo.layers.units import Difference, LastSteps, SeasonalResidual, TargetUnits

__all__ = [
    "Difference",
    "GatedActivation",
    "GaussianParameters",
    "LastSteps",
    "LayerNormRNNCell",
    "SeasonalResidual",
    "SortQuantiles",
    "TargetUnits",
]
