"""The task of predicting a column of a table: rows, scaling, baselines, and what a run asks."""

import hashlib
import json
import shlex
from dataclasses import dataclass, replace
from functools import cached_property

import keras
import numpy as np
import pandas as pd

from recipes.classification.splits import balanced_weights, folds
from recipes.classification.task import CROSS_VALIDATION, validation_figures
from recipes.data.batches import ArrayBatches, epochs_of, spread
from recipes.data.larger import store
from recipes.data.memory import give_back
from recipes.data.stored import StoredArray
from recipes.engine.conformal import Conformal
from recipes.engine.tables import percent
from recipes.engine.task import Figure, Section, Trained
from recipes.errors import UserError
from recipes.tabular import analysis, linear, plots, tables, trees
from recipes.tabular.baselines import baselines
from recipes.tabular.config import TabularConfig
from recipes.tabular.loading import Table, strata
from recipes.tabular.neighbors import NEIGHBORS, neighbors
from recipes.tabular.predictions import FEWEST, encode, predict, read_rows
from recipes.tabular.preprocessing import Preprocessing
from recipes.tabular.sizing import sized
from zoo.layers import PiecewiseLinearEncoding, category_strings

#: What of stored rows is no input.
_TARGET, _WEIGHT = "(target)", "(weight)"
#: Training rows at most on which the training scores are computed, evenly spaced.
MAX_TRAIN_SCORED = 20_000
#: Values from which on it is said that a column of categories has too few rows of each.
MANY_VALUES = 100
_SHUFFLED = (
    "How much worse the test part is predicted where a column is shuffled, with the 95 % interval. "
    "Columns that say the same share what they tell."
)


@dataclass(frozen=True)
class TabularTask:
    """What `load_data` of the tabular recipe returns.

    Args:
        config: The `TabularConfig`.
        table: The `Table` of its rows.
        known: The `zoo.layers.TableColumns` of a saved model that is trained further, and the mean
            and deviation that its target is scaled by; `None` for a new one.
    """

    config: TabularConfig
    table: Table
    known: tuple | None = None

    FOLDS = CROSS_VALIDATION

    @property
    def suggestions(self) -> str:
        """What is worth a try where a baseline is better."""
        better = "--model.numeric_embedding piecewise, --model.members 16"
        better = better if self.config.model == "wide_and_deep" else "--model wide_and_deep"
        return f"{better}, another --normalization or --learning_rate, more --epochs"

    @property
    def primary_metric(self) -> str:
        """The score by which the report compares."""
        if self.config.class_weight != "none":
            return "balanced_accuracy"
        return "accuracy" if self.table.target.labels else "rmse"

    @property
    def description(self) -> str:
        """The data in one line."""
        table, target = self.table, self.table.target
        kind = f"one of {len(target.labels)} classes" if target.labels else "a number"
        counts = ", ".join(f"{len(rows):,} {name}" for name, rows in table.rows.items())
        columns = len(table.columns.names)
        return f"{target.name} ({kind}) from {columns} columns; {len(table.frame):,} rows: {counts}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the columns were taken for, and what was done to them."""
        columns, target, notes = self.table.columns, self.table.target, []
        if target.labels:
            shares = np.bincount(target.values, minlength=len(target.labels)) / len(target.values)
            named = zip(target.labels, shares, strict=True)
            shown = [f"{label} ({percent(share)})" for label, share in list(named)[:10]]
            notes.append(f"classes: {_listed(shown, len(shares) - len(shown))}")
        if columns.numeric:
            notes.append(f"numeric columns: {_listed(columns.numeric)}")
        for name, _, parts in self.preprocessing.columns.dates:
            read = ", ".join(parts).replace("age", "age in days at the newest training date")
            notes.append(f"column {name!r} holds dates: read as {read}")
        if columns.categorical:
            known = dict(self.preprocessing.columns.categories)
            shown = [f"{name} ({len(known[name])} values)" for name in columns.categorical]
            notes.append(f"columns of categories: {_listed(shown)}")
            rows = len(self.table.rows["train"])
            notes += [
                f"column {name!r} has {len(values):,} values, {rows / len(values):.1f} training "
                f"rows each: too few to learn much of one (--drop {shlex.quote(name)})"
                for name, values in known.items()
                if len(values) > MANY_VALUES and rows / len(values) < FEWEST
            ]
        return (*notes, *self.table.notes)

    @cached_property
    def sha256(self) -> str:
        """Hash of the values that the run was trained on."""
        digest = hashlib.sha256()
        for part in (self.table.frame, pd.Series(self.table.target.values)):
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().data)
        digest.update("\n".join((*self.table.frame.columns, *self.table.target.labels)).encode())
        return digest.hexdigest()

    @property
    def metadata(self) -> dict:
        """What `config.yaml` keeps beside the flags."""
        columns = self.table.columns
        return {
            "target": self.table.target.name, "labels": list(self.table.target.labels),
            "numeric": list(columns.numeric), "categorical": list(columns.categorical),
            "dates": list(columns.dates), "reading": dict(self.table.decided),
        }  # fmt: skip

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The layers in front of the model, computed from the training rows."""
        config, table = self.config, self.table
        train = table.frame.iloc[table.rows["train"]]
        found = Preprocessing(train, table.columns, config.normalization, config.missing == "flag")
        if self.known:
            found.columns = self.known[0]
        return found

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """The model's inputs for all rows."""
        return self.preprocessing.columns.encode(self.table.frame)

    def take(self, rows) -> dict[str, np.ndarray]:
        """The model's inputs for the rows at some positions."""
        return {name: array[rows] for name, array in self.inputs.items()}

    @cached_property
    def target_scaling(self) -> tuple[float, float]:
        """Mean and deviation by which the target is standardised for training."""
        if self.known:
            return self.known[1]
        if self.config.target_normalization == "none":
            return 0.0, 1.0
        values = self.table.target.values[self.table.rows["train"]]
        return float(values.mean()), float(values.std()) or 1.0

    def batches(self, split, built, seed=None) -> ArrayBatches:
        """Batches of a split for the training model: shuffled with a seed, in order without."""
        rows, target = self.table.rows[split], self.table.target
        size = self.config.batch_size if seed is not None else 1024
        kind = _AuxiliaryBatches if isinstance(built.training_model.output, dict) else ArrayBatches
        if split == "train" and self.table.larger:
            x = dict(self.stored)
            y, weights = x.pop(_TARGET), x.pop(_WEIGHT, None)
            return kind(x, y, size, seed, weights, epochs_of(len(y), len(rows), self.config.epochs))
        weights = None if self.class_weights is None else self.class_weights[target.values[rows]]
        inputs = self.take(rows)
        if NEIGHBORS in built.training_model.input:
            inputs[NEIGHBORS] = self.neighbors[1][rows]
        return kind(inputs, self._scaled_target(target.values[rows]), size, seed, weights)

    @cached_property
    def stored(self) -> dict[str, StoredArray]:
        """The model's inputs for all rows to train on, on the disk, and what is learned of each."""
        target, columns = self.table.target, self.preprocessing.columns
        held_out = np.concatenate([self.table.rows[name] for name in ("validation", "test")])

        def read(file, kept):
            file.require(target.name, "--target")
            frame, actual = read_rows(file, columns, target.name, target.labels)
            kept = kept & np.asarray(pd.notna(actual))
            values = np.asarray(actual)[kept]
            if target.labels:
                values = target.numbers(category_strings(values), file.source)
            weights = {} if self.class_weights is None else {_WEIGHT: self.class_weights[values]}
            found = encode(columns, frame[kept], file.source)
            return {**found, _TARGET: self._scaled_target(values), **weights}

        return store(self.table.larger, self.table.numbers[held_out] - 1, read)

    def raw_inputs(self, split, examples) -> dict[str, list]:
        """The model's columns of some rows of a split, as JSON holds them."""
        frame = self.table.frame.iloc[self.table.rows[split][examples]].reset_index(drop=True)
        names = list(self.preprocessing.columns.places)
        text = frame[names].to_json(date_format="iso", double_precision=15)
        return {name: list(column.values()) for name, column in json.loads(text).items()}

    @cached_property
    def class_weights(self) -> np.ndarray | None:
        """Weight of each class in the loss; `None` where all rows count alike."""
        if self.config.class_weight == "none":
            return None
        target = self.table.target
        return balanced_weights(target.values[self.table.rows["train"]], len(target.labels))

    def _scaled_target(self, values):
        target = self.table.target
        if target.head == "multiclass":
            return values.astype(np.int32)
        mean, scale = (0.0, 1.0) if target.labels else self.target_scaling
        return np.float32((values - mean) / scale)[:, None]

    def sized(self, config) -> TabularConfig:
        """A configuration of another model on these rows, see `recipes.tabular.sizing`."""
        return sized(config, self.table)

    @cached_property
    def features(self) -> dict[str, np.ndarray]:
        """What the preprocessing makes of all rows."""
        return self.preprocessing.features(self.inputs)

    @cached_property
    def neighbors(self):
        """The layer of the nearest training rows, and what it says of all rows of the table."""
        return neighbors(self.features, self.table.target, self.table.rows)

    def bin_edges(self, config) -> list[list[float]]:
        """Edges of the bins of each numeric feature that a model of this configuration reads."""
        edges = self.preprocessing.bin_edges(config.bins)
        if config.neighbors:
            known = self.neighbors[1][self.table.rows["train"]]
            edges += PiecewiseLinearEncoding.edges(known, config.bins)
        return edges

    @cached_property
    def near_trees(self):
        """The boosted trees, if they read what the nearest training rows had for a target, too."""
        numeric = len(self.preprocessing.columns.numeric_names)
        return self.fitted_baselines["boosted_trees"].reading(self.neighbors[1], numeric)

    def predictor(self, model):
        """A function of positions of rows: predictions of a trained model.

        But for test rows alone, it answers as if it did not know their targets, see `parts`.
        """
        parts, test = [] if self.known else self.parts(model), self.table.rows["test"]
        mean = next((each for each in model.layers if each.name in ("mean", trees.MEAN)), None)

        def predicted(rows):
            if not parts or np.isin(rows, test).all():
                return predict(model, self.take(rows))
            weights = mean.get_weights()[0] if mean else [1]
            return sum(weight * part(rows) for weight, part in zip(weights, parts, strict=True))

        return predicted

    def parts(self, model) -> list:
        """Predictors of what a model is the mean of, for rows that must not know their targets.

        Neighbors are given to the network, not sought, and the baselines are those that were not
        fitted to validation rows. There are none for a model that knows no targets.
        """
        layers = {layer.name: layer for layer in model.layers}
        if members := [each for name, each in layers.items() if name.startswith("member_")]:
            return [self.predictor(each) for each in members]  # of --model auto
        names = {"boosted_trees": "boosted_trees", "linear": linear.name(self)}
        parts = [self.fitted_baselines[names[name]] for name in names if name in layers]
        parts += [self.near_trees] if "near_trees" in layers else []
        mean, near = layers.get(trees.MEAN), layers.get(NEIGHBORS)
        if not mean and (parts or not near):
            return parts
        network, arrays = keras.Model(model.input, mean.input[0]) if mean else model, self.inputs
        if near:  # from there on
            arrays = dict(sorted(self.features.items())) | {NEIGHBORS: self.neighbors[1]}
            tensors = [*keras.tree.flatten(near.input), near.output]
            pairs = zip(arrays, tensors, strict=True)
            inputs = {n: keras.Input(t.shape[1:], dtype=t.dtype, name=n) for n, t in pairs}
            network = keras.Model(inputs, keras.Model(tensors, network.output)([*inputs.values()]))

        def given(rows):
            return predict(network, {name: each[rows] for name, each in arrays.items()})

        return [given, *parts]

    def predict(self, predictor, split) -> np.ndarray:
        """What `predictor(rows)` says about the rows of a split that are scored."""
        return predictor(self._scored(split))

    def score(self, predictions, split) -> dict[str, float]:
        """Scores of the predictions of a split; those of the test part with their interval."""
        rows = self._scored(split)
        balanced = self.class_weights is not None
        return analysis.scores(self.table.target, rows, predictions, split == "test", balanced)

    def _scored(self, split):
        rows = self.table.rows[split]
        return rows[spread(len(rows), MAX_TRAIN_SCORED if split == "train" else len(rows))]

    def baselines(self) -> dict:
        """What a practitioner would try first: `{name: predictor(rows)}`."""
        return self.fitted_baselines

    @cached_property
    def fitted_baselines(self) -> dict:
        """The same, fitted once."""
        sizes, weights = self.preprocessing.columns.category_sizes, self.class_weights
        give_back()
        return baselines(self.inputs, self.table.target, self.table.rows, sizes, weights)

    def figures(self, model):
        """A function of the epoch that draws the errors on validation rows, for TensorBoard."""
        rows, target = self.table.rows["validation"][:2000], self.table.target
        actual, predictor = target.values[rows], self.predictor(model)

        def draw(epoch):
            found = predictor(rows)
            if not target.labels:
                return {"residuals": plots.residuals(actual, found, target.name)}
            return validation_figures(actual, found, target.labels)

        return draw

    def folds(self) -> dict[str, "TabularTask"]:
        """Tasks of a cross-validation: each tests on another part of all but the test rows."""
        count, seed = self.config.folds, self.config.split_seed
        if not count:
            return {}
        table = self.table
        pool = np.sort(np.concatenate([table.rows["train"], table.rows["validation"]]))
        groups = strata(replace(table.target, values=table.target.values[pool]))
        if table.target.labels and np.bincount(groups)[np.unique(groups)].min() < count:
            rarest = table.target.labels[np.bincount(groups).argmin()]
            raise UserError(
                f"--folds {count} needs {count} rows of every class outside the test part. "
                f"Received: fewer of {rarest!r}. Lower --folds, or leave the class out."
            )
        found = {}
        for name, parts in folds(groups, count, self.config.validation_fraction, seed).items():
            rows = {part: pool[positions] for part, positions in parts.items()}
            found[name] = replace(self, table=replace(table, rows=rows))
        return found

    def write_outputs(self, trained: Trained, folder) -> list[Figure | Section]:
        """Writes `predictions.csv` and tables; returns what the report shows."""
        rows, found = self.table.rows["test"], trained.predictions["test"]
        target = self.table.target
        numbers = self.table.numbers[rows]
        frame = tables.predictions(numbers, found, target.labels, target.named(rows))
        sections = []
        if "trees_share" in trained.finished:
            boosted, line = (trained.finished[f"{name}_share"] for name in ("trees", "linear"))
            parts = f"boosted trees ({boosted:.0%}) and the linear model ({line:.0%})"
            text = (
                f"The model is the mean of the network ({1 - boosted - line:.0%}), {parts}, as "
                "validation decides; `--average false` leaves the baselines out."
            )
            line = f"{parts} count in the mean that is the model"
            sections.append(Section("The mean", text, line))
        if self.config.conformal:
            actual = target.values[self.table.rows["validation"]]
            known = trained.predictions["validation"]
            conformal = Conformal.fit(self.config.conformal, actual, known, target.labels)
            conformal.save(folder)
            sections.append(conformal.report(target.values[rows], found))
            frame = frame.assign(**conformal.columns(found))
        tables.write(folder.predictions, frame)
        ranked, bars = analysis.importances(lambda inputs: predict(trained.model, inputs), self)
        tables.write(folder.path / "importances.csv", ranked)
        worst = analysis.worst_rows(self, rows, found, list(ranked["column"]))
        tables.write(folder.path / "worst_rows.csv", worst)
        result = analysis.scores(target, rows, found, interval=True)
        metric = "accuracy" if target.labels else "rmse"
        shuffled = f"{_SHUFFLED}\n\n{tables.in_report(ranked.head(10))}"
        interval = analysis.interval_text(result, metric, len(rows), self.config.model)
        return [
            Section("95 % interval", interval),
            *sections,
            Section("Permutation importances", shuffled),
            Section("Worst test rows", tables.in_report(worst, texts=0)),
            *analysis.error_outputs(self, rows, found),
            Figure("What the model reads: permutation importances", "importances", bars),
        ]


class _AuxiliaryBatches(ArrayBatches):
    """The same targets for both outputs of a model with an auxiliary one."""

    def assemble(self, examples, ops=np):
        inputs, *others = super().assemble(examples, ops)  # targets, and weights if there are any
        return inputs, *({"main": each, "auxiliary": each} for each in others)


def _listed(names, more=0):
    shown = list(names)[:30]
    more += len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
