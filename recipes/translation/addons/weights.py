"""The weights of `zoo.seq2seq`, by the names that `configurations` and `network` give them."""


def variables(model) -> dict:
    """The trained variables of a `zoo.seq2seq` by name, to read or to assign.

    >>> model = zoo.seq2seq(9, 11, units=6, encoder="plain", attention=None)
    >>> list(variables(model))[:4]
    ['source_embedding', 'encoder_0_kernel', 'encoder_0_recurrent_kernel', 'encoder_0_bias']
    """
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    found = {"source_embedding": encoder.get_layer("embedding").embeddings}
    for index in range(decoder.num_layers):
        if is_bidirectional(model):
            layer = encoder.get_layer(f"bidirectional_{index}")
            found |= _cell(f"encoder_{index}", layer.forward_layer.cell)
            found |= _cell(f"backward_{index}", layer.backward_layer.cell)
        else:
            layer = encoder.get_layer(f"{decoder.kind}_{index}")
            found |= _cell(f"encoder_{index}", layer.cell)
    found["target_embedding"] = decoder.embedding.embeddings
    for index, cell in enumerate(decoder.cell.cells):
        found |= _cell(f"decoder_{index}", cell)
    if decoder.attention is not None:
        found |= _attention(decoder.attention)
    if decoder.cell.attention_layer is not None:
        found["attention_layer_kernel"] = decoder.cell.attention_layer.kernel
    return {**found, "output_kernel": decoder.head.kernel, "output_bias": decoder.head.bias}


def describe(model) -> dict:
    """What `network.Network` has to know about a `zoo.seq2seq` besides its weights.

    >>> describe(zoo.seq2seq(9, 11, units=6, attention="bahdanau"))["attention"]
    'bahdanau'
    """
    decoder = model.get_layer("decoder")
    attention = decoder.attention
    kind = None if attention is None else type(attention).__name__
    return {
        "cell": decoder.kind,
        "num_layers": decoder.num_layers,
        "encoder": "bidirectional" if is_bidirectional(model) else "plain",
        "input_feeding": decoder.input_feeding,
        "attention": kind and kind.removesuffix("Attention").lower(),
        "monotonic": bool(getattr(attention, "monotonic", False)),
        "score_scale": bool(getattr(attention, "scale", False)),
        "normalize": bool(getattr(attention, "normalize", False)),
    }


def is_bidirectional(model) -> bool:
    """Whether the model's encoder reads its source both ways."""
    names = [layer.name for layer in model.get_layer("encoder").layers]
    return any(name.startswith("bidirectional") for name in names)


def _cell(name, cell):
    parts = ("kernel", "recurrent_kernel", "bias")
    return {f"{name}_{part}": getattr(cell, part) for part in parts}


def _attention(attention):
    found = {"memory_kernel": attention.memory_layer.kernel}
    if hasattr(attention, "query_layer"):
        found["query_kernel"] = attention.query_layer.kernel
    names = {"v": "attention_v", "g": "attention_g", "b": "attention_b", "bias": "score_bias"}
    for attribute, name in names.items():
        if getattr(attention, attribute, None) is not None:
            found[name] = getattr(attention, attribute)
    return found
