"""From pixels to what models read, and back; what a trained model is asked for."""

import math

import numpy as np

#: Models that give their input back, those that read pixels in [0, 1], and pairs of players.
RECONSTRUCTING = ("autoencoder", "convolutional_autoencoder", "recurrent_autoencoder")
UNIT = (*RECONSTRUCTING, "variational_autoencoder")
PLAYERS = ("gan", "dcgan")


def scaled(images, model) -> np.ndarray:
    """Pixels as a model reads them, float32: in [0, 1], or else in [-1, 1]."""
    images = np.asarray(images, np.float32)
    return images / 255 if model in UNIT else images / 127.5 - 1


def unscaled(values, model) -> np.ndarray:
    """Pixels as uint8, from what a model gives."""
    values = np.nan_to_num(values)
    found = values * 255 if model in UNIT else (values + 1) * 127.5
    return np.clip(np.round(found), 0, 255).astype(np.uint8)


class Drawer:
    """Draws from a trained model; as many as before are the same and are kept."""

    def __init__(self, model, name, seed, steps):
        self.model, self.name = model, name
        self.seed, self.steps = seed, steps
        self.kept = None

    def __call__(self, count) -> np.ndarray:
        """So many pictures, uint8."""
        if self.kept is None or len(self.kept) < count:
            self.kept = self.interpolated(count, 0)
        return self.kept[:count]

    def interpolated(self, count, between) -> np.ndarray:
        """So many, uint8, and after each so many that lead to the next."""
        import zoo

        found = zoo.generate_images(self.model, count, self.seed, self.steps, between=between)
        return unscaled(found, self.name)

    def bound(self, images) -> dict[str, float]:
        """`elbo`, what the logarithm of the density of pictures is at least, in nats a picture.

        Of a variational autoencoder, whose pixels in [0, 1] are normal around what the decoder
        gives, with a variance of half of beta; empty for other models.
        """
        if self.name != "variational_autoencoder":
            return {}
        parts = {layer.name: layer for layer in self.model.layers}
        variance = parts["codes"].weight * images[0].size / 2
        if not variance:  # beta is 0: pixels without noise have no density
            return {}
        x = scaled(images, self.name)
        mean, log_variance = parts["encoder"].predict(x, batch_size=256, verbose=0)
        noise = np.random.default_rng(self.seed).standard_normal(mean.shape, "float32")
        codes = mean + np.exp(log_variance / 2) * noise
        errors = np.square(x - parts["decoder"].predict(codes, batch_size=256, verbose=0))
        told = (np.square(mean) + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
        pixels = (errors / variance + math.log(2 * math.pi * variance)) / 2
        return {"elbo": -float(pixels.reshape(len(x), -1).sum(axis=1).mean() + told.mean())}


class Reconstructor:
    """What an autoencoder makes of pictures."""

    def __init__(self, model):
        self.model = model

    def __call__(self, images) -> np.ndarray:
        """Pixels in [0, 1], float32, for those of 0 to 255."""
        return self.model.predict(scaled(images, RECONSTRUCTING[0]), batch_size=256, verbose=0)

    def pixels(self, images) -> np.ndarray:
        """The same as uint8."""
        return unscaled(self(images), RECONSTRUCTING[0])
