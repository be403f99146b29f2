"""Trains what takes more than a loss on outputs: two players, and noise of many strengths."""

import math

import keras
from keras import ops

from zoo.checks import check_numbers
from zoo.configured import Configured

#: Offset of the schedule, which keeps the first noise from being invisibly small.
OFFSET = 0.008
#: What is left of the picture at the end, at least: it is divided by.
LEAST_SIGNAL = 1e-3


class _Training(Configured, keras.Model):
    """A model around one that is trained, with noise of its own; built when that is."""

    def __init__(self, model, seed, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.model = model
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def _normal(self, shape):
        return keras.random.normal(shape, dtype="float32", seed=self.seed_generator)


class Adversarial(_Training):
    """Trains generator and discriminator against each other; `fit` takes pictures alone.

    One step draws noise, and moves both players, each by its own loss, from where they stand; one
    optimizer does it, whose steps for one variable know nothing of the others. The generator's
    loss reads the discriminator's weights and sends them no gradient: nothing has to be frozen and
    thawed between the players. That is one compiled step on every backend.

    Args:
        model: What `zoo.gan` or `zoo.dcgan` returned.
        seed: Seed of the noise. Defaults to None: drawn from Keras' own.
        gradient_penalty: Makes the losses Wasserstein's: the logits themselves, and so much (10 in
            the paper) times the squared difference from 1 of the discriminator's slope at points
            between real and false pictures. Defaults to None: logarithms of probabilities, that of
            the generator not saturating.
        **kwargs: Arguments of `keras.Model`.

    Raises:
        ValueError: If the model has not the two players, or the penalty is no number.

    >>> training = zoo.Adversarial(zoo.gan((4,), units=5), seed=1)
    >>> training.compile(keras.optimizers.Adam(1e-3, beta_1=0.5))
    >>> history = training.fit(np.ones((8, 4)), verbose=0).history
    >>> sorted(history)
    ['discriminator_loss', 'generator_loss', 'loss']

    Reference: Book, chapter 17, 3rd edition cell 100; Goodfellow et al., 2014, section 3; Gulrajani
    et al., *Improved training of Wasserstein GANs*, 2017, algorithm 1.
    """

    def __init__(
        self,
        model: keras.Model,
        seed: int | None = None,
        gradient_penalty: float | None = None,
        name: str = "adversarial",
        **kwargs,
    ):
        super().__init__(model, seed, name, **kwargs)
        if gradient_penalty is not None:
            check_numbers(gradient_penalty=gradient_penalty)
        self.gradient_penalty = gradient_penalty
        if not {"generator", "discriminator"} <= {layer.name for layer in model.layers}:
            raise ValueError(
                "Expected a model with layers 'generator' and 'discriminator', such as zoo.dcgan's."
                f" Received: {model.name!r}"
            )
        names = ("discriminator_loss", "generator_loss")
        self.players = [keras.metrics.Mean(name=name) for name in names]

    def call(self, images, training=False):
        """Logits of pictures, as `logits` gives them for noise that is drawn."""
        size = self.model.input["codes"].shape[-1]
        return self.logits(images, self._normal((ops.shape(images)[0], size)), training)

    def logits(self, images, codes, training=False):
        """Logits of real pictures, of false ones, and of false ones as the generator sees them.

        Args:
            images: Real pictures, `(batch, ...)`.
            codes: Noise, `(batch, code_size)`.
            training: Whether layers act as in training.

        Returns:
            Tensor `(batch, 3)`. Gradients reach the discriminator through the first two, and the
            generator through the third. With a gradient penalty `(batch, 4)`: then the
            discriminator's slope at a point between each two pictures, which are drawn.
        """
        generator = self.model.get_layer("generator")
        discriminator = self.model.get_layer("discriminator")
        false = generator(codes, training=training)
        own = [ops.convert_to_tensor(v) for v in discriminator.trainable_variables]
        others = [ops.convert_to_tensor(v) for v in discriminator.non_trainable_variables]

        def judge(pictures, weights=own):
            return discriminator.stateless_call(weights, others, pictures, training=training)[0]

        seen = judge(false, [ops.stop_gradient(v) for v in own])
        real = discriminator(images, training=training)
        false = ops.stop_gradient(false)
        found = [real, discriminator(false, training=training), seen]
        if self.gradient_penalty is not None:
            shape = (ops.shape(images)[0], *[1] * (len(images.shape) - 1))
            share = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
            images = ops.cast(images, "float32")
            found.append(_slopes(judge, share * images + (1 - share) * false))
        return ops.concatenate(found, axis=-1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The sum of both players' losses, each of which reaches its own weights alone."""
        # The generator's is not the discriminator's with another sign, which saturates.
        terms = ops.convert_to_tensor([-1.0, 1.0, -1.0]) * y_pred[:, :3]
        terms = ops.softplus(terms) if self.gradient_penalty is None else terms
        real, false, seen = ops.unstack(ops.mean(terms, axis=0))
        if self.gradient_penalty is not None:
            # Not +=: on PyTorch these are views of one tensor.
            false = false + self.gradient_penalty * ops.mean(ops.square(y_pred[:, 3] - 1))
        for metric, value in zip(self.players, (real + false, seen), strict=True):
            metric.update_state(value)
        return real + false + seen


def _slopes(function, points):
    """The length of the gradient of `function`, `(batch, 1)`, at each point; has one itself."""
    if keras.backend.backend() == "jax":
        import jax

        gradient = jax.grad(lambda x: ops.sum(function(x)))(points)
    elif keras.backend.backend() == "torch":
        import torch

        with torch.enable_grad():
            points = points.requires_grad_()
            (gradient,) = torch.autograd.grad(function(points).sum(), points, create_graph=True)
    else:
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            value = function(points)
        gradient = tape.gradient(value, points)
    squares = ops.sum(ops.square(gradient), axis=tuple(range(1, len(points.shape))))
    return ops.sqrt(ops.maximum(squares, 1e-12))[:, None]


class Denoising(_Training):
    """Trains a `zoo.diffusion`: noise of a random strength, to be found; `fit` takes pictures.

    Compile it with a Keras loss, which compares the noise that was found with what was added.

    Args:
        model: What `zoo.diffusion` returned. Pictures have pixels in [-1, 1].
        seed: Seed of noise and moments. Defaults to None: drawn from Keras' own.
        **kwargs: Arguments of `keras.Model`.

    >>> training = zoo.Denoising(zoo.diffusion((4, 4), filters=2), seed=1)
    >>> training.compile("adam", "huber")
    >>> sorted(training.fit(np.ones((8, 4, 4)), verbose=0).history)
    ['loss']

    Reference: Ho et al., 2020, algorithm 1; book, chapter 17, 3rd edition cells 116 and 126.
    """

    def __init__(
        self, model: keras.Model, seed: int | None = None, name: str = "denoising", **kwargs
    ):
        super().__init__(model, seed, name, **kwargs)

    def call(self, images, training=False):
        """What is wrong with the noise that was found in pictures, of their shape."""
        count = ops.shape(images)[0]
        time = keras.random.uniform((count, 1), dtype="float32", seed=self.seed_generator)
        return self.errors(images, self._normal(ops.shape(images)), time, training)

    def errors(self, images, noise, time, training=False):
        """The noise that is found, less that which was added at moments `(batch, 1)`."""
        time = ops.convert_to_tensor(time, "float32")
        signal, strength = cosine_schedule(ops.reshape(time, (-1, *[1] * (len(images.shape) - 1))))
        noisy = signal * ops.cast(images, "float32") + strength * noise
        return self.model({"images": noisy, "time": time}, training=training) - noise

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss that the model was compiled with, of the errors."""
        return super().compute_loss(x, ops.zeros_like(y_pred), y_pred, sample_weight, training)


def cosine_schedule(time):
    """What is left of a picture, and how much noise there is, at moments in [0, 1].

    Their squares add up to 1: a picture that is as bright as the noise stays so.

    Args:
        time: Moments: a tensor of any shape, or a number.

    Returns:
        Two tensors, factors of the picture and of standard normal noise.

    >>> [[round(float(part), 3) for part in cosine_schedule(t)] for t in (0.0, 0.5, 1.0)]
    [[1.0, 0.0], [0.703, 0.711], [0.001, 1.0]]

    Reference: Nichol and Dhariwal, 2021, equation 17, in continuous time; book, 3rd edition cell
    113.
    """
    half = math.pi / 2
    angle = (ops.cast(time, "float32") + OFFSET) / (1 + OFFSET) * half
    signal = ops.cos(angle) / math.cos(OFFSET / (1 + OFFSET) * half)
    signal = ops.clip(signal, LEAST_SIGNAL, 1.0)
    return signal, ops.sqrt(1 - ops.square(signal))
