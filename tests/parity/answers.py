"""What TF-Addons computes for a configuration. Runs in the child process only."""

import numpy as np

from recipes.translation.addons.network import Network
from tests.parity.configurations import (
    END,
    SHARPNESS,
    START,
    Configuration,
    inputs,
    weights,
)


def answers(arrays, settings) -> dict[str, np.ndarray]:
    """All that is compared, for each configuration.

    Args:
        arrays: Nothing.
        settings: `configurations`: list of dicts of `Configuration`.

    Returns:
        Arrays named `0/logits` and so on. `margin` is the smallest difference by which a decision
        was taken: ids may differ elsewhere where it is within rounding.
    """
    import tensorflow as tf

    # The arrays are tiny: threads would only wait for each other.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    found = {}
    for index, fields in enumerate(settings["configurations"]):
        answer = _Answer(Configuration(**fields))
        found.update({f"{index}/{name}": array for name, array in answer.all().items()})
    return found


def expectation(arrays, settings) -> dict[str, np.ndarray]:
    """Mean logits of scheduled sampling over many repeats, and the means' standard errors.

    Args:
        arrays: Nothing.
        settings: `cases`: list of dicts with `configuration` (of one row), `kind` (`"embedding"`
            or `"output"`) and `probability`; `repeats` and `seed`.

    Returns:
        Arrays named `0/mean` and `0/error`, of shape `(time, vocabulary)`.
    """
    import tensorflow as tf

    tf.random.set_seed(settings["seed"])
    found = {}
    for index, case in enumerate(settings["cases"]):
        answer = _Answer(Configuration(**case["configuration"]))
        answer.source = tf.repeat(answer.source, settings["repeats"], axis=0)
        answer.target = tf.repeat(answer.target, settings["repeats"], axis=0)
        logits = answer.scheduled(case["probability"], case["kind"]).astype("float64")
        found[f"{index}/mean"] = logits.mean(axis=0)
        found[f"{index}/error"] = logits.std(axis=0) / np.sqrt(len(logits))
    return found


class _Answer:
    """Decoders of one network on its inputs; eager, for `_listen`."""

    def __init__(self, configuration, sharpness=1.0):
        import tensorflow as tf
        import tensorflow_addons as tfa

        self.tf, self.seq2seq = tf, tfa.seq2seq
        self.configuration = configuration
        given = weights(configuration)
        for name in ("output_kernel", "output_bias"):
            given[name] = given[name] * np.float32(sharpness)
        self.network = Network(vars(configuration), given)
        self.source, self.target = (tf.constant(array) for array in inputs(configuration).values())

    def all(self):
        """Every array to compare, by name."""
        found = self.teacher_forced()
        found["greedy_ids"], margin = self.greedy()
        beams = [self.beam(row) for row in range(len(self.source))]
        margins = [margin, *(beam.pop("margin") for beam in beams)]
        found.update({name: np.stack([beam[name] for beam in beams]) for name in beams[0]})
        for kind in ("embedding", "output"):
            np.testing.assert_array_equal(self.scheduled(0.0, kind), found["logits"])
        found["output_sampled_logits"] = self.scheduled(1.0, "output")
        always = _Answer(self.configuration, SHARPNESS).scheduled(1.0) / np.float32(SHARPNESS)
        found["sampled_logits"] = always
        return {**found, "margin": np.float32(min(*margins, _lead(always)))}

    def teacher_forced(self):
        sampler, attends = self.seq2seq.TrainingSampler(), self.network.mechanism is not None
        bare, state = self.network.start(self.source, output_attention=False)
        found = {"cell_outputs": self._trained(bare, state, sampler, output_layer=None)[0]}
        cell, state = self.network.start(self.source)
        scores = self._listen() if attends else None
        found["logits"], state = self._trained(cell, state, sampler)
        if attends:
            found["scores"] = np.stack(scores, axis=1)
            found["alignments"] = np.swapaxes(state.alignment_history.stack().numpy(), 0, 1)
        return found

    def _trained(self, cell, state, sampler, **output_layer):
        """Outputs and last state of a decoder that reads the target."""
        output_layer = {"output_layer": self.network.output_layer, **output_layer}
        decoder = self.seq2seq.BasicDecoder(cell, sampler, **output_layer)
        lengths = self.tf.fill([len(self.target)], self.target.shape[1])
        embedded = self.network.embed(self.target)
        outputs, state, _ = decoder(embedded, initial_state=state, sequence_length=lengths)
        return outputs.rnn_output.numpy(), state

    def greedy(self):
        """Ids, 0 after the end, and the smallest lead of a chosen one."""
        cell, state = self.network.start(self.source)
        decoder = self.seq2seq.BasicDecoder(
            cell,
            self.seq2seq.GreedyEmbeddingSampler(self.network.embed),
            self.network.output_layer,
            maximum_iterations=self.configuration.max_length,
        )
        outputs, _, lengths = decoder(
            None, initial_state=state, start_tokens=self._start_ids(), end_token=END
        )
        ids = outputs.sample_id.numpy()
        kept = np.arange(ids.shape[1]) < lengths.numpy()[:, None]
        return self._padded(np.where(kept, ids, 0)), _lead(outputs.rnn_output.numpy()[kept])

    def scheduled(self, probability, kind="embedding"):
        """Logits of scheduled sampling."""
        probability = self.tf.constant(probability, self.tf.float32)
        if kind == "embedding":
            sampler = self.seq2seq.ScheduledEmbeddingTrainingSampler(
                sampling_probability=probability, embedding_fn=self.network.embed
            )
        else:
            sampler = self.seq2seq.ScheduledOutputTrainingSampler(
                sampling_probability=probability, next_inputs_fn=self._mean_embedding
            )
        return self._trained(*self.network.start(self.source), sampler)[0]

    def beam(self, row):
        """Beams of one row: TF-Addons goes on rescoring a row as long as another is not done."""
        configuration = self.configuration
        width = configuration.beam_width
        cell, state = self.network.start(self.source[row : row + 1], width)
        attends = self.network.mechanism is not None
        if attends:
            # Monotonic attention starts as a one at the first position: that is where it comes
            # from, but nothing has been read there yet, and coverage must not count it.
            state = state.clone(alignments=self.tf.zeros_like(state.alignments))
        decoder = self.seq2seq.BeamSearchDecoder(
            cell,
            width,
            embedding_fn=self.network.embed,
            output_layer=self.network.output_layer,
            length_penalty_weight=configuration.length_penalty,
            coverage_penalty_weight=configuration.coverage_penalty,
            maximum_iterations=configuration.max_length,
            output_all_scores=True,
            reorder_tensor_arrays=False,
        )
        outputs, state, _ = decoder(
            None, start_tokens=self._start_ids()[:1], end_token=END, initial_state=state
        )
        ranked = -np.sort(-outputs.beam_search_decoder_output.scores.numpy().reshape(
            len(outputs.predicted_ids[0]), -1
        ))  # fmt: skip
        with np.errstate(invalid="ignore"):  # -inf - -inf
            gaps = ranked[:, :width] - ranked[:, 1 : width + 1]
        lengths = state.lengths.numpy()[0]
        ids = outputs.predicted_ids.numpy()[0].T
        steps = np.arange(ids.shape[1])
        found = {
            "beam_ids": self._padded(np.where(steps < lengths[:, None], ids, 0)),
            "beam_scores": ranked[-1, :width],
            "beam_lengths": lengths.astype("int32"),
            "margin": np.min(gaps[ranked[:, :width] > -1e30]),
        }
        if attends:
            parents = outputs.beam_search_decoder_output.parent_ids.numpy()[0]
            history = state.cell_state.alignment_history.stack().numpy()
            attention = _traced(history, parents) * (steps < lengths[:, None])[..., None]
            rest = configuration.max_length - len(steps)
            found["beam_attention"] = np.pad(attention, ((0, 0), (0, rest), (0, 0)))
        return found

    def _listen(self):
        """A list that fills with the scores of each step, before masks and softmax."""
        heard, mechanism = [], self.network.mechanism
        probability_fn = mechanism.probability_fn

        def listening(scores, previous):
            heard.append(scores.numpy())
            return probability_fn(scores, previous)

        mechanism.probability_fn = listening
        return heard

    def _start_ids(self):
        return self.tf.fill([len(self.source)], START)

    def _mean_embedding(self, logits):
        return self.tf.matmul(self.tf.nn.softmax(logits), self.network.target_embedding)

    def _padded(self, ids):
        rest = self.configuration.max_length - ids.shape[1]
        return np.pad(ids, ((0, 0), (0, rest))).astype("int32")


def _traced(history, parents):
    """Alignments of the final beams, `(beams, time, source)`.

    Those of a step are in the order of the beams before it. TF-Addons' own reordering takes them
    for the order after it, and so mixes beams up.
    """
    rows, steps = np.arange(parents.shape[1]), []
    for step in reversed(range(len(parents))):
        rows = parents[step][rows]
        steps.append(history[step][rows])
    return np.stack(steps[::-1], axis=1)


def _lead(logits):
    """By how much the largest logit leads, where it leads by least."""
    best = np.sort(logits, axis=-1)
    return np.min(best[..., -1] - best[..., -2])
