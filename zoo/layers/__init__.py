"""Registered layers that Keras does not have: each in a file of its own, or with its kind."""

from zoo.categories import category_strings
from zoo.layers import renamed as renamed
from zoo.layers.activations import GatedActivation, RandomizedLeakyReLU
from zoo.layers.attention import BahdanauAttention, LuongAttention
from zoo.layers.attention_decoder import AttentionDecoder
from zoo.layers.attention_decoder_cell import AttentionDecoderCell
from zoo.layers.boosted_trees import BoostedTrees
from zoo.layers.categories import CategoryEmbedding, CrossedCategories
from zoo.layers.causal_self_attention import CausalSelfAttention
from zoo.layers.character_tokenizer import CharacterTokenizer
from zoo.layers.dates import date_parts, known_date
from zoo.layers.dense import Bias, ReversibleDense, SeparateDense
from zoo.layers.ensemble import EnsembleDense, EnsembleMean, RandomSigns
from zoo.layers.feature_embeddings import PeriodicEmbedding, PiecewiseLinearEncoding
from zoo.layers.generative import Reparameterization, SinusoidalTime
from zoo.layers.heads import ClassProbabilities, GaussianParameters, SortQuantiles, WeightedSum
from zoo.layers.hub import HubLayer
from zoo.layers.ids import NgramIds, OneHot, PaddingMask
from zoo.layers.layer_norm_rnn_cell import LayerNormRNNCell
from zoo.layers.masked_pooling import AttentionPooling, MaskedPooling
from zoo.layers.nearest_targets import NearestTargets
from zoo.layers.note_tokenizer import NoteTokenizer
from zoo.layers.numeric import FillMissing, RobustScaleSmoothClip, SelectColumns, StandardScale
from zoo.layers.positions import LearnedPositions, PositionalEmbedding, SinusoidalPositions
from zoo.layers.quantile_normalization import QuantileNormalization
from zoo.layers.scheduled_sampling import (
    ExponentialSampling,
    InverseSigmoidSampling,
    LinearSampling,
)
from zoo.layers.series import MovingAverage, Patches, TimeBasis
from zoo.layers.stateful import StatefulConv1D, StatefulRNN
from zoo.layers.subword_tokenizer import SubwordTokenizer
from zoo.layers.table_columns import TableColumns
from zoo.layers.text_tokenizer import TextTokenizer
from zoo.layers.tokenizer import Tokenizer
from zoo.layers.transformer_blocks import TransformerDecoderBlock, TransformerEncoderBlock
from zoo.layers.transformer_decoder import TransformerDecoder
from zoo.layers.units import Denormalization, Difference, LastSteps, SeasonalResidual
from zoo.layers.wide_ngrams import WideNgrams
from zoo.layers.window_normalization import WindowDenormalization, WindowNormalization
from zoo.layers.word_tokenizer import WordTokenizer

__all__ = [name for name in dir() if callable(globals()[name])]
