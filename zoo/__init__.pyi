"""What `zoo` holds, for editors and type checkers: `__init__.py` imports it when first used."""

from zoo import decoding as decoding
from zoo import layers as layers
from zoo import losses as losses
from zoo import metrics as metrics
from zoo import regularizers as regularizers
from zoo import transfer as transfer
from zoo.generating_images import generate_images as generate_images
from zoo.models.autoencoder import autoencoder as autoencoder
from zoo.models.autoencoder import convolutional_autoencoder as convolutional_autoencoder
from zoo.models.autoencoder import recurrent_autoencoder as recurrent_autoencoder
from zoo.models.captioner import captioner as captioner
from zoo.models.char_rnn import char_rnn as char_rnn
from zoo.models.cnn import cnn as cnn
from zoo.models.cnn import lenet5 as lenet5
from zoo.models.conv_gru import conv_gru as conv_gru
from zoo.models.conv_lstm_language_model import conv_lstm_language_model as conv_lstm_language_model
from zoo.models.diffusion import diffusion as diffusion
from zoo.models.gan import dcgan as dcgan
from zoo.models.gan import gan as gan
from zoo.models.heads import normalize_windows as normalize_windows
from zoo.models.heads import output_stride as output_stride
from zoo.models.hub_text_classifier import hub_text_classifier as hub_text_classifier
from zoo.models.linear import dlinear as dlinear
from zoo.models.linear import linear_forecaster as linear_forecaster
from zoo.models.linear import nlinear as nlinear
from zoo.models.mlp import mlp as mlp
from zoo.models.nhits import nbeats as nbeats
from zoo.models.nhits import nhits as nhits
from zoo.models.patchtst import patchtst as patchtst
from zoo.models.perceptron import perceptron as perceptron
from zoo.models.pretrained import pretrained as pretrained
from zoo.models.resnet import resnet as resnet
from zoo.models.resnet import small_resnet as small_resnet
from zoo.models.rnn import deep_rnn as deep_rnn
from zoo.models.rnn import simple_rnn as simple_rnn
from zoo.models.seq2seq import seq2seq as seq2seq
from zoo.models.text_classifier import text_classifier as text_classifier
from zoo.models.transformer import transformer as transformer
from zoo.models.transformer import transformer_encoder as transformer_encoder
from zoo.models.transformer_language_model import (
    transformer_language_model as transformer_language_model,
)
from zoo.models.tsmixer import tsmixer as tsmixer
from zoo.models.variational_autoencoder import (
    variational_autoencoder as variational_autoencoder,
)
from zoo.models.wavenet import receptive_field as receptive_field
from zoo.models.wavenet import wavenet as wavenet
from zoo.models.wavenet import wavenet_lite as wavenet_lite
from zoo.models.wide_and_deep import wide_and_deep as wide_and_deep
from zoo.models.xception import xception as xception
from zoo.objectives import objective as objective
from zoo.predictor import Predictor as Predictor
from zoo.registry import create_model as create_model
from zoo.registry import list_models as list_models
from zoo.registry import register_model as register_model
from zoo.saving import load as load
from zoo.stateful import reset_state as reset_state
from zoo.stateful import to_stateful as to_stateful
from zoo.stateful import to_stateless as to_stateless
from zoo.tokenizers import tokenizer as tokenizer
from zoo.training import Adversarial as Adversarial
from zoo.training import Denoising as Denoising
from zoo.uncertainty import monte_carlo as monte_carlo
from zoo.windowing import windows as windows

__version__: str
