"""Registered layers that Keras does not have. Each has its own file."""

from zoo.layers.carried_state import CarriedInputs, CarriedState
from zoo.layers.categories import CategoryEmbedding, CrossedCategories
from zoo.layers.causal_self_attention import CausalSelfAttention
from zoo.layers.class_probabilities import ClassProbabilities
from zoo.layers.ensemble import EnsembleDense, MembersMean, RandomSigns
from zoo.layers.feature_embeddings import PeriodicEmbedding, PiecewiseLinearEncoding
from zoo.layers.gated_activation import GatedActivation
from zoo.layers.heads import GaussianParameters, SortQuantiles
from zoo.layers.layer_norm_rnn_cell import LayerNormRNNCell
from zoo.layers.missing import FillMissing
from zoo.layers.notes import NoteTokens
from zoo.layers.numeric import RobustScaleSmoothClip, StandardScale
from zoo.layers.one_hot import OneHot
from zoo.layers.quantile_normalization import QuantileNormalization
from zoo.layers.randomized_leaky_relu import RandomizedLeakyReLU
from zoo.layers.select_columns import SelectColumns
from zoo.layers.separate_dense import SeparateDense
from zoo.layers.subwords import SubwordTokens
from zoo.layers.table_columns import TableColumns, category_strings
from zoo.layers.tokens import CharacterTokens
from zoo.layers.units import Difference, LastSteps, SeasonalResidual, TargetUnits

__all__ = [
    "CarriedInputs",
    "CarriedState",
    "CategoryEmbedding",
    "CausalSelfAttention",
    "CharacterTokens",
    "ClassProbabilities",
    "CrossedCategories",
    "Difference",
    "EnsembleDense",
    "FillMissing",
    "GatedActivation",
    "GaussianParameters",
    "LastSteps",
    "LayerNormRNNCell",
    "MembersMean",
    "NoteTokens",
    "OneHot",
    "PeriodicEmbedding",
    "PiecewiseLinearEncoding",
    "QuantileNormalization",
    "RandomSigns",
    "RandomizedLeakyReLU",
    "RobustScaleSmoothClip",
    "SeasonalResidual",
    "SelectColumns",
    "SeparateDense",
    "SortQuantiles",
    "StandardScale",
    "SubwordTokens",
    "TableColumns",
    "TargetUnits",
    "category_strings",
]
