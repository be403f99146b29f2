"""Registered layers that Keras does not have. Each has its own file."""

from zoo.layers.attention import BahdanauAttention, LuongAttention
from zoo.layers.attention_decoder import AttentionDecoder
from zoo.layers.attention_decoder_cell import AttentionDecoderCell
from zoo.layers.categories import CategoryEmbedding, CrossedCategories
from zoo.layers.causal_self_attention import CausalSelfAttention
from zoo.layers.class_probabilities import ClassProbabilities
from zoo.layers.ensemble import EnsembleDense, EnsembleMean, RandomSigns
from zoo.layers.feature_embeddings import PeriodicEmbedding, PiecewiseLinearEncoding
from zoo.layers.gated_activation import GatedActivation
from zoo.layers.heads import GaussianParameters, SortQuantiles
from zoo.layers.hub import HubLayer
from zoo.layers.layer_norm_rnn_cell import LayerNormRNNCell
from zoo.layers.masked_pooling import AttentionPooling, MaskedPooling
from zoo.layers.missing import FillMissing
from zoo.layers.ngram_ids import NgramIds
from zoo.layers.notes import NoteTokens
from zoo.layers.numeric import RobustScaleSmoothClip, StandardScale
from zoo.layers.one_hot import OneHot
from zoo.layers.padding_mask import PaddingMask
from zoo.layers.positions import LearnedPositions, PositionalEmbedding, SinusoidalPositions
from zoo.layers.quantile_normalization import QuantileNormalization
from zoo.layers.randomized_leaky_relu import RandomizedLeakyReLU
from zoo.layers.sampling_schedules import (
    ExponentialSampling,
    InverseSigmoidSampling,
    LinearSampling,
)
from zoo.layers.select_columns import SelectColumns
from zoo.layers.separate_dense import SeparateDense
from zoo.layers.stateful import StatefulConv1D, StatefulRNN
from zoo.layers.subwords import SubwordTokens
from zoo.layers.table_columns import TableColumns, category_strings
from zoo.layers.text_ids import TextIds
from zoo.layers.tokens import CharacterTokens
from zoo.layers.transformer_blocks import TransformerDecoderBlock, TransformerEncoderBlock
from zoo.layers.transformer_decoder import TransformerDecoder
from zoo.layers.units import Denormalization, Difference, LastSteps, SeasonalResidual
from zoo.layers.words import WordTokens
from zoo.renamed import accept_old_names

accept_old_names()

__all__ = [
    "AttentionDecoder",
    "AttentionDecoderCell",
    "AttentionPooling",
    "BahdanauAttention",
    "CategoryEmbedding",
    "CausalSelfAttention",
    "CharacterTokens",
    "ClassProbabilities",
    "CrossedCategories",
    "Denormalization",
    "Difference",
    "EnsembleDense",
    "EnsembleMean",
    "ExponentialSampling",
    "FillMissing",
    "GatedActivation",
    "GaussianParameters",
    "HubLayer",
    "InverseSigmoidSampling",
    "LastSteps",
    "LayerNormRNNCell",
    "LearnedPositions",
    "LinearSampling",
    "LuongAttention",
    "MaskedPooling",
    "NgramIds",
    "NoteTokens",
    "OneHot",
    "PaddingMask",
    "PeriodicEmbedding",
    "PiecewiseLinearEncoding",
    "PositionalEmbedding",
    "QuantileNormalization",
    "RandomSigns",
    "RandomizedLeakyReLU",
    "RobustScaleSmoothClip",
    "SeasonalResidual",
    "SelectColumns",
    "SeparateDense",
    "SinusoidalPositions",
    "SortQuantiles",
    "StandardScale",
    "StatefulConv1D",
    "StatefulRNN",
    "SubwordTokens",
    "TableColumns",
    "TextIds",
    "TransformerDecoder",
    "TransformerDecoderBlock",
    "TransformerEncoderBlock",
    "WordTokens",
    "category_strings",
]
