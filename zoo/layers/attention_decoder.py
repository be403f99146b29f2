"""The recurrent decoder of sequence-to-sequence models."""

from collections.abc import Callable

import keras
from keras import layers, ops

from zoo.checks import check_choice, check_counts, check_fractions
from zoo.layers.attention_decoder_cell import AttentionDecoderCell
from zoo.layers.base import Layer
from zoo.layers.scheduled_sampling import SamplingCell

_LAYERS = {"lstm": layers.LSTM, "gru": layers.GRU}
_CELLS = {"lstm": layers.LSTMCell, "gru": layers.GRUCell}


class AttentionDecoder(Layer):
    """Reads ids, attends to a memory, and gives the logits of the next ids.

    There are two ways to call it that compute the same: on whole sequences, to train, and step by
    step, to decode. Both need a memory, a flat dict of tensors from an encoder: `outputs` `(batch,
    source, channels)`, bool `mask` `(batch, source)`, and the first states of the recurrent
    layers: `state_0`, `state_1`, ... (of an LSTM, two a layer), each `(batch, units)`.

    - `decoder(target_ids, memory)`: logits `(batch, time, vocabulary_size)`
    - `decoder.prepare(memory)`: the memory with what can be computed once for all steps
    - `decoder.initial_state(batch_size, max_length, memory)`: the state before the first step
    - `decoder.step(ids, state, position, memory)`: logits, state and alignments of one step

    Without input feeding, the recurrent layers run over the whole sequence first, and attention
    answers all steps at once.

    With scheduled sampling, training replaces ids of the target, but the first, with some
    probability: by an id drawn from the decoder's own logits of the step before (`"embedding"`, as
    `tfa.seq2seq.ScheduledEmbeddingTrainingSampler`) or by the mean embedding of these logits'
    softmax (`"output"`, as `ScheduledOutputTrainingSampler` with that `next_inputs_fn`). Outside
    of training nothing is replaced.

    Args:
        vocabulary_size: Number of ids.
        units: Size of each recurrent layer. Defaults to 256.
        cell: `"lstm"` or `"gru"`. Defaults to `"lstm"`.
        num_layers: Number of recurrent layers. Defaults to 1.
        attention: `zoo.layers.LuongAttention` or `BahdanauAttention`. Defaults to None.
        embedding_dim: Size of the embedding. Defaults to 128.
        dropout: Fraction dropped behind the embedding and in front of the head, and, the same at
            every step, between recurrent layers; in [0, 1). Defaults to 0.
        sampling: `"embedding"`, `"output"`, or None: teacher forcing. Defaults to None.
        sampling_probability: Number in [0, 1], or a schedule of the training step such as
            `zoo.layers.LinearSampling`. Defaults to 0.0.
        seed: Of dropout and sampling. Defaults to None: from Keras' global seed.
        attention_layer_size, input_feeding: See `AttentionDecoderCell`.

    Raises:
        ValueError: If an argument is out of range, or the memory holds too few states.

    >>> from zoo.layers import AttentionDecoder, LuongAttention
    >>> decoder = AttentionDecoder(50, units=4, cell="gru", attention=LuongAttention(4))
    >>> memory = {
    ...     "outputs": np.ones((2, 7, 6), "float32"),
    ...     "mask": np.ones((2, 7), bool),
    ...     "state_0": np.zeros((2, 4), "float32"),
    ... }
    >>> decoder(np.array([[1, 5, 3], [1, 4, 0]]), memory).shape
    TensorShape([2, 3, 50])
    >>> memory = decoder.prepare(memory)
    >>> state = decoder.initial_state(2, 10, memory)
    >>> logits, state, alignments = decoder.step(np.array([1, 1]), state, 0, memory)
    >>> logits.shape, alignments.shape
    (TensorShape([2, 50]), TensorShape([2, 7]))

    Reference: Book, chapter 16 (2nd edition cells 90-92 and 197-210); Luong et al., 2015; Bengio et
    al., *Scheduled sampling*, 2015.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int = 256,
        cell: str = "lstm",
        num_layers: int = 1,
        attention: keras.Layer | None = None,
        attention_layer_size: int | None = None,
        input_feeding: bool = True,
        embedding_dim: int = 128,
        dropout: float = 0.0,
        sampling: str | None = None,
        sampling_probability: float | Callable = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_counts(vocabulary_size=vocabulary_size, units=units, num_layers=num_layers)
        check_counts(embedding_dim=embedding_dim)
        if attention_layer_size is not None:
            check_counts(attention_layer_size=attention_layer_size)
        check_fractions(dropout=dropout)
        check_choice(_CELLS, cell=cell)
        check_choice(("embedding", "output", None), sampling=sampling)
        if not callable(sampling_probability) and not 0 <= sampling_probability <= 1:
            raise ValueError(
                "Expected a probability in [0, 1] or a schedule. "
                f"Received: sampling_probability={sampling_probability!r}"
            )
        self.vocabulary_size, self.units = vocabulary_size, units
        self.kind = cell
        self.num_layers = num_layers
        self.attention, self.attention_layer_size = attention, attention_layer_size
        self.input_feeding = input_feeding and attention is not None
        self.embedding_dim, self.dropout = embedding_dim, dropout
        self.sampling, self.sampling_probability = sampling, sampling_probability
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        own = {"dtype": self.dtype_policy}
        self.embedding = layers.Embedding(vocabulary_size, embedding_dim, name="embedding", **own)
        self.head = layers.Dense(vocabulary_size, dtype="float32", name="head")
        names = [f"{cell}_{index}" for index in range(num_layers)]
        if self.input_feeding:
            # Each step needs the one before: nothing can be fused.
            self.recurrent = []
            cells = [_CELLS[cell](units, name=name, **own) for name in names]
        else:
            kind = _LAYERS[cell]
            self.recurrent = [kind(units, return_sequences=True, name=n, **own) for n in names]
            cells = [layer.cell for layer in self.recurrent]
        self.cell = AttentionDecoderCell(
            cells, attention, attention_layer_size, input_feeding, name="cell", **own
        )
        self.rnn = layers.RNN(self.cell, return_sequences=True, name="rnn", **own)
        self.sampler = layers.RNN(SamplingCell(self), return_sequences=True, dtype="float32")

    def build(self, target_ids_shape, memory_shape):
        """Builds all parts for a memory of these shapes."""
        expected = len(self.cell.cell_state_sizes)
        if sum(name.startswith("state_") for name in memory_shape) != expected:
            raise ValueError(
                f"{self.name!r} needs a memory with state_0 to state_{expected - 1}. "
                f"Received: {', '.join(sorted(memory_shape))}"
            )
        self.embedding.build(target_ids_shape)
        for index, layer in enumerate(self.recurrent):
            layer.build((None, None, self.units if index else self.embedding_dim))
        self.cell.build((None, self.embedding_dim), memory_shape["outputs"])
        self.rnn.build((None, None, self.embedding_dim))
        self.head.build((None, None, self.cell.output_size))
        if self.sampling is not None:
            once = {"trainable": False, "aggregation": "only_first_replica"}
            self.training_steps = self.add_weight((), "zeros", "int32", name="steps", **once)

    def call(self, target_ids, memory, training=False):
        """Logits `(batch, time, vocabulary_size)` of the next id at every step, float32.

        Args:
            target_ids: int32 `(batch, time)`, the first one the start id.
            memory: See above.
            training: Whether dropout and scheduled sampling act. Defaults to False.
        """
        if training and self.sampling is not None:
            probability = self.sampling_probability
            if callable(probability):
                probability = probability(ops.convert_to_tensor(self.training_steps))
            self.training_steps.assign_add(1)
            shape = ops.shape(target_ids)
            coins = keras.random.uniform(shape, seed=self.seed_generator)
            uniform = keras.random.uniform(shape, seed=self.seed_generator)
            return self.scheduled(target_ids, memory, coins < probability, uniform, training)
        memory = self.prepare(memory)
        x = self._drop(self.embedding(target_ids), training)
        batch_size = ops.shape(target_ids)[0]
        masks = self._masks_between(batch_size, training)
        if self.input_feeding:
            state = self.initial_state(batch_size, None, memory)
            with self.cell.attending(memory, masks):
                outputs = self.rnn(x, initial_state=state, training=training)
        else:
            for index, layer in enumerate(self.recurrent):
                if index and masks is not None:
                    x = x * ops.expand_dims(masks[index - 1], 1)
                x = layer(x, initial_state=self._states(memory, [index]), training=training)
            outputs, _ = self.cell.attend(x, memory)
        return self.head(self._drop(outputs, training))

    def scheduled(self, target_ids, memory, replace, uniform, training=False):
        """The training path of scheduled sampling, with its random numbers given.

        Args:
            replace: Which ids to replace, bool `(batch, time)`; the first are never replaced.
            uniform: Random numbers in [0, 1), `(batch, time)`: those of a step choose, from its
                logits, the id that may replace the next step's (`"embedding"` only).
            training: Whether dropout acts. Defaults to False.
            target_ids, memory: As for `call`.
        """
        memory = self.prepare(memory)
        x = self.embedding(target_ids)
        batch, time = ops.shape(target_ids)[:2]
        later = ops.arange(time) > 0
        packed = [
            ops.cast(x, "float32"),
            ops.cast(ops.expand_dims(ops.logical_and(replace, later), -1), "float32"),
            ops.cast(ops.expand_dims(uniform, -1), "float32"),
        ]
        if self.dropout and training:
            sizes = (self.embedding_dim, self.cell.output_size)
            packed += [self._drop(ops.ones((batch, time, size)), training) for size in sizes]
        state = [ops.zeros((batch, self.embedding_dim)), *self.initial_state(batch, None, memory)]
        with self.cell.attending(memory, self._masks_between(batch, training)):
            return self.sampler(ops.concatenate(packed, axis=-1), initial_state=state)

    def prepare(self, memory):
        """The memory, with what can be computed once for all steps added to it.

        `call`, `initial_state` and `step` take the memory of the encoder too, but would project it
        anew each time.
        """
        return self.cell.prepare(memory)

    @property
    def shares_memory(self):
        """Whether `step` takes a memory of fewer rows than ids."""
        return self.cell.shares_memory

    def initial_state(self, batch_size, max_length, memory):
        """The state before the first step, a list of tensors, batch first.

        `batch_size` counts rows as in `step`; `max_length` is not used: the state does not grow.
        """
        states = self._states(memory, range(self.num_layers))
        rows = memory["mask"].shape[0]
        if rows is not None and isinstance(batch_size, int):  # else they are not known yet
            states = [ops.repeat(state, batch_size // rows, axis=0) for state in states]
        return self.cell.initial_state(batch_size, self.prepare(memory), states)

    def step(self, ids, state, position, memory):
        """One step: what `call` computes at it; alignments are None without attention.

        Of ids int32 `(batch,)`; the position is not used. Where `shares_memory`, each row of the
        memory may serve several neighbouring ones of the ids, such as the beams of a source.
        """
        memory = self.prepare(memory)
        outputs, state, alignments = self.cell.step(self.embedding(ids), state, memory)
        return self.head(outputs), state, alignments

    def compute_output_spec(self, target_ids, memory, training=False):
        """Logits for every id."""
        return keras.KerasTensor((*target_ids.shape, self.vocabulary_size), "float32")

    def get_config(self):
        """Arguments to rebuild the layer."""
        return {**super().get_config(), "cell": self.kind}

    def _states(self, memory, indices):
        size = len(self.cell.cell_state_sizes) // self.num_layers
        return [memory[f"state_{index * size + i}"] for index in indices for i in range(size)]

    def _masks_between(self, batch_size, training):
        """Dropout between layers: one mask for all steps, as it cannot be drawn inside the loop."""
        if not (training and self.dropout) or self.num_layers == 1:
            return None
        ones = ops.ones((batch_size, self.units), self.compute_dtype)
        return [self._drop(ones, training) for _ in range(self.num_layers - 1)]

    def _drop(self, x, training):
        rate = self.dropout if training else 0.0
        return keras.random.dropout(x, rate, seed=self.seed_generator) if rate else x
