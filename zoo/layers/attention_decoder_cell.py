"""The step of a recurrent decoder with attention."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from zoo.layers.attention import side_by_side
from zoo.layers.base import Layer


class AttentionDecoderCell(Layer):
    """Recurrent cells, one on top of the other, the last of which attends to a memory.

    A step: the cells read the inputs together with the attention vector of the step before (input
    feeding); the output of the last one is the query; the attention vector of the step is the
    context that it finds, or a linear layer on the query and the context. Computes what
    `tfa.seq2seq.AttentionWrapper` does.

    Use it inside `keras.layers.RNN`, with the memory set around the call: see `attending`.

    Args:
        cells: Cell or list of cells, such as `keras.layers.LSTMCell`.
        attention: `zoo.layers.LuongAttention` or `BahdanauAttention`, or None: the output is the
            last cell's. Defaults to None.
        attention_layer_size: Size of the attention vector. Defaults to None: the context itself.
        input_feeding: Whether the attention vector is an input of the next step. Defaults to True.

    >>> from zoo.layers import AttentionDecoderCell, LuongAttention
    >>> cell = AttentionDecoderCell(keras.layers.GRUCell(4), LuongAttention(4))
    >>> rnn = keras.layers.RNN(cell, return_sequences=True)
    >>> memory = {"outputs": np.ones((2, 5, 6), "float32"), "mask": np.ones((2, 5), bool)}
    >>> with cell.attending(memory):
    ...     rnn(np.ones((2, 3, 8), "float32")).shape
    TensorShape([2, 3, 6])

    Reference: Luong et al., *Effective approaches to attention-based neural machine translation*,
    2015, section 3.3.
    """

    def __init__(
        self,
        cells: keras.Layer | Sequence[keras.Layer],
        attention: keras.Layer | None = None,
        attention_layer_size: int | None = None,
        input_feeding: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cells: list = list(cells) if isinstance(cells, (list, tuple)) else [cells]
        self.attention: Any = attention
        self.attention_layer_size = attention_layer_size
        self.input_feeding = input_feeding and attention is not None
        self.attention_layer = None
        if attention is not None and attention_layer_size is not None:
            own = {"use_bias": False, "dtype": self.dtype_policy}
            self.attention_layer = layers.Dense(attention_layer_size, name="attention_layer", **own)
        self._memory = None
        self._masks = None
        self._memory_channels = None

    def build(self, input_shape, memory_shape=None):
        """Builds the cells and, unless a memory has been set, the attention to one."""
        channels = input_shape[-1]
        if self.attention is not None:
            self._build_attention(memory_shape)
            if self.input_feeding:
                channels += self.output_size
        for cell in self.cells:
            if not cell.built:
                cell.build((None, channels))
                cell.built = True
            channels = cell.units

    def _build_attention(self, memory_shape):
        if memory_shape is None:
            if self._memory_channels is None:
                raise ValueError(self._no_memory())
            return
        units = self.cells[-1].units
        self._memory_channels = memory_shape[-1]
        # Parts that come from a file are built already.
        if not self.attention.built:
            self.attention.build((None, None, units), memory_shape)
        if self.attention_layer is not None and not self.attention_layer.built:
            self.attention_layer.build((None, None, units + memory_shape[-1]))

    @property
    def cell_state_sizes(self):
        """Sizes of the states of all cells, one after the other."""
        return [size for cell in self.cells for size in keras.tree.flatten(cell.state_size)]

    @property
    def state_size(self):
        """Sizes of the states: the cells', the attention vector, and monotonic alignments."""
        sizes = self.cell_state_sizes
        if self.input_feeding:
            sizes.append(self.output_size)
        if self.attention is not None and self.attention.monotonic:
            sizes.append(None)
        return sizes

    @property
    def output_size(self):
        """Size of the attention vector, or the last cell's output without attention."""
        if self.attention is None:
            return self.cells[-1].units
        return self.attention_layer_size or self._memory_channels or 1

    @property
    def shares_memory(self):
        """Whether several rows can search in one row of the memory: a monotonic walk cannot."""
        return self.attention is None or not self.attention.monotonic

    def prepare(self, memory):
        """The memory with what can be computed once for all steps: `keys` and `values`.

        It is a dict with `outputs` `(batch, source, channels)` and bool `mask` `(batch, source)`;
        nothing is computed where `keys` are in it.
        """
        if self.attention is None or "keys" in memory:
            return memory
        keys, values = self.attention.prepare(memory["outputs"], memory["mask"])
        return {**memory, "keys": keys, "values": values}

    @contextlib.contextmanager
    def attending(self, memory, masks=None):
        """Sets the memory (see `prepare`) of the calls inside the `with` block.

        `masks` are factors of the outputs of all cells but the last, each `(batch, units)`:
        dropout, the same at every step. Defaults to None.
        """
        if self.attention is not None:
            self._build_attention(tuple(memory["outputs"].shape))
        self._memory = self.prepare(memory)
        self._masks = masks
        try:
            yield
        finally:
            self._memory = self._masks = None

    def initial_state(self, batch_size, memory, cell_states=None):
        """States before the first step: tensors, batch first, in the order of `state_size`.

        `memory` is from `prepare`; the states of the cells default to zeros.
        """

        def zeros(size):
            return ops.zeros((batch_size, size), self.compute_dtype)

        if cell_states is None:
            cell_states = [zeros(size) for size in self.cell_state_sizes]
        states = [ops.cast(state, self.compute_dtype) for state in cell_states]
        if self.input_feeding:
            states.append(zeros(self.output_size))
        if self.attention is not None and self.attention.monotonic:
            states.append(self.attention.first_alignments(memory["values"]))
        return states

    def get_initial_state(self, batch_size=None):
        """States of zeros, for `keras.layers.RNN`."""
        return self.initial_state(batch_size, self._attended())

    def call(self, inputs, states):
        """One step with the memory of `attending`: outputs and states."""
        outputs, states, _ = self.step(inputs, states, self._attended(), self._masks)
        return outputs, states

    def step(self, inputs, states, memory, masks=None):
        """One step: outputs `(batch, output_size)`, the next states, and alignments.

        Of inputs `(batch, channels)` and states in the order of `state_size`. Where
        `shares_memory`, each row of the memory, which is from `prepare`, may serve several
        neighbouring ones of the inputs. Masks are as in `attending`; the alignments, `(batch,
        source)`, are None without attention.
        """
        states = list(states)
        number, query = len(self.cell_state_sizes), inputs
        if self.input_feeding:
            query = ops.concatenate([inputs, states[number]], axis=-1)
        next_states: list = []
        for index, cell in enumerate(self.cells):
            if index and masks is not None:
                query = query * masks[index - 1]
            size = len(keras.tree.flatten(cell.state_size))
            own = states[len(next_states) : len(next_states) + size]
            query, own = cell(query, own)
            next_states += keras.tree.flatten(own)
        if self.attention is None:
            return query, next_states, None
        previous = states[-1] if self.attention.monotonic else None
        queries = side_by_side(ops.expand_dims(query, 1), memory["mask"])
        outputs, alignments = self.attend(queries, memory, previous)
        if queries.shape[1] == 1:
            outputs, alignments = outputs[:, 0], alignments[:, 0]
        else:
            outputs, alignments = (
                ops.reshape(part, (query.shape[0], ops.shape(part)[-1]))
                for part in (outputs, alignments)
            )
        if self.input_feeding:
            next_states.append(outputs)
        if self.attention.monotonic:
            next_states.append(ops.cast(alignments, states[-1].dtype))
        return outputs, next_states, alignments

    def attend(self, queries, memory, previous=None):
        """Attention vectors `(batch, steps, output_size)` and alignments of any number of steps.

        `queries` are outputs of the last cell, `(batch, steps, units)`, `memory` is from `prepare`,
        and `previous` are alignments before the first step, see `LuongAttention.align`.
        """
        if self.attention is None:
            return queries, None
        contexts, alignments = self.attention.attend(
            queries, memory["keys"], memory["values"], memory["mask"], previous
        )
        if self.attention_layer is not None:
            contexts = self.attention_layer(ops.concatenate([queries, contexts], axis=-1))
        return contexts, alignments

    def _attended(self):
        if self._memory is None:
            raise ValueError(self._no_memory())
        return self._memory

    def _no_memory(self):
        return (
            f"{self.name!r} has no memory to attend to. Call the RNN layer around it inside "
            "`with cell.attending(memory):`."
        )
