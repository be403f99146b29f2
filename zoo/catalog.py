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

#: Name, parameters and summary of each model, and its module where that has another name, by task
#: and chapter.
_ROWS = {
    ("forecast", 15): (
        ("linear_forecaster", 510, "one dense layer on the window", "linear"),
        ("simple_rnn", 1470, "stacked SimpleRNN, last step", "rnn"),
        ("deep_rnn", 4110, "stacked RNN, LSTM, GRU or layer norm", "rnn"),
        ("conv_gru", 5350, "strided Conv1D in front of GRUs"),
        ("wavenet_lite", 6010, "the book's dilated causal stack", "wavenet"),
        ("wavenet", 63146, "the paper's: gated, residual, skip paths"),
        ("nlinear", 510, "one linear map, from the last value on", "linear"),
        ("dlinear", 1020, "a linear map of the trend, one of the rest", "linear"),
        ("nhits", 869432, "N-HiTS: pooled windows, interpolated forecasts"),
        ("nbeats", 2480202, "N-BEATS: trend, seasonality and the rest", "nhits"),
        ("tsmixer", 6396, "dense layers over time and over features"),
        ("patchtst", 409610, "a Transformer over patches of a series"),
    ),
    ("images", 10): (
        ("perceptron", 7850, "one dense layer"),
        ("mlp", 266610, "dense layers, plain or self-normalizing"),
    ),
    ("images", 14): (
        ("cnn", 1413834, "the book's convolutions, max pooling, dense layers"),
        ("lenet5", 61706, "LeNet-5: tanh and average pooling", "cnn"),
        ("small_resnet", 310570, "residual, for small pictures", "resnet"),
        ("resnet", 21300554, "ResNet-18, -34 or -50, for photos"),
        ("xception", 20881394, "separable convolutions, residual"),
    ),
    ("applications", 14): (("pretrained", 5920593, "a network of keras.applications"),),
    ("tabular", 10): (("wide_and_deep", 1239, "a linear and a deep path, embeddings"),),
    ("language_model", 16): (
        ("char_rnn", 69927, "stacked GRU or LSTM, also stateful"),
        ("transformer_language_model", 801319, "causal Transformer, pre-norm, rotary positions"),
    ),
    ("language_model", 15): (
        ("conv_lstm_language_model", 394714,
         "the book's chorale network: dilated causal Conv1D, LSTM"),
    ),
    ("translation", 16): (
        ("transformer", 1311208, "encoder and decoder of attention"),
        ("seq2seq", 1498088, "recurrent encoder-decoder with attention"),
    ),
    ("text_classification", 16): (
        ("transformer_encoder", 524800, "the encoder alone", "transformer"),
        ("text_classifier", 159169, "recurrent, convolutional, attentive or averaged texts"),
    ),
    ("hub", 16): (
        ("hub_text_classifier", 48197257,
         "dense layers on a TF-Hub module, as large as the book's"),
    ),
    ("captioning", 16): (("captioner", 1040168, "a CNN, a decoder that attends to it"),),
    ("pretraining", 17): (
        ("autoencoder", 538014, "stacked, tied, sparse, denoising; its encoder starts an mlp"),
    ),
    ("generate_images", 17): (
        ("convolutional_autoencoder", 228895,
         "halves a picture into a code, and doubles it again", "autoencoder"),
        ("recurrent_autoencoder", 122548,
         "LSTMs that read a picture by its rows and write it again", "autoencoder"),
        ("variational_autoencoder", 269504, "random codes; its decoder draws new pictures"),
        ("gan", 269585, "dense generator and discriminator"),
        ("dcgan", 1053570, "a GAN of convolutions", "gan"),
        ("diffusion", 830209, "a U-Net that undoes noise"),
    ),
}  # fmt: skip

CATALOG = tuple(
    ModelInfo(name, module[0] if module else name, task, chapter, parameters, summary)
    for (task, chapter), rows in _ROWS.items()
    for name, parameters, summary, *module in rows
)
