"""Registered layers that Keras does not have. Each has its own file."""

from zoo.categories import category_strings
from zoo.layers import renamed as renamed
from zoo.layers.attention import BahdanauAttention, LuongAttention
from zoo.layers.attention_decoder import AttentionDecoder
from zoo.layers.attention_decoder_cell import AttentionDecoderCell
from zoo.layers.boosted_trees import BoostedTrees
from zoo.layers.categories import CategoryEmbedding, CrossedCategories
from zoo.layers.causal_self_attention import CausalSelfAttention
from zoo.layers.character_tokenizer import CharacterTokenizer
from zoo.layers.class_probabilities import ClassProbabilities
from zoo.layers.dates import date_parts, known_date
from zoo.layers.ensemble import EnsembleDense, EnsembleMean, RandomSigns
from zoo.layers.feature_embeddings import PeriodicEmbedding, PiecewiseLinearEncoding
from zoo.layers.gated_activation import GatedActivation
from zoo.layers.heads import GaussianParameters, SortQuantiles
from zoo.layers.hub import HubLayer
from zoo.layers.layer_norm_rnn_cell import LayerNormRNNCell
from zoo.layers.masked_pooling import AttentionPooling, MaskedPooling
from zoo.layers.missing import FillMissing
from zoo.layers.moving_average import MovingAverage
from zoo.layers.nearest_targets import NearestTargets
from zoo.layers.ngram_ids import NgramIds
from zoo.layers.note_tokenizer import NoteTokenizer
from zoo.layers.numeric import RobustScaleSmoothClip, StandardScale
from zoo.layers.one_hot import OneHot
from zoo.layers.padding_mask import PaddingMask
from zoo.layers.patches import Patches
from zoo.layers.positions import LearnedPositions, PositionalEmbedding, SinusoidalPositions
from zoo.layers.quantile_normalization import QuantileNormalization
from zoo.layers.randomized_leaky_relu import RandomizedLeakyReLU
from zoo.layers.reparameterization import Reparameterization
from zoo.layers.reversible_dense import Bias, ReversibleDense
from zoo.layers.sampling_schedules import (
    ExponentialSampling,
    InverseSigmoidSampling,
    LinearSampling,
)
from zoo.layers.select_columns import SelectColumns
from zoo.layers.separate_dense import SeparateDense
from zoo.layers.sinusoidal_time import SinusoidalTime
from zoo.layers.stateful import StatefulConv1D, StatefulRNN
from zoo.layers.subword_tokenizer import SubwordTokenizer
from zoo.layers.table_columns import TableColumns
from zoo.layers.text_tokenizer import TextTokenizer
from zoo.layers.time_basis import TimeBasis
from zoo.layers.tokenizer import Tokenizer
from zoo.layers.transformer_blocks import TransformerDecoderBlock, TransformerEncoderBlock
from zoo.layers.transformer_decoder import TransformerDecoder
from zoo.layers.units import Denormalization, Difference, LastSteps, SeasonalResidual
from zoo.layers.weighted_sum import WeightedSum
from zoo.layers.wide_ngrams import WideNgrams
from zoo.layers.window_normalization import WindowDenormalization, WindowNormalization
from zoo.layers.word_tokenizer import WordTokenizer

__all__ = [name for name in dir() if callable(globals()[name])]
