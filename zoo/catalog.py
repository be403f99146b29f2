"""What the zoo holds, readable without importing Keras.

One row a model: where its factory lives, which chapter of the book it comes from, and how many
parameters its reference build has (`zoo list` prints this table at once; a test rebuilds every
model and compares).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelInfo:
    """One row of the catalogue.

    Args:
        name: Name of the factory, and of the model in `create_model`.
        module: Module in `zoo.models` that defines the factory.
        task: Recipe that trains it by default; "pretraining" for models that only start others,
            "captioning" for those without a recipe, "hub" for those that need a module of
            TF-Hub, "applications" for those that need weights of Keras' own.
        chapter: Chapter of the book (2nd and 3rd edition number them alike).
        parameters: Number of parameters of the reference build, see `REFERENCE_ARGUMENTS`.
        summary: One line for `zoo list`.
    """

    name: str
    module: str
    task: str
    chapter: int
    parameters: int
    summary: str


#: Arguments of the builds whose parameters are counted, by task: the book's own task sizes.
REFERENCE_ARGUMENTS = {
    "forecast": {"input_shape": (50, 1), "horizon": 10},
    "images": {"input_shape": (28, 28), "outputs": 10, "head": "multiclass"},
    "tabular": {"num_numeric": 8},
    "language_model": {"vocabulary_size": 39},
    "translation": {"source_vocabulary_size": 1000, "target_vocabulary_size": 1000},
    "text_classification": {"vocabulary_size": 1000},
    "captioning": {"input_shape": (64, 64, 3), "vocabulary_size": 1000},
    "pretraining": {"input_shape": (28, 28)},
    "generate_images": {"input_shape": (28, 28)},
}

CATALOG = (
    ModelInfo("linear_forecaster", "linear", "forecast", 15, 510, "one dense layer on the window"),
    ModelInfo("simple_rnn", "rnn", "forecast", 15, 1470, "stacked SimpleRNN, last step"),
    ModelInfo("deep_rnn", "rnn", "forecast", 15, 4110, "stacked RNN, LSTM, GRU or layer norm"),
    ModelInfo("conv_gru", "conv_gru", "forecast", 15, 5350, "strided Conv1D in front of GRUs"),
    ModelInfo("wavenet_lite", "wavenet", "forecast", 15, 6010, "the book's dilated causal stack"),
    ModelInfo(
        "wavenet", "wavenet", "forecast", 15, 63146, "the paper's: gated, residual, skip paths"
    ),
    ModelInfo("nlinear", "linear", "forecast", 15, 510, "one linear map, from the last value on"),
    ModelInfo(
        "dlinear", "linear", "forecast", 15, 1020, "a linear map of the trend, one of the rest"
    ),
    ModelInfo(
        "nhits", "nhits", "forecast", 15, 869432, "N-HiTS: pooled windows, interpolated forecasts"
    ),
    ModelInfo(
        "nbeats", "nhits", "forecast", 15, 2480202, "N-BEATS: trend, seasonality and the rest"
    ),
    ModelInfo(
        "tsmixer", "tsmixer", "forecast", 15, 6396, "dense layers over time and over features"
    ),
    ModelInfo(
        "patchtst", "patchtst", "forecast", 15, 409610, "a Transformer over patches of a series"
    ),
    ModelInfo("perceptron", "perceptron", "images", 10, 7850, "one dense layer"),
    ModelInfo("mlp", "mlp", "images", 10, 266610, "dense layers, plain or self-normalizing"),
    ModelInfo(
        "cnn", "cnn", "images", 14, 1413834, "the book's convolutions, max pooling, dense layers"
    ),
    ModelInfo("lenet5", "cnn", "images", 14, 61706, "LeNet-5: tanh and average pooling"),
    ModelInfo("small_resnet", "resnet", "images", 14, 310570, "residual, for small pictures"),
    ModelInfo("resnet", "resnet", "images", 14, 21300554, "ResNet-18, -34 or -50, for photos"),
    ModelInfo(
        "pretrained", "pretrained", "applications", 14, 5920593, "a network of keras.applications"
    ),
    ModelInfo("xception", "xception", "images", 14, 20881394, "separable convolutions, residual"),
    ModelInfo(
        "wide_and_deep",
        "wide_and_deep",
        "tabular",
        10,
        1239,
        "a linear and a deep path, embeddings",
    ),
    ModelInfo(
        "char_rnn", "char_rnn", "language_model", 16, 69927, "stacked GRU or LSTM, also stateful"
    ),
    ModelInfo(
        "conv_lstm_language_model",
        "conv_lstm_language_model",
        "language_model",
        15,
        394714,
        "the book's chorale network: dilated causal Conv1D, LSTM",
    ),
    ModelInfo(
        "transformer_language_model",
        "transformer_language_model",
        "language_model",
        16,
        801319,
        "causal Transformer, pre-norm, rotary positions",
    ),
    ModelInfo(
        "transformer", "transformer", "translation", 16, 1311208, "encoder and decoder of attention"
    ),
    ModelInfo(
        "transformer_encoder", "transformer", "text_classification", 16, 524800, "the encoder alone"
    ),
    ModelInfo(
        "text_classifier",
        "text_classifier",
        "text_classification",
        16,
        159169,
        "recurrent, convolutional, attentive or averaged texts",
    ),
    ModelInfo(
        "hub_text_classifier",
        "hub_text_classifier",
        "hub",
        16,
        48197257,
        "dense layers on a TF-Hub module, as large as the book's",
    ),
    ModelInfo(
        "seq2seq", "seq2seq", "translation", 16, 1498088, "recurrent encoder-decoder with attention"
    ),
    ModelInfo(
        "captioner", "captioner", "captioning", 16, 1040168, "a CNN, a decoder that attends to it"
    ),
    ModelInfo(
        "autoencoder",
        "autoencoder",
        "pretraining",
        17,
        538014,
        "stacked, tied, sparse, denoising; its encoder starts an mlp",
    ),
    ModelInfo(
        "convolutional_autoencoder",
        "autoencoder",
        "generate_images",
        17,
        228895,
        "halves a picture into a code, and doubles it again",
    ),
    ModelInfo(
        "recurrent_autoencoder",
        "autoencoder",
        "generate_images",
        17,
        122548,
        "LSTMs that read a picture by its rows and write it again",
    ),
    ModelInfo(
        "variational_autoencoder",
        "variational_autoencoder",
        "generate_images",
        17,
        269504,
        "random codes; its decoder draws new pictures",
    ),
    ModelInfo("gan", "gan", "generate_images", 17, 269585, "dense generator and discriminator"),
    ModelInfo("dcgan", "gan", "generate_images", 17, 1053570, "a GAN of convolutions"),
    ModelInfo("diffusion", "diffusion", "generate_images", 17, 830209, "a U-Net that undoes noise"),
)
