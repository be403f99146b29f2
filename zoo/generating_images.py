"""Pictures out of noise."""

import keras
import numpy as np
from keras import ops

from zoo.checks import check_whole
from zoo.compiled import Loop, kept_on
from zoo.training import cosine_schedule


def generate_images(
    model: keras.Model,
    count: int,
    seed: int = 0,
    steps: int = 50,
    batch_size: int = 64,
    between: int = 0,
) -> np.ndarray:
    """Draws new pictures from a trained generative model.

    Row `r` starts from the noise of `np.random.default_rng([seed, r])`: it depends neither on the
    other rows nor on the batch, and more pictures begin with the fewer. Every batch has the same
    size, so that one compiled program, which is kept on the model, makes them all.

    Args:
        model: A `zoo.gan`, `zoo.dcgan` or `zoo.variational_autoencoder`; or a model from codes
            `(batch, code_size)` to pictures, such as the decoder of one; or a `zoo.diffusion`,
            whose noise is taken away step by step (DDIM, without noise of its own).
        count: How many pictures, 0 or more.
        seed: Whole number of at least 0. Defaults to 0.
        steps: Steps of a diffusion model. Defaults to 50.
        batch_size: Pictures that are made at once, at most. Defaults to 64.
        between: Pictures after each, whose noise leads to that of the next. Defaults to 0.

    Returns:
        float32 array `(count * (between + 1), *shape)`, in the range of the pixels of training.

    Raises:
        ValueError: If an argument is out of range, or the model makes no pictures out of noise.

    >>> model = zoo.dcgan((8, 8), filters=(4, 8))
    >>> one, three = zoo.generate_images(model, 1), zoo.generate_images(model, 3)
    >>> bool(np.abs(one[0] - three[0]).max() < 1e-5)
    True

    Reference: Song et al., *Denoising diffusion implicit models*, 2021, equation 12 with sigma 0.
    """
    check_whole(0, count=count, seed=seed, between=between)
    check_whole(1, steps=steps, batch_size=batch_size)
    part, shape = drawing_part(model)
    if isinstance(part.input, dict):
        loop = kept_on(model, ("generate_images", steps), lambda: _Denoising(model, steps))
    else:
        loop = kept_on(model, ("generate_images",), lambda: _Decoding("generate_images", part))
    count *= between + 1
    size = min(batch_size, max(count, 1))
    pieces = [np.zeros((0, *loop.model.output_shape[1:]), "float32")]
    for start in range(0, count, size):
        rows = [_noise(seed, row / (between + 1), shape) for row in range(start, start + size)]
        pieces.append(np.asarray(loop.predict_on_batch(np.stack(rows)), "float32"))
    return np.concatenate(pieces)[:count]


def _noise(seed, row, shape):
    """The noise of a row; between two, a point of an arc, whose distribution is theirs."""
    generators = (np.random.default_rng([seed, int(row) + n]) for n in (0, 1))
    first, second = (each.standard_normal(shape, "float32") for each in generators)
    angle = np.pi / 2 * (row % 1)
    return np.asarray(np.cos(angle) * first + np.sin(angle) * second, "float32")


def drawing_part(model: keras.Model) -> tuple[keras.Model, tuple]:
    """What of a model makes pictures out of noise, and the shape of the noise of one picture."""
    inputs = getattr(model, "input", None)
    if isinstance(inputs, dict) and {*inputs} == {"images", "time"}:
        return model, model.output_shape[1:]
    players = {layer.name: layer for layer in model.layers}
    source = players.get("generator", players.get("decoder", model))
    shape = source.input_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            "Expected a model from codes (batch, code_size) to pictures, or one with a layer "
            f"'generator' or 'decoder' that is. Received: {model.name!r}, which reads {shape}"
        )
    return source, shape[1:]


class _Decoding(Loop):
    """One call of a generator."""

    compiles_on = ("jax",)  # elsewhere, XLA makes its convolutions slow on CPUs

    def call(self, inputs):
        return ops.cast(self.model(inputs, training=False), "float32")


class _Denoising(Loop):
    """All steps from noise to pictures."""

    compiles_on = ("jax",)

    def __init__(self, model, steps):
        super().__init__("generate_images", model)
        self.steps = steps

    def call(self, inputs):
        moments = np.linspace(1, 0, self.steps + 1, dtype="float32")
        signals, strengths = cosine_schedule(moments)

        def body(step, x):
            time = ops.full((ops.shape(x)[0], 1), 1.0) * ops.take(moments, step)
            noise = self.model({"images": x, "time": time}, training=False)
            signal, strength = ops.take(signals, step), ops.take(strengths, step)
            picture = ops.clip((x - strength * noise) / signal, -1.0, 1.0)
            noise = (x - signal * picture) / strength
            after, rest = ops.take(signals, step + 1), ops.take(strengths, step + 1)
            return step + 1, after * picture + rest * noise

        start = (ops.zeros((), "int32"), inputs)
        return ops.while_loop(lambda step, _: step < self.steps, body, start)[1]
