"""The graph of a model's layers, for TensorBoard's Graphs tab."""

from graphlib import TopologicalSorter
from typing import Any

import keras
from tensorboardX.proto.attr_value_pb2 import AttrValue
from tensorboardX.proto.graph_pb2 import GraphDef
from tensorboardX.proto.node_def_pb2 import NodeDef
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboardX.proto.versions_pb2 import VersionDef


def graph_def(model: keras.Model) -> Any:
    """Draws a model from its public `get_config()`: a node a layer, a scope a nested model.

    A layer that is called several times becomes as many nodes. A model that does not describe its
    layers (a subclass) has none: None.

    >>> x = keras.Input((3,), name="x")
    >>> model = keras.Model(x, keras.layers.Dense(2, name="dense")(x))
    >>> [(node.name, node.op, list(node.input)) for node in graph_def(model).node]
    [('x', 'InputLayer', []), ('dense', 'Dense', ['x'])]
    """
    try:
        config = model.get_config()
    except NotImplementedError:
        return None
    if not isinstance(config, dict) or "layers" not in config:
        return None
    drawing = _Drawing()
    drawing.draw(config, "", None)
    return GraphDef(node=drawing.nodes, versions=VersionDef(producer=22))


class _Drawing:
    """The nodes drawn so far."""

    def __init__(self):
        self.nodes = []

    def draw(self, config, scope, inputs):
        """Adds the layers of a model's config, and returns the nodes of its outputs.

        The scope is what names begin with: nothing, or `outer/inner/`. The inputs are nodes that
        feed it, one for each of its own; None at the top.
        """
        if "output_layers" in config:
            return self._draw_functional(config, scope, inputs)
        last = list(inputs or [])
        for layer in config["layers"]:
            if inputs is None or layer["class_name"] != "InputLayer":
                last = self._draw_layer(layer, f"{scope}{layer['config']['name']}", last)
        return last

    def _draw_functional(self, config, scope, inputs):
        names = [layer for layer, _, _ in _references(config["input_layers"])]
        fed = dict(zip(names, inputs or [], strict=False))
        shapes = dict(_tensors([layer["inbound_nodes"] for layer in config["layers"]]))
        outputs: dict[tuple, list[str]] = {}
        for layer, call, read in _calls_in_order(config["layers"]):
            name = layer["name"]
            sources = [_source(outputs, key) for key in read]
            if not sources and name in fed:
                sources = [fed[name]]
            label = f"{scope}{name}" + (f".call_{call + 1}" if call else "")
            shape = shapes.get((name, call, 0))
            outputs[name, call] = self._draw_layer(layer, label, sources, shape)
        return [_source(outputs, key) for key in _references(config["output_layers"])]

    def _draw_layer(self, layer, label, sources, shape=None):
        """Adds a layer or a nested model; returns the nodes of its outputs."""
        if layer["config"].get("layers"):
            return self.draw(layer["config"], f"{label}/", sources)
        self.nodes.append(_node(label, layer, sources, shape))
        return [label]


def _source(outputs, key):
    """The node of a tensor: a layer has one for all of its outputs, a nested model one for each."""
    layer, call, index = key
    # Keras counts the building of a nested model as a call, though it lists only the later ones.
    while (layer, call) not in outputs and call:
        call -= 1
    found = outputs[layer, call]
    return found[index if index < len(found) else 0]


def _calls_in_order(layers):
    """`(layer, call, tensors read)` of every call, each after those that it reads."""
    calls = {
        (layer["name"], call): (layer, call, [key for key, _ in _tensors(node)])
        for layer in layers
        for call, node in enumerate(layer["inbound_nodes"] or [{}])
    }
    read = {name: [key[:2] for key in keys] for name, (_, _, keys) in calls.items()}
    return [calls[name] for name in TopologicalSorter(read).static_order()]


def _tensors(nested):
    """Every tensor in the arguments of a call: `((layer, call, index), shape)`."""
    if isinstance(nested, dict):
        if nested.get("class_name") == "__keras_tensor__":
            found = nested["config"]
            return [(tuple(found["keras_history"]), found["shape"])]
        nested = nested.values()
    elif not isinstance(nested, list | tuple):
        return []
    return [tensor for item in nested for tensor in _tensors(item)]


def _references(nested):
    """Every `(layer, call, index)` among a model's inputs or outputs."""
    if isinstance(nested, dict):
        nested = list(nested.values())
    if len(nested) == 3 and isinstance(nested[0], str):
        return [tuple(nested)]
    return [reference for item in nested for reference in _references(item)]


def _node(name, layer, sources, shape):
    node = NodeDef(name=name, op=layer["class_name"], input=sources)
    for key, value in layer["config"].items():
        if key not in _NOT_SHOWN and isinstance(value, str | int | float | list):
            node.attr[key].s = str(value)[:80].encode()
    if shape is not None:
        sizes = [TensorShapeProto.Dim(size=-1 if size is None else size) for size in shape]
        shapes = AttrValue.ListValue(shape=[TensorShapeProto(dim=sizes)])
        node.attr["_output_shapes"].CopyFrom(AttrValue(list=shapes))
    return node


#: Entries of a layer's config that say nothing about it.
_NOT_SHOWN = ("name", "trainable", "dtype")
