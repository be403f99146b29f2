"""The layers between a raw table and a model, computed from training rows alone."""

import numpy as np

import zoo
from recipes.tabular.predictions import known_values

SCALERS = {
    "standard": zoo.layers.StandardScale,
    "robust": zoo.layers.RobustScaleSmoothClip,
    "quantile": zoo.layers.QuantileNormalization,
}
#: Rows that go through a layer at once.
AT_ONCE = 65_536


class Preprocessing:
    """Takes dates apart, scales numbers, fills the missing ones, and looks categories up.

    All that a model reads, on whatever path, comes out of here.

    Args:
        frame: Training rows.
        columns: The `Columns` to read.
        normalization: Name of a scaler of numbers, see `SCALERS`.
        flag_missing: Whether a numeric column with missing values gets a second one of flags.

    Attributes:
        columns: The `zoo.layers.TableColumns`.
        names: Names of the features that a model gets, the numeric ones first.
    """

    def __init__(self, frame, columns, normalization="robust", flag_missing=True):
        self.columns = zoo.layers.TableColumns(
            columns.numeric,
            known_values(frame, columns.categorical),
            dates={name: zoo.layers.known_date(frame[name]) for name in columns.dates},
            name="columns",
        )
        self.numeric = self.columns.encode(frame).get("numeric")
        self.names = [*self.columns.numeric_names]
        self._layers = []
        if self.numeric is not None:
            absent = np.isnan(self.numeric).any(axis=0)
            places = self.columns.places.items()  # a date is missing in all its parts: one flag
            firsts = {name: place[0] for name, (kind, place) in places if kind == "numeric"}
            flagged = [name for name in firsts if flag_missing and absent[firsts[name]]]
            self.names += [f"{name} is missing" for name in flagged]
            self._layers = [
                SCALERS[normalization].from_data(self.numeric, name="scaling"),
                zoo.layers.FillMissing([firsts[name] for name in flagged], name="missing"),
            ]
        self.num_numeric = len(self.names)
        self.names += columns.categorical

    def __call__(self, inputs):
        """Symbolic features `{"numeric": ..., "categories": ...}` out of `columns.new_inputs()`."""
        found = self.columns(inputs)
        for layer in self._layers:
            found["numeric"] = layer(found["numeric"])
        return found

    def features(self, arrays) -> dict[str, np.ndarray]:
        """The features of some rows, arrays from `columns.encode`, as arrays."""
        found = dict(arrays)
        for layer in self._layers:
            found["numeric"] = _in_parts(layer, found["numeric"])
        return found

    def bin_edges(self, num_bins) -> list[list[float]]:
        """Edges of the bins of each numeric feature, for a piecewise linear encoding."""
        scaling, missing = self._layers
        scaled = _in_parts(scaling, self.numeric)
        features = np.concatenate([scaled, np.isnan(self.numeric[:, missing.flags])], axis=1)
        return zoo.layers.PiecewiseLinearEncoding.edges(features, num_bins)


def _in_parts(layer, rows):
    """What a layer makes of many rows, without as much memory as all of them at once take."""
    firsts = range(0, len(rows), AT_ONCE)
    return np.concatenate([np.asarray(layer(rows[each : each + AT_ONCE])) for each in firsts])
