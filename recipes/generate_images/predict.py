"""New pictures, by a saved run."""

import numpy as np
from PIL import Image

from recipes.data.images.depth import Depth
from recipes.data.writing import replacing
from recipes.errors import UserError
from recipes.generate_images import plots
from recipes.generate_images.loading import load
from recipes.generate_images.pixels import RECONSTRUCTING, Drawer, Reconstructor


def predict(folder, config, metadata, source, output, samples=64, **drawing) -> None:
    """Writes a sheet of new pictures as PNG, or an array of them as NumPy's .npy.

    An autoencoder draws none: it shows pictures of the run's test part, above what it makes of
    them. `drawing` is `seed`, `steps` and `between`, for models that draw.
    """
    model = folder.load()
    if config.model in RECONSTRUCTING:
        if "between" in drawing:
            raise UserError("An autoencoder draws nothing: leave --between out.")
        images = load(config, Depth(**metadata["image_depth"])).parts["test"].images[:samples]
        found = plots.beside(images, Reconstructor(model).pixels(images))
    else:
        drawing = {"seed": config.seed, "steps": config.steps, "between": 0, **drawing}
        between = drawing.pop("between")
        found = Drawer(model, config.model, **drawing).interpolated(samples, between)
    with replacing(output) as partial, partial.open("wb") as file:
        if str(output).endswith(".npy"):
            np.save(file, found)
        else:
            Image.fromarray(plots.grid(found)).save(file, "PNG")
