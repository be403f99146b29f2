"""Wide & Deep: a linear model and a deep one, trained as one."""

from collections.abc import Sequence

import keras
from keras import layers
from keras.initializers import Initializer

from zoo.checks import check_above_zero, check_choice, check_counts, check_head, check_sizes
from zoo.layers import (
    CategoryEmbedding,
    CrossedCategories,
    EnsembleDense,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    RandomSigns,
    SelectColumns,
    SeparateDense,
)
from zoo.layers.table_columns import table_inputs
from zoo.models.mlp import OUTPUT_ACTIVATIONS, HiddenLayers
from zoo.registry import register_model

NUMERIC_EMBEDDINGS = ("none", "piecewise", "periodic")


@register_model
def wide_and_deep(
    num_numeric: int = 8,
    category_sizes: Sequence[int] = (),
    outputs: int = 1,
    head: str = "regression",
    wide: Sequence[int | str] | None = None,
    deep: Sequence[int | str] | None = None,
    crosses: Sequence[Sequence[int | str]] = (),
    feature_names: Sequence[str] | None = None,
    units: int | Sequence[int] = (30, 30),
    activation: str = "relu",
    kernel_initializer: str | Initializer | None = None,
    batch_normalization: str = "none",
    dropout: float = 0.0,
    embedding_dim: int = 8,
    numeric_embedding: str = "none",
    bin_edges: Sequence[Sequence[float]] | None = None,
    num_frequencies: int = 48,
    sigma: float = 0.1,
    cross_buckets: int = 10_000,
    members: int = 1,
    auxiliary: bool = False,
    output_activation: str | None = None,
    name: str = "wide_and_deep",
) -> keras.Model:
    """A linear path for rules to memorise and a deep path for what generalises, added up.

    The wide path leads numbers straight into the output layer, and gives each category, and each
    pair of crossed categories, a weight of its own. The deep path reads numbers as they are or
    embedded, and categories embedded, through the hidden layers.

    Features are numbered through: the numeric ones first, then the categories.

    Args:
        num_numeric: Number of numeric features, scaled and without gaps. Defaults to 8.
        category_sizes: Number of codes of each column of categories, unknown (code 0) included.
            Defaults to no such column.
        head: `"regression"`, `"binary"`, `"multilabel"` or `"multiclass"`; classifiers answer in
            logits, for `zoo.objective(head)`. Defaults to `"regression"`.
        wide: Features of the wide path, by number or by name; `()` for none. Defaults to all.
        deep: Features of the deep path, by number or by name. Defaults to all.
        crosses: Pairs of categories, by number or by name, whose combinations get weights in the
            wide path. Defaults to none.
        feature_names: Names of all features, to use in `wide`, `deep` and `crosses`.
        units: Size of each hidden layer, or of a single one. Defaults to `(30, 30)`.
        activation: Activation of the hidden layers, as in `mlp`. Defaults to `"relu"`.
        batch_normalization: `"before"` or `"after"` the activation, or `"none"` (the default).
        embedding_dim: Size of an embedded category, and of an embedded number. Defaults to 8.
        numeric_embedding: How the deep path reads numbers: `"none"`, `"piecewise"` (a linear map
            of `PiecewiseLinearEncoding`) or `"periodic"` (ReLU of a linear map, the same for all
            features, of `PeriodicEmbedding`). Defaults to `"none"`.
        bin_edges: Edges of the bins for `"piecewise"`, a list for each numeric feature, see
            `zoo.layers.PiecewiseLinearEncoding.edges`.
        num_frequencies: Frequencies of a feature for `"periodic"`. Defaults to 48.
        sigma: Standard deviation of these frequencies before training. Defaults to 0.1.
        cross_buckets: Combinations that a cross keeps apart at most. Defaults to 10,000.
        members: Members of a parameter-sharing ensemble, see `zoo.layers.EnsembleDense`. Train
            each member on its own error, and average with `zoo.layers.EnsembleMean`. Defaults to 1.
        auxiliary: Whether to add a second output, straight from the last hidden layer, which
            helps to train the deep path. Defaults to `False`.
        outputs, kernel_initializer, dropout, output_activation, name: As for `mlp`.

    Returns:
        Uncompiled model of inputs `{"numeric": (batch, num_numeric) floats, "categories": (batch,
        columns) codes}`, of the kinds there are. Its output is float32 and `(batch, outputs)`, or
        `(batch, members, outputs)` with several members; with `auxiliary`, a dictionary of two
        such, `{"main": ..., "auxiliary": ...}`.

    >>> zoo.wide_and_deep().count_params()  # the book's, on 8 features
    1239
    >>> split = zoo.wide_and_deep(wide=range(5), deep=range(2, 8), auxiliary=True)
    >>> split.compile(
    ...     "adam", loss={"main": "mse", "auxiliary": "mse"},
    ...     loss_weights={"main": 0.9, "auxiliary": 0.1},
    ... )
    >>> mixed = zoo.wide_and_deep(
    ...     1, category_sizes=(4, 3), head="binary", feature_names=["age", "class", "port"],
    ...     wide=["class", "port"], crosses=[("class", "port")],
    ... )
    >>> mixed.output_shape
    (None, 1)

    Reference: Cheng et al., *Wide & Deep learning for recommender systems*, 2016; book, chapter 10,
    2nd edition cells 81, 85 and 90, 3rd edition cells 92, 96 and 102; Gorishniy et al., *TabM*,
    2024.
    """
    features = _Features(num_numeric, category_sizes, feature_names)
    wide, deep = features.split("wide", wide), features.split("deep", deep)
    crosses = features.pairs(crosses)
    units = check_sizes(units=units)
    if not any(deep) or not units:
        raise ValueError(
            "The deep path needs a feature and a hidden layer (zoo.mlp with units=() is a linear "
            f"model). Received: deep={features.show(deep)}, units={units}"
        )
    check_head(head, outputs)
    check_choice((None, *OUTPUT_ACTIVATIONS), output_activation=output_activation)
    check_counts(members=members, embedding_dim=embedding_dim)
    embed = _numeric_embedding(
        numeric_embedding, num_numeric, deep[0], bin_edges, num_frequencies, sigma, embedding_dim
    )
    hidden = _MemberLayers(
        members, bool(embed or deep[1]), len(units), activation=activation,
        kernel_initializer=kernel_initializer, batch_normalization=batch_normalization,
        dropout=dropout,
    )  # fmt: skip

    inputs = table_inputs(num_numeric, len(features.sizes))
    x = _deep_inputs(features, deep, inputs, embed, embedding_dim)
    if members > 1:
        x = layers.Reshape((1, x.shape[-1]), name="for_all_members")(x)
    last_hidden = hidden(x, units)
    terms = _wide_categories(features, wide[1], crosses, inputs, members, outputs, cross_buckets)
    x = last_hidden
    if wide[0]:  # stand beside it
        numbers = _chosen(inputs, "numeric", wide[0], "wide")
        if members > 1:
            numbers = layers.RepeatVector(members, name="wide_for_members")(numbers)
        x = layers.Concatenate(name="wide_and_deep")([numbers, x])
    x = _output(x, terms, outputs, members, output_activation, "main")
    if auxiliary:
        second = _output(last_hidden, [], outputs, members, output_activation, "auxiliary")
        x = {"main": x, "auxiliary": second}
    return keras.Model(inputs, x, name=name)


class _Features:
    """The features of a table by number and by name: numbers first, then categories."""

    def __init__(self, num_numeric, category_sizes, names):
        if num_numeric != 0:
            check_counts(num_numeric=num_numeric)
        self.numeric = num_numeric
        self.sizes = check_sizes(category_sizes=list(category_sizes))
        self.count = num_numeric + len(self.sizes)
        if not self.count:
            raise ValueError("Expected a numeric feature or a category. Received: none of either")
        self.names = [str(name) for name in names or ()]
        fit = len(set(self.names)) == len(self.names) == self.count
        if names is not None and not fit:
            raise ValueError(
                f"feature_names must be {self.count} different names, of the numeric features "
                f"first. Received: {self.names}"
            )

    def number(self, argument, feature):
        """The number of a feature given by number or name."""
        if isinstance(feature, str):
            if feature in self.names:
                return self.names.index(feature)
            expected = f"one of {self.names}" if self.names else "feature_names with it"
        elif feature in range(self.count):
            return int(feature)
        else:
            expected = f"numbers from 0 to {self.count - 1}"
        raise ValueError(f"{argument} names features: expected {expected}. Received: {feature!r}")

    def split(self, argument, chosen):
        """The chosen features as two lists: numbers of numeric ones, numbers of categories."""
        chosen = range(self.count) if chosen is None else chosen
        chosen = [chosen] if isinstance(chosen, str | int) else list(chosen)
        found = [self.number(argument, feature) for feature in chosen]
        if len(set(found)) < len(found):
            raise ValueError(f"{argument} names a feature twice. Received: {chosen}")
        numeric = [feature for feature in found if feature < self.numeric]
        return numeric, [feature - self.numeric for feature in found if feature >= self.numeric]

    def pairs(self, crosses):
        """The crosses as pairs of numbers of categories."""
        found = []
        for pair in crosses:
            numbers = [self.number("crosses", feature) - self.numeric for feature in pair]
            if len(set(numbers)) != 2 or len(numbers) != 2 or min(numbers) < 0:
                raise ValueError(
                    f"crosses must be pairs of two different categories. Received: {pair!r}"
                )
            found.append(numbers)
        return found

    def show(self, chosen):
        """Features as `split` gives them, back in their own numbering."""
        return [*chosen[0], *(self.numeric + column for column in chosen[1])]


def _chosen(inputs, kind, columns, path):
    """Some columns of an input, for a path."""
    if columns == list(range(inputs[kind].shape[1])):
        return inputs[kind]
    return SelectColumns(columns, name=f"{path}_{kind}")(inputs[kind])


class _MemberLayers(HiddenLayers):
    """Hidden layers that the members of an ensemble share."""

    def __init__(self, members, embedded, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.members = members
        # The first layer's scales make the members differ; signs alone would not tell embeddings
        # apart from their neighbours.
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.first_scale = normal if embedded else RandomSigns()

    def _dense(self, size, name, kind=None):
        if self.members == 1:
            return super()._dense(size, name)
        scale = self.first_scale if name == "hidden_0" else "ones"
        return EnsembleDense(size, self.members, scale, self.initializer.clone(), name=name)


def _numeric_embedding(
    numeric_embedding, num_numeric, deep, bin_edges, num_frequencies, sigma, embedding_dim
):
    """The layers that embed the numbers of the deep path."""
    check_choice(NUMERIC_EMBEDDINGS, numeric_embedding=numeric_embedding)
    check_counts(num_frequencies=num_frequencies)
    check_above_zero(sigma=sigma)
    piecewise = numeric_embedding == "piecewise"
    if piecewise != (bin_edges is not None) or (piecewise and len(bin_edges) != num_numeric):
        raise ValueError(
            'numeric_embedding="piecewise", and no other, needs bin_edges: a list for each of the '
            f"{num_numeric} numeric features. Received: numeric_embedding={numeric_embedding!r} "
            f"and {'none' if bin_edges is None else len(bin_edges)}"
        )
    if not deep or numeric_embedding == "none":
        return []
    if piecewise:
        edges = [bin_edges[feature] for feature in deep]
        encoding = PiecewiseLinearEncoding(edges, name="piecewise_linear")
        dense = SeparateDense(embedding_dim, name="numeric_embedding")
    else:
        encoding = PeriodicEmbedding(num_frequencies, sigma, name="periodic")
        dense = layers.Dense(embedding_dim, activation="relu", name="numeric_embedding")
    return [encoding, dense, layers.Flatten(name="numeric_vectors")]


def _deep_inputs(features, deep, inputs, embed, embedding_dim):
    """What the first hidden layer reads: `(batch, size)`."""
    parts = []
    if deep[0]:
        x = _chosen(inputs, "numeric", deep[0], "deep")
        for layer in embed:
            x = layer(x)
        parts.append(x)
    if deep[1]:
        x = _chosen(inputs, "categories", deep[1], "deep")
        sizes = [features.sizes[column] for column in deep[1]]
        x = CategoryEmbedding(sizes, embedding_dim, name="category_embedding")(x)
        parts.append(layers.Flatten(name="category_vectors")(x))
    return layers.Concatenate(name="deep_inputs")(parts) if len(parts) > 1 else parts[0]


def _wide_categories(features, wide, crosses, inputs, members, outputs, buckets):
    """What categories and crosses add to the output, each `(batch[, members], outputs)`."""
    terms = []
    size = members * outputs
    if wide:
        sizes = [features.sizes[column] for column in wide]
        # At 0, so that a category never seen in training adds nothing.
        layer = CategoryEmbedding(sizes, size, "sum", "zeros", name="wide_categories_weights")
        terms.append(layer(_chosen(inputs, "categories", wide, "wide")))
    if crosses:
        layer = CrossedCategories(features.sizes, crosses, size, buckets, name="wide_crosses")
        terms.append(layer(inputs["categories"]))
    if members > 1:
        shape = (members, outputs)
        terms = [layers.Reshape(shape, name=f"wide_term_{i}")(x) for i, x in enumerate(terms)]
    return terms


def _output(x, terms, outputs, members, activation, name):
    """An output layer, with what is to be added before its activation."""
    dense = layers.Dense if members == 1 else SeparateDense
    inside = None if terms else activation
    x = dense(outputs, activation=inside, dtype="float32", name=f"{name}_output")(x)
    if terms:
        x = layers.Add(dtype="float32", name=f"{name}_sum")([x, *terms])
        if activation:
            x = layers.Activation(activation, dtype="float32", name=f"{name}_activation")(x)
    return x
