"""Models of Keras as SavedModel, ONNX and LiteRT."""

import contextlib
import re
import warnings
from unittest.mock import patch

import keras
import numpy as np
from keras import ops

from recipes.engine import environment
from recipes.errors import UserError
from recipes.export import graph
from zoo.tokenizers import all_layers


def convert(model, spec, folder, quantize=None, loops=()) -> int | None:
    """Writes a model, and how `spec` describes it, into a folder.

    Returns the rows that the file takes at a time, `None` for any number; raises a `UserError` if
    the format lacks an operator that the model needs.
    """
    form = spec["format"]
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Normalization) and layer.mean is not None:
            # As tensors they would become inputs of an ONNX file.
            layer.mean, layer.variance = np.array(layer.mean), np.array(layer.variance)
    write = {"savedmodel": _savedmodel, "onnx": _onnx, "litert": _litert}[form]
    try:
        held = environment.quiet_start(True, re.compile(""))  # all that C++ code says
        with _portable(form), held, warnings.catch_warnings(action="ignore"):
            if quantize and form == "savedmodel":  # the converters of the others do it themselves
                model.quantize(quantize, filters=lambda layer: layer.built)
            return write(model, spec, folder, quantize, loops)
    except Exception as error:  # converters raise whatever they please
        raise UserError(refusal(form, str(error) or type(error).__name__)) from error


def refusal(form, text) -> str:
    """What to say of a converter's, or a runtime's, complaint."""
    found = re.search(r"'tf\.\w+' op [^\n]*|[^\n]*(?:[Uu]nsupported|not supported)[^\n]*", text)
    said = found[0] if found else text.strip().splitlines()[-1]
    other = "" if form == "savedmodel" else " --format savedmodel takes every model."
    return f"The model cannot become {form}: {said[:300].strip(' .')}.{other}"


def _savedmodel(model, spec, folder, quantize, loops):
    archive, one = keras.export.ExportArchive(), not isinstance(model.input, dict)
    archive.track(model)
    signature = {name: keras.InputSpec(**each) for name, each in spec["inputs"].items()}

    def arrays(inputs):
        return model(next(iter(inputs.values())) if one else inputs, training=False)

    raw, encode, tables = graph.encoder(spec) or (None, None, [])
    spec["raw_endpoint"] = raw is not None
    spec["served"] = {name: each.name for name, each in (raw or {}).items()}
    if raw:
        archive.add_endpoint("serve", lambda inputs: arrays(encode(inputs)), [raw])
    archive.add_endpoint("arrays", arrays, [signature])
    for name, *loop in loops:
        archive.add_endpoint(name, *graph.endpoint(*loop))
        if found := graph.of_texts(tables, spec["texts"], *loop[:2]):
            archive.add_endpoint(f"{name}_texts", *found)
            spec["text_loops"] = True
    for table in tables:
        archive.track(table)
    archive.write_out(folder, verbose=False)


def _onnx(model, spec, folder, quantize, loops):
    path = folder / "model.onnx"
    model.export(path, format="onnx", verbose=False)
    if quantize == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(path, path, weight_type=QuantType.QInt8)
    elif quantize == "float16":
        import onnx

        onnx.save(_halved(onnx.load(path)), path)


def _halved(found):
    """An ONNX model that stores its weights in float16; it computes in float32, as LiteRT does."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for each in found.graph.initializer:
        values = numpy_helper.to_array(each)
        if each.data_type != TensorProto.FLOAT or values.size < 64 or np.abs(values).max() > 65504:
            continue
        name = each.name
        each.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for place, node in enumerate(casts):
        found.graph.node.insert(place, node)
    return found


def _litert(model, spec, folder, quantize, loops):
    import tensorflow as tf

    path = folder / "model.tflite"
    # Without TensorFlow's own operators: the runtime alone must do.
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    how = {"format": "litert", "verbose": False, "target_spec": target}
    if quantize:
        how["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        target["supported_types"] = [tf.float16]
        floats = [w[np.isfinite(w)] for w in model.get_weights() if w.dtype.kind == "f"]
        if any((np.abs(each) > 65504).any() for each in floats):
            raise UserError("a weight is larger than float16 holds (65,504); onnx keeps it whole")
    try:
        model.export(path, **how)
        return None
    except Exception as error:
        if "TensorList" not in str(error):
            raise
    # A recurrent layer keeps its steps in a list, whose entries must have a known shape.
    one = keras.tree.map_structure(
        lambda x: keras.InputSpec(shape=(1, *x.shape[1:]), dtype=x.dtype, name=x.name), model.input
    )
    model.export(path, input_signature=[one], **how)
    return 1


@contextlib.contextmanager
def _portable(form):
    """A context of operators that a format lacks, in terms of those that it has."""
    import tensorflow as tf

    where, gelu, own, of_keras = ops.where, tf.nn.gelu, {}, {}
    if form != "savedmodel":
        own = {"searchsorted": _search, "arctan": lambda x: ops.arctan2(x, ops.ones_like(x))}
    if form == "onnx":
        # tf2onnx multiplies by 0 what is not chosen, which lets NaN through, but for such choices.
        own["where"] = lambda condition, a, b: where(
            ops.isnan(where(condition, np.float32("nan"), np.float32(0))), a, b
        )
        # It knows the error function, but not its complement.
        of_keras["gelu"] = lambda x, approximate=False: (
            gelu(x, True) if approximate else x * (1 + tf.math.erf(x * 0.5**0.5)) / 2
        )
    # A SavedModel cannot hold the gradients of Keras' quantized layers.
    plain = {"custom_gradient": lambda f: lambda *inputs, **more: f(*inputs, **more)[0]}
    with patch.dict(vars(ops), own), patch.dict(vars(tf.nn), of_keras), patch.dict(vars(tf), plain):
        yield


def _search(known, values, side="left"):
    """Positions at which values belong among known ones in ascending order, by bisection.

    >>> _search(np.array([1, 3, 5]), np.array([0, 1, 2, 5, 6])).numpy().tolist()
    [0, 0, 1, 2, 3]
    """
    size, places = known.shape[0], ops.zeros_like(values)
    for bit in reversed(range(int(size).bit_length())):
        more = places + 2**bit
        less = ops.take(known, ops.minimum(more, size) - 1, axis=0) < values
        places = ops.where(ops.logical_and(more <= size, less), more, places)
    return places
