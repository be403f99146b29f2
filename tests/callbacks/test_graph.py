"""The graph of a model, as TensorBoard draws it."""

import keras
from keras import layers

from callbacks.graph import graph_def


def nodes(model):
    return {node.name: list(node.input) for node in graph_def(model).node}


def test_the_graph_has_scopes_shared_layers_and_shapes():
    inner_input = keras.Input((4,), name="features")
    outputs = [layers.Dense(size, name=name)(inner_input) for size, name in [(2, "a"), (3, "b")]]
    inner = keras.Model(inner_input, outputs, name="core")
    x, z = keras.Input((3,), name="x"), keras.Input((3,), name="z")
    shared = layers.Dense(4, name="shared")
    first = shared(x)
    a, b = inner(layers.add([shared(z), first], name="sum"))
    stack = keras.Sequential([layers.Dense(2, name="c")], name="stack")
    joined = layers.Concatenate(name="join")([stack(a), b])
    model = keras.Model({"x": x, "z": z}, {"y": joined})
    assert nodes(model) == {
        "x": [], "z": [],
        "shared": ["x"], "shared.call_2": ["z"],
        "sum": ["shared.call_2", "shared"],
        "core/features": ["sum"],
        "core/a": ["core/features"], "core/b": ["core/features"],
        "stack/c": ["core/a"],
        "join": ["stack/c", "core/b"],
    }  # fmt: skip
    dense = next(node for node in graph_def(model).node if node.name == "shared")
    (shape,) = dense.attr["_output_shapes"].list.shape
    assert [dim.size for dim in shape.dim] == [-1, 4]
    assert (dense.op, dense.attr["units"].s) == ("Dense", b"4")


def test_a_layer_fed_with_its_own_output_is_drawn():
    x = keras.Input((3,), name="x")
    again = layers.Dense(3, name="again")
    other = layers.ReLU(name="other")
    model = keras.Model(x, again(other(again(x))))
    assert nodes(model) == {"x": [], "again": ["x"], "other": ["again"], "again.call_2": ["other"]}


def test_a_model_without_a_description_has_no_graph():
    class Mine(keras.Model):
        def __init__(self, size):
            super().__init__()

    assert graph_def(Mine(object())) is None
