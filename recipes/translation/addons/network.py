"""A TF-Addons encoder and decoder with given weights. Runs in the child process only."""

import numpy as np


class Network:
    """What the book's TF-Addons models are made of, for one configuration.

    Embedding and recurrent encoder (masked); cells in an `AttentionWrapper`; a dense output layer.
    Everything runs eagerly, unless called inside a `tf.function`. The configuration is that of
    `weights.describe`; arrays are named as `weights.variables` names them.
    """

    def __init__(self, configuration, weights, dropout=0.0):
        import tensorflow as tf
        import tensorflow_addons as tfa

        self.tf, self.seq2seq = tf, tfa.seq2seq
        self.layers = tf.keras.layers
        self.configuration, self.weights, self.dropout = configuration, weights, dropout
        self.mechanism = self._mechanism()
        self.cells = [self._cell(f"decoder_{n}") for n in range(configuration["num_layers"])]
        self.attention_layer = None
        if "attention_layer_kernel" in weights:
            self.attention_layer = self._dense(weights["attention_layer_kernel"])
        self.output_layer = self._dense(weights["output_kernel"], weights["output_bias"])
        self.source_embedding = tf.Variable(weights["source_embedding"])
        self.target_embedding = tf.Variable(weights["target_embedding"])
        self.encoder = self._encoder()

    @property
    def variables(self):
        """What is trained."""
        layers = [layer for directions in self.encoder for layer in directions]
        layers += [*self.cells, self.mechanism, self.attention_layer, self.output_layer]
        own = [layer.trainable_variables for layer in layers if layer is not None]
        return sum(own, [self.source_embedding, self.target_embedding])

    def encode(self, source, training=False):
        """Memory `(batch, time, channels)`, cell states and lengths of padded ids."""
        tf = self.tf
        real = tf.not_equal(source, 0)
        lengths = tf.reduce_sum(tf.cast(real, tf.int32), axis=1)
        outputs = tf.nn.embedding_lookup(self.source_embedding, source)
        states = []
        for directions in self.encoder:
            outputs = self.drop(outputs, training)
            found = [layer(outputs, mask=real) for layer in directions]
            if len(found) == 2:
                found[1][0] = tf.reverse(found[1][0], axis=[1])
            outputs, *state = (tf.concat(parts, axis=-1) for parts in zip(*found, strict=True))
            states.append(state)
        return tf.identity(outputs), states, lengths  # without the mask that Keras put on it

    def embed(self, ids):
        """Embeddings of target ids."""
        return self.tf.nn.embedding_lookup(self.target_embedding, ids)

    def drop(self, x, training):
        """The tensor with some of it dropped, in training."""
        return self.tf.nn.dropout(x, self.dropout) if training and self.dropout else x

    def start(self, source, beam_width=1, training=False, **arguments):
        """The decoder's cell and its state before the first step, tiled for beams.

        `arguments` are more of those of `AttentionWrapper`, if there is attention.
        """
        tf = self.tf
        memory, states, lengths = self.encode(source, training)
        tile = self.seq2seq.tile_batch
        if beam_width > 1:
            memory, lengths = tile(memory, beam_width), tile(lengths, beam_width)
            states = tf.nest.map_structure(lambda state: tile(state, beam_width), states)
        # A cell takes [h, c] or h; cells on top of one another take a tuple of these.
        states = [state if len(state) > 1 else state[0] for state in states]
        states = states[0] if len(states) == 1 else tuple(states)
        *lower, top = self.cells
        if training and self.dropout:
            lower = [_Dropping(cell, self.drop) for cell in lower]
        cell = self.layers.StackedRNNCells([*lower, top]) if lower else top
        if self.mechanism is None:
            return cell, states
        self.mechanism([memory, lengths], setup_memory=True)
        if not self.configuration["input_feeding"]:
            arguments["cell_input_fn"] = lambda inputs, attention: inputs
        arguments = {"alignment_history": True, **arguments}
        wrapper = self.seq2seq.AttentionWrapper(
            cell, self.mechanism, attention_layer=self.attention_layer, **arguments
        )
        state = wrapper.get_initial_state(batch_size=tf.shape(memory)[0], dtype=memory.dtype)
        return wrapper, state.clone(cell_state=states)

    def greedy(self, source, max_length, start_id, end_id):
        """The likeliest ids at each step, `(batch, time)`; anything behind the end."""
        cell, state = self.start(source, alignment_history=False)
        decoder = self.seq2seq.BasicDecoder(
            cell,
            self.seq2seq.GreedyEmbeddingSampler(self.embed),
            self.output_layer,
            maximum_iterations=max_length,
        )
        first = self.tf.fill([self.tf.shape(source)[0]], start_id)
        outputs, _, _ = decoder(None, initial_state=state, start_tokens=first, end_token=end_id)
        return outputs.sample_id

    def beam_search(self, source, beam_width, max_length, start_id, end_id, **penalties):
        """Ids `(batch, time, beam_width)`, best beam first, and their lengths.

        Penalties are weights, as `BeamSearchDecoder` takes them.
        """
        cell, state = self.start(source, beam_width, alignment_history=False)
        decoder = self.seq2seq.BeamSearchDecoder(
            cell,
            beam_width,
            embedding_fn=self.embed,
            output_layer=self.output_layer,
            maximum_iterations=max_length,
            **penalties,
        )
        first = self.tf.fill([self.tf.shape(source)[0]], start_id)
        outputs, state, _ = decoder(None, start_tokens=first, end_token=end_id, initial_state=state)
        return outputs.predicted_ids, state.lengths

    def _encoder(self):
        """The layers, each a list of one or both directions."""
        # Not keras.layers.Bidirectional, which makes a new forward layer out of the one given.
        sides = {"plain": ("encoder",), "bidirectional": ("encoder", "backward")}
        return [
            [
                self.layers.RNN(
                    self._cell(f"{side}_{index}"),
                    return_sequences=True,
                    return_state=True,
                    go_backwards=side == "backward",
                )
                for side in sides[self.configuration["encoder"]]
            ]
            for index in range(self.configuration["num_layers"])
        ]

    def _cell(self, name):
        kernel = self.weights[f"{name}_kernel"]
        recurrent = self.weights[f"{name}_recurrent_kernel"]
        kind = {"lstm": self.layers.LSTMCell, "gru": self.layers.GRUCell}
        cell = kind[self.configuration["cell"]](recurrent.shape[0])
        cell.build((None, kernel.shape[0]))
        cell.set_weights([kernel, recurrent, self.weights[f"{name}_bias"]])
        return cell

    def _dense(self, kernel, bias=None):
        layer = self.layers.Dense(kernel.shape[1], use_bias=bias is not None)
        layer.build((None, kernel.shape[0]))
        layer.set_weights([kernel] if bias is None else [kernel, bias])
        return layer

    def _mechanism(self):
        """The attention mechanism; its own weights are set once it has seen a query."""
        configuration, weights = self.configuration, self.weights
        kind = configuration["attention"]
        if kind is None:
            return None
        units = weights["memory_kernel"].shape[1]
        monotonic = "Monotonic" if configuration["monotonic"] else ""
        mechanism = getattr(self.seq2seq, f"{kind.capitalize()}{monotonic}Attention")
        arguments = {"memory_layer": self._dense(weights["memory_kernel"])}
        if kind == "luong":
            arguments["scale"] = configuration["score_scale"]
        else:
            arguments["normalize"] = configuration["normalize"]
            arguments["query_layer"] = self._dense(weights["query_kernel"])
        mechanism = mechanism(units, **arguments)
        memory = np.zeros((1, 1, weights["memory_kernel"].shape[0]), "float32")
        query = np.zeros((1, weights["decoder_0_recurrent_kernel"].shape[0]), "float32")
        mechanism(self.tf.constant(memory), setup_memory=True)
        mechanism([self.tf.constant(query), self.tf.ones((1, 1))])
        names = {"scale_weight": "attention_g", "attention_score_bias": "score_bias"}
        for attribute in (*names, "attention_g", "attention_v", "attention_b"):
            variable = getattr(mechanism, attribute, None)
            if variable is not None:
                variable.assign(weights[names.get(attribute, attribute)])
        return mechanism


class _Dropping:
    """A cell, some of whose outputs are dropped, as a part of `StackedRNNCells`."""

    def __init__(self, cell, drop):
        self.cell, self.drop = cell, drop
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def call(self, inputs, states):
        outputs, states = self.cell(inputs, states)
        return self.drop(outputs, True), states
