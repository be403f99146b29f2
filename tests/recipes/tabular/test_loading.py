"""How tables are read and split, and what their scores are worth."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, Ridge

import zoo
from recipes.data import larger, memory
from recipes.data.files import open_table
from recipes.data.target import Target
from recipes.errors import UserError
from recipes.tabular import TabularConfig, default_config, load_data
from recipes.tabular.analysis import mean_interval, rmse_interval
from recipes.tabular.baselines import MOST_ROUNDS, Baseline, baselines
from recipes.tabular.datasets import housing_book
from recipes.tabular.importances import permutation_importances
from recipes.tabular.loading import load_table, split
from recipes.tabular.predictions import known_values, read_rows


def csv(tmp_path, frame, name="t.csv"):
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return str(path)


def mixed(rows=200, seed=0):
    generator = np.random.default_rng(seed)
    size = generator.normal(50, 10, rows)
    color = generator.choice(["red", "green", "blue"], rows)
    price = 3 * size + 20 * (color == "red") + generator.normal(0, 5, rows)
    return pd.DataFrame({"size": size.round(3), "color": color, "price": price.round(2)})


def config(path, target="price", **flags):
    return TabularConfig(model="wide_and_deep", data=path, target=target, **flags)


# Splits


def test_parts_share_no_row_and_cover_all(tmp_path):
    table = load_table(config(csv(tmp_path, mixed()), validation_fraction=0.1, test_fraction=0.3))
    rows = np.concatenate(list(table.rows.values()))
    assert sorted(rows) == list(range(200))
    assert {name: len(part) for name, part in table.rows.items()} == {
        "train": 120, "validation": 20, "test": 60
    }  # fmt: skip


def test_parts_of_a_regression_are_alike_in_the_target(tmp_path):
    table = load_table(config(csv(tmp_path, mixed(1000))))
    values = table.target.values
    tenths = np.quantile(values, np.arange(1, 10) / 10)
    for rows in table.rows.values():
        shares = np.bincount(np.searchsorted(tenths, values[rows]), minlength=10) / len(rows)
        assert np.abs(shares - 0.1).max() < 0.01


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_a_rare_class_is_learned_and_never_only_tested(count):
    values = np.repeat([0, 1, 2], [60, 40, count])
    target = Target("y", values, ("a", "b", "rare"))
    rows, notes = split(target, 0.15, 0.2)
    assert 2 in values[rows["train"]]
    lacking = [name for name in rows if 2 not in values[rows[name]]]
    assert lacking == {1: ["validation", "test"], 2: ["validation"]}.get(count, [])
    if lacking:
        assert notes == [
            f"class 'rare' has {count} row{'s' * (count > 1)}: too few for the "
            f"{' and the '.join(lacking)} part, whose scores know nothing of it"
        ]
    else:
        assert notes == []


def test_another_split_seed_chooses_other_rows():
    target = Target("y", np.repeat([0, 1], 100), ("a", "b"))
    parts = [split(target, 0.15, 0.2, seed)[0] for seed in (1, 1, 2)]
    assert [*parts[0]["test"]] == [*parts[1]["test"]] != [*parts[2]["test"]]
    assert [*map(len, parts[0].values())] == [*map(len, parts[2].values())] == [130, 30, 40]


def test_the_seed_of_a_run_changes_no_part(tmp_path):
    path = csv(tmp_path, mixed())
    first, second = (load_table(config(path, seed=seed)).rows for seed in (1, 2))
    assert all((first[name] == second[name]).all() for name in first)


def test_folds_test_every_row_once_but_those_of_the_test_part(tmp_path):
    task = load_data(config(csv(tmp_path, mixed()), folds=4))
    folds = task.folds()
    assert list(folds) == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    tested = np.concatenate([fold.table.rows["test"] for fold in folds.values()])
    rest = np.concatenate([task.table.rows["train"], task.table.rows["validation"]])
    assert sorted(tested) == sorted(rest)
    for fold in folds.values():
        rows = np.concatenate(list(fold.table.rows.values()))
        assert sorted(rows) == sorted(rest)


# Notes and refusals


def test_rows_without_a_target_are_left_out_and_the_others_keep_their_numbers(tmp_path):
    frame = mixed()
    frame.loc[[0, 5], "price"] = np.nan
    table = load_table(config(csv(tmp_path, frame)))
    assert table.notes[1:] == ("2 rows without a price left out",)
    assert table.numbers[:5].tolist() == [2, 3, 4, 5, 7]
    assert table.frame["size"].tolist()[:4] == frame["size"].tolist()[1:5]


REFUSED = {
    "no target": ({"target": None}, "Name the column to predict with --target. One of size, color"),
    "another target": ({"target": "prize"}, "a column 'prize' (--target) in "),
    "its nearest name": ({"target": "Prices"}, "Did you mean 'price'?"),
    "an unknown column": ({"drop": ["colour"]}, "a column 'colour' (--drop) in "),
    "the target dropped": ({"drop": ["price"]}, "Received: 'price' in --target and --drop."),
    "twice": (
        {"numeric": ["size"], "categorical": ["size"]},
        "Received: 'size' in --numeric and --categorical.",
    ),
    "words as numbers": ({"numeric": ["color"]}, "Expected numbers in column 'color' of "),
    "nothing left": ({"drop": ["size", "color"]}, "Received none: only the target."),
    "too many folds": (
        {"target": "color", "folds": 150},
        "--folds 150 needs 150 rows of every class outside the test part.",
    ),
}


@pytest.mark.parametrize(("flags", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_flags_are_refused(tmp_path, flags, message):
    with pytest.raises(UserError) as error:
        load_data(config(csv(tmp_path, mixed()), **{"target": "price", **flags}))
    assert message in str(error.value)


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"at least 30 rows with a target 'price'.*Received: 29"):
        load_table(config(csv(tmp_path, mixed(29))))


def test_duplicate_headers_are_numbered_and_said(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,b,a\n" + "".join(f"{n / 7},{n / 3},{-n / 2}\n" for n in range(40)))
    table = load_table(config(str(path), "b"))
    assert list(table.frame) == ["a.1", "a.2"]
    assert "2 columns are called a: read as a.1, a.2" in table.notes


def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(10 << 30)  # takes no space on the disk
    monkeypatch.setattr(memory, "memory", lambda: 8 << 30)
    with pytest.raises(UserError, match=r"its 10.7 GB take about 32.2 GB of memory.*are 8.6 GB"):
        open_table(path)


def test_a_file_that_fits_is_not_refused_and_a_larger_one_is_read_in_parts(tmp_path, monkeypatch):
    frame = mixed(100)
    paths = [tmp_path / name for name in ("t.csv", "t.csv.gz", "t.parquet")]
    frame.to_csv(paths[0], index=False)
    frame.to_csv(paths[1], index=False)
    frame.to_parquet(paths[2])
    tables = [load_table(config(str(path))) for path in paths]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table.frame, tables[0].frame, check_dtype=False)
    monkeypatch.setattr(memory, "memory", lambda: 1000)
    for path in paths:
        with pytest.raises(UserError, match="too large"):
            open_table(path)
        assert load_table(config(str(path))).notes[-1] == "100 rows"
    monkeypatch.setattr(larger, "ROWS", 60)
    for path in paths:
        table = load_table(config(str(path)))
        assert len(table.frame) == 60
        assert table.larger.count == 100
        assert "100 rows: 60 of them, drawn at random" in "".join(table.notes)


def test_memory_is_that_of_this_machine():
    assert 1 << 28 < memory.memory() < 1 << 50


def test_class_weights_are_for_classes(tmp_path):
    path = csv(tmp_path, mixed())
    with pytest.raises(UserError, match=r"'price' of .* is a number.*--task classification"):
        load_data(config(path, class_weight="balanced"))
    weights = load_data(config(path, "color", class_weight="balanced")).class_weights
    assert weights.mean() == pytest.approx(1, abs=0.1)


def copies(truth):
    """Columns that say what is to be predicted, and some that nearly do."""
    return {
        "same": truth,
        "Celsius": (truth - 32) / 1.8,
        "rank": np.exp(truth / 50),
        "gaps": np.where(np.arange(len(truth)) % 3, truth, np.nan),
        "mostly": np.where(np.arange(len(truth)) % 9, truth, 0),
        "noisy": truth + np.random.default_rng(0).normal(size=len(truth)),
        "steps": np.floor(truth / 10),
    }


def test_numbers_that_give_the_target_away_are_named(tmp_path):
    frame = mixed()
    frame = frame.assign(**copies(frame["price"].to_numpy()))
    notes = [note for note in load_table(config(csv(tmp_path, frame))).notes if "away" in note]
    assert [note.split("'")[1] for note in notes] == ["same", "Celsius", "rank", "gaps"]
    hows = ["is the same", "another unit", "grows or falls", "is the same"]
    assert all(how in note for how, note in zip(hows, notes, strict=True))
    assert notes[0].endswith("If it is not known before price is, leave it out: --drop same")


@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_classes_by_another_name_are_named(tmp_path, kind):
    codes = np.random.default_rng(0).integers(0, 3, 200)
    target = codes + 4 if kind == "numbers" else np.array(["low", "mid", "high"])[codes]
    frame = pd.DataFrame(
        {
            "x": np.random.default_rng(1).normal(size=200),
            "other name": np.array(["c", "b", "a"])[codes],
            "finer": codes + 3 * np.random.default_rng(2).integers(0, 2, 200) + 0.5,
            "coarser": codes > 0,
            "y": target,
        }
    )
    notes = [note for note in load_table(config(csv(tmp_path, frame), "y")).notes if "away" in note]
    assert notes == [
        "column 'other name' gives y away: each of its 3 values stands for one of y. If it is not "
        "known before y is, leave it out: --drop 'other name'"
    ]


def test_columns_of_free_text_are_named_with_the_recipe_that_reads_them(tmp_path):
    frame = mixed().assign(body=[f"one long text, number {n}" for n in range(200)])
    path = csv(tmp_path, frame)
    wanted = f"`zoo train text_classification --data {path} --text body --target color` learns from"
    for target in ("color", "price"):
        notes = " ".join(load_table(config(path, target)).notes)
        assert "'body' left out: 200 of its 200 texts differ, as in free text" in notes
        assert (wanted in notes) == (target == "color")
    with pytest.raises(UserError, match="text_classification --data"):
        load_table(config(path, "color", drop=["size", "price"]))


def test_a_column_of_rare_values_is_named(tmp_path):
    frame = mixed(400).assign(user=[f"u{n // 2}" for n in range(400)])
    notes = load_data(config(csv(tmp_path, frame))).notes
    note = next(note for note in notes if "too few" in note)
    assert note.startswith("column 'user' has ")
    assert note.endswith("(--drop user)")


# Known values


def test_rare_values_and_missing_ones_count_as_unknown():
    frame = pd.DataFrame({"x": ["a"] * 5 + ["b"] * 4 + [None] * 9, "n": [1.0] * 9 + [2.0] * 9})
    assert known_values(frame, ["x", "n"]) == {"x": ["a"], "n": ["1", "2"]}


def test_where_all_values_are_rare_all_are_known():
    assert known_values(pd.DataFrame({"x": list("abcd")}), ["x"]) == {"x": ["a", "b", "c", "d"]}


# Scores and baselines


def test_the_interval_of_an_rmse_is_students_t_of_the_squared_errors():
    errors = np.random.default_rng(0).normal(size=500)
    low, high = stats.t.interval(
        0.95, 499, loc=np.mean(errors**2), scale=stats.sem(errors**2)
    )  # as the book has it
    assert rmse_interval(errors) == pytest.approx((low**0.5, high**0.5), rel=1e-12)


def test_the_interval_of_an_accuracy_is_that_of_a_binomial():
    right = np.repeat([1.0, 0.0], [850, 150])
    low, high = mean_interval(right)
    half = 1.96 * (0.85 * 0.15 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.85 - half, 0.85 + half), abs=0.004)


def importances(seed, rows):
    generator = np.random.default_rng(seed)
    inputs = {
        "numeric": generator.normal(size=(rows, 3)),
        "categories": generator.integers(0, 2, (rows, 1)),
    }

    def predict(found):
        numeric, codes = found["numeric"], found["categories"][:, 0]
        return 3 * numeric[:, 1] + numeric[:, 2] + codes

    truth = predict(inputs) + generator.normal(size=rows)
    places = {"unread": [0], "read": [1, 2]}  # a date, say, has several parts
    places = {name: ("numeric", those) for name, those in places.items()}
    places["class"] = ("categories", [0])
    return permutation_importances(
        predict, lambda y, those: (y - truth[those]) ** 2, inputs, places
    ).set_index("column")


def test_importances_are_what_shuffling_costs():
    found = importances(0, 4000)
    assert found.index.tolist() == ["read", "class", "unread"]
    # Shuffled, a column costs twice its variance: 2 * (9 + 1) and 2 / 4.
    assert found["mean"].tolist() == pytest.approx([20, 0.5, 0], rel=0.1)
    assert found.loc["unread"].tolist() == [0, 0, 0]


def test_intervals_of_importances_hold_on_other_rows():
    found = [importances(seed, 100) for seed in range(40)]
    for name, true in (("read", 20), ("class", 0.5)):
        inside = [each.loc[name, "low"] <= true <= each.loc[name, "high"] for each in found]
        assert np.mean(inside) >= 0.9  # of 0.95 and the Monte-Carlo error of 40 tables
        assert np.mean([each.loc[name, "low"] > 0 for each in found]) > 0.5  # they tell something


@pytest.mark.parametrize("labels", [(), ("a", "b", "c")])
def test_baselines_predict_from_training_rows_alone(labels):
    generator = np.random.default_rng(0)
    inputs = {
        "numeric": generator.normal(size=(300, 2)).astype(np.float32),
        "categories": generator.integers(0, 4, (300, 1)),
    }
    inputs["numeric"][::7, 0] = np.nan
    values = generator.integers(0, 3, 300) if labels else generator.normal(size=300)
    train, rest = np.arange(160), np.arange(200, 300)
    rows = {"train": train, "validation": np.arange(160, 200)}
    found = [
        baselines(
            inputs, Target("y", np.where(np.arange(300) < 200, values, other), labels), rows, (4,)
        )
        for other in (values, 0)
    ]
    assert list(found[0]) == [
        "boosted_trees",
        *(["logistic", "majority"] if labels else ["ridge", "mean"]),
    ]
    for name in found[0]:
        first, second = (each[name](rest) for each in found)
        assert first.shape == ((100, 3) if labels else (100,))
        assert np.array_equal(first, second)
    if labels:
        shares = np.bincount(values[train]) / 160
        assert found[0]["majority"](rest)[0] == pytest.approx(shares)
    else:
        assert found[0]["mean"](rest)[0] == pytest.approx(values[train].mean())


def test_a_baseline_knows_classes_that_its_training_rows_lack():
    inputs = {"numeric": np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32)}
    target = Target("y", np.repeat([0, 1, 2], [25, 25, 10]), ("a", "b", "c"))
    rows = {"train": np.arange(45), "validation": np.arange(45, 60)}
    for name, predict in baselines(inputs, target, rows, ()).items():
        assert predict(np.arange(60)).shape == (60, 3), name
        assert (predict(np.arange(60))[:, 2] == 0).all(), name


def test_validation_decides_among_the_settings_of_a_baseline():
    x = np.random.default_rng(0).normal(size=(300, 1))
    values = np.sin(4 * x[:, 0])
    values[:200] += np.random.default_rng(1).normal(size=200)  # what the training rows alone fit
    rows = {"train": np.arange(200), "validation": np.arange(200, 300)}
    target = Target("y", values, ())
    estimators = [Ridge(alpha) for alpha in (1e6, 1.0)]
    assert Baseline(estimators, x, target, rows).estimator.alpha == 1.0
    # With targets of validation that do not depend on `x`, the constant is the better one.
    target = Target("y", np.where(np.arange(300) < 200, values - 2 * x[:, 0], values.mean()), ())
    assert Baseline(estimators, x, target, rows).estimator.alpha == 1e6
    trees = baselines({"numeric": np.float32(x)}, Target("y", values, ()), rows, ())
    assert trees["boosted_trees"].estimator.n_iter_ < MOST_ROUNDS


def test_of_many_rows_a_few_choose_and_all_are_learned_from(monkeypatch):
    x = np.random.default_rng(0).normal(size=(400, 3))
    target = Target("y", x @ [1.0, 2.0, 3.0], ())
    rows = {"train": np.arange(300), "validation": np.arange(300, 400)}
    monkeypatch.setattr("recipes.tabular.baselines.CHOSEN_ON", 20)
    fitted = []

    class Watched(Ridge):
        def fit(self, x, y):
            fitted.append(len(x))
            return super().fit(x, y)

    found = Baseline([Watched(1e6), Watched(1.0)], x, target, rows).estimator
    assert (found.alpha, fitted) == (1.0, [20, 20, 300])
    np.testing.assert_allclose(found.coef_, Ridge(1.0).fit(x[:300], target.values[:300]).coef_)


# Data sets


def test_diabetes_needs_no_file():
    task = load_data(default_config())
    assert len(task.table.frame) == 442
    assert task.table.columns.categorical == ("sex",)
    assert len(task.table.columns.numeric) == 9
    assert task.sha256 == load_data(default_config()).sha256
    assert len(task.sha256) == len(hashlib.sha256().hexdigest())


def test_the_hash_tells_tables_apart(tmp_path):
    frame = mixed()
    first = load_data(config(csv(tmp_path, frame, "a.csv")))
    frame.loc[3, "color"] = "blue" if frame.loc[3, "color"] != "blue" else "red"
    second = load_data(config(csv(tmp_path, frame, "b.csv")))
    assert first.sha256 != second.sha256


def test_housing_is_the_books(zoo_data):
    table = load_table(default_config("housing"))
    assert table.frame.shape == (20640, 9)
    assert table.columns.categorical == ("ocean_proximity",)
    assert table.frame["total_bedrooms"].isna().sum() == 207
    assert table.target.values.max() == 500001


def test_housing_book_is_split_as_in_the_book(zoo_data):
    frame, rows = housing_book()
    assert {name: len(part) for name, part in rows.items()} == {
        "train": 11610, "validation": 3870, "test": 5160
    }  # fmt: skip
    occupants = frame["AveOccup"].to_numpy()
    train = occupants[rows["train"]]
    outlier = occupants[rows["validation"]].max()
    assert outlier == pytest.approx(1243.333, abs=1e-3)
    assert (outlier - train.mean()) / train.std() == pytest.approx(525, abs=1)


def test_least_squares_on_housing_book_has_the_known_errors(zoo_data):
    frame, rows = housing_book()
    x = frame.drop(columns="MedHouseVal")
    x = x.fillna(x.iloc[rows["train"]].median())
    y = frame["MedHouseVal"]
    model = LinearRegression().fit(x.iloc[rows["train"]], y.iloc[rows["train"]])
    for part, known in (("validation", 1.095), ("test", 0.532)):
        error = model.predict(x.iloc[rows[part]]) - y.iloc[rows[part]]
        assert np.mean(error**2) == pytest.approx(known, abs=0.01)


def test_titanic_leaves_out_what_names_the_passengers(zoo_data):
    task = load_data(default_config("titanic"))
    table = task.table
    assert table.columns.numeric == ("Age", "SibSp", "Parch", "Fare")
    assert table.columns.categorical == ("Pclass", "Sex", "Embarked")
    assert [note.split("'")[1] for note in table.notes] == [
        "PassengerId",
        "Name",
        "Ticket",
        "Cabin",
    ]
    assert table.target.labels == ("0", "1")


def test_the_target_is_standardised_by_training_rows(tmp_path):
    task = load_data(config(csv(tmp_path, mixed())))
    values = task.table.target.values[task.table.rows["train"]]
    assert task.target_scaling == pytest.approx((values.mean(), values.std()))
    plain = replace(task, config=replace(task.config, target_normalization="none"))
    assert plain.target_scaling == (0.0, 1.0)


@pytest.mark.parametrize("known", [["FALSE", "TRUE"], ["False", "True"], ["false", "true"]])
def test_true_and_false_are_the_same_in_files_of_every_kind(tmp_path, known):
    frame = pd.DataFrame({"active": [True, False, True], "sort": ["True", "a", "A"]})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.json", orient="records", lines=True)
    (tmp_path / "t.csv").write_text("active,sort\nTRUE,True\nFALSE,a\nTRUE,A\n")
    columns = zoo.layers.TableColumns(categories={"active": known, "sort": ["a", "b"]})
    for name in ("t.xlsx", "t.parquet", "t.json", "t.csv"):
        found, actual = read_rows(open_table(tmp_path / name), columns, "active", tuple(known))
        assert columns.encode(found)["categories"].tolist() == [[2, 0], [1, 1], [2, 0]]
        assert actual.tolist() == [known[1], known[0], known[1]]


@pytest.mark.parametrize("cells", ["$1,$2,$1", "+1,+2,+1", "1.0,2.0,1.0"])
def test_whole_numbers_are_the_same_categories_however_they_are_written(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("rooms,sort\n" + "".join(f"{each},02\n" for each in cells.split(",")))
    columns = zoo.layers.TableColumns([], {"rooms": ["1", "2"], "sort": ["01", "02"]})
    found, actual = read_rows(open_table(path), columns, "rooms", ("1", "2"))
    assert found["rooms"].tolist() == actual.tolist() == ["1", "2", "1"]
    assert found["sort"].tolist() == ["02"] * 3  # codes stay what they are
