"""`zoo train generate_images` and `zoo predict` from end to end, on tiny pictures."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import zoo
from callbacks import Checkpoint
from recipes.cli import main
from recipes.engine.predict import SavedRun
from recipes.engine.report import advice
from recipes.errors import UserError
from recipes.export import reader
from recipes.generate_images import RECIPE, baselines, default_config, features, plots
from recipes.generate_images.loading import load
from recipes.generate_images.pixels import Drawer, scaled, unscaled
from recipes.generate_images.presets import PRESETS
from tests.shared import TIMES, assert_close, every_day, uncompiled

TINY = {
    "epochs": 2, "batch_size": 32, "progress": "false", "score_samples": 50,
    "steps_per_execution": 1,
}  # fmt: skip
ARGUMENTS = {
    "autoencoder": {"model.units": "[8,3]"},
    "variational_autoencoder": {"model.units": "[8]", "model.code_size": 2},
    "gan": {"model.units": "[6]", "model.code_size": 3},
    "dcgan": {"model.filters": "[3,4]", "model.code_size": 3},
    "diffusion": {"model.filters": "[3,4]", "steps": 3, "ema": 0.5},
}


def pictures(count=120, seed=0):
    """Pictures with a bright band, whose height is the class."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    x = generator.integers(0, 120, (count, 4, 8))
    x[labels == 0, :2] += 100
    x[labels == 1, 2:] += 100
    return x.astype(np.uint8), labels


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "bands.npz"
    x, y = pictures()
    np.savez(path, x=x, y=y)
    return path


@pytest.fixture(scope="module")
def learned_once():
    """The features of the same pictures are learned once: a test below says they are the same."""
    known, fit = {}, features.fit

    def once(images, labels, seed):
        key = images[:].tobytes(), labels.tobytes(), seed
        if key not in known:
            known[key] = fit(images, labels, seed)
        return known[key]

    return once


@pytest.fixture
def train(trained, learned_once, monkeypatch):
    monkeypatch.setattr(features, "fit", learned_once)
    monkeypatch.setattr(features, "EPOCHS", 1)
    return trained


@pytest.fixture(scope="module")
def trained(trainer, data):
    run = trainer("generate_images", **TINY, data=data)
    kept = {}

    def train(model, name, **more):
        if name not in kept or more:
            settings = {**ARGUMENTS[model], **more, "name": name, "overwrite": "true"}
            kept[name] = run(model=model, **settings)
        return kept[name]

    return train


@pytest.mark.parametrize("model", every_day(("autoencoder", "gan"), ARGUMENTS))
def test_a_run_and_what_it_draws(train, model, tmp_path):
    folder = train(model, model)
    metrics = json.loads((folder / "metrics.json").read_text())
    metric = "mse" if model == "autoencoder" else "frechet"
    assert 0 < metrics["test"][metric] < np.inf
    shown = "samples.png" if metric == "frechet" else "reconstructions.png"
    assert (folder / "plots" / shown).exists()
    assert (folder / "plots" / "between.png").exists() == (metric == "frechet")
    coded = model in ("autoencoder", "variational_autoencoder")
    assert (folder / "plots" / "codes.png").exists() == coded
    if coded:
        size = {"autoencoder": 3, "variational_autoencoder": 2}[model]
        assert np.loadtxt(folder / "codes.tsv").shape == (18, size)
        assert {*(folder / "codes_labels.tsv").read_text().split()} == {"0", "1"}
    assert main(["predict", str(folder), "-o", str(tmp_path / "grid.png"), "--samples", "9"]) == 0
    rows = 4 if model == "autoencoder" else 2
    with Image.open(tmp_path / "grid.png") as sheet:
        assert sheet.size == (8 * 9 + 1, rows * 5 + 1)
    if metric == "frechet":
        more = ["--samples", "3", "--seed", "42"]
        assert main(["predict", str(folder), "-o", str(tmp_path / "x.npy"), *more]) == 0
        steps = 3 if model == "diffusion" else 50
        found = zoo.generate_images(zoo.load(folder), 3, seed=42, steps=steps)
        difference = np.load(tmp_path / "x.npy").astype(int) - unscaled(found, model)
        assert np.abs(difference).max() <= 1
        assert (
            main(["predict", str(folder), "-o", str(tmp_path / "y.npy"), *more, "--between", "1"])
            == 0
        )
        between = np.load(tmp_path / "y.npy").astype(int)
        assert len(between) == 6
        assert np.abs(between[::2] - np.load(tmp_path / "x.npy")).max() <= 1
        real = metrics["baselines"]["training_pictures"]["test"]
        assert real["coverage"] == 1
        assert min(real["precision"], real["recall"]) > 0.5


@pytest.mark.parametrize(
    "model",
    every_day(("autoencoder", "variational_autoencoder", "gan", "diffusion"), ARGUMENTS),
)
def test_what_makes_pictures_is_exported(train, model):
    folder = SavedRun(train(model, model))
    part, inputs, (reads, gives) = load(folder.config).exported(zoo.load(folder.folder.path))
    found = np.asarray(part.predict_on_batch(inputs))
    assert found[0].shape == (4, 8)
    if model == "autoencoder":
        assert inputs.max() <= 1 and gives.startswith("The same pictures")  # noqa: PT018
    elif model == "diffusion":
        assert {*inputs} == {"images", "time"} and gives == "The noise."  # noqa: PT018
    else:
        assert reads.startswith("Noise") and 0.2 < inputs.std() < 2  # noqa: PT018


def test_an_export_draws_what_predict_draws(train, tmp_path):
    folder = train("gan", "gan")
    assert main(["export", str(folder), "--format", "onnx", "-o", str(tmp_path / "out")]) == 0
    noise = np.stack([np.random.default_rng([42, r]).standard_normal(3, "float32") for r in (0, 1)])
    (found,) = reader.Exported(tmp_path / "out")({"codes": noise})
    assert_close(found, zoo.generate_images(zoo.load(folder), 2, seed=42))
    assert "Pictures, pixels from -1 to 1." in (tmp_path / "out" / "CARD.md").read_text()


@pytest.mark.parametrize("model", every_day(["gan"], ["gan", "diffusion"]))
def test_a_run_that_was_cut_off_ends_the_same(train, quickly, model, monkeypatch):
    whole = train(model, model)
    calls = []
    epoch_end = Checkpoint.on_epoch_end

    def stop(self, epoch, logs=None):
        epoch_end(self, epoch, logs)
        calls.append(epoch)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "on_epoch_end", stop)
    train(model, f"{model}-cut", status=130)
    cut = whole.with_name(f"{model}-cut")
    with quickly():
        assert main(["train", "--resume", str(cut)]) == 0
    first, second = (json.loads((f / "metrics.json").read_text()) for f in (whole, cut))
    assert first | TIMES == second | TIMES
    assert (whole / "history.csv").read_text() == (cut / "history.csv").read_text()


def test_the_bound_of_a_linear_model_lies_below_its_likelihood():
    """Codes and pixels are normal, and so is their sum, whose density has a closed form."""
    from scipy.stats import multivariate_normal

    model = zoo.variational_autoencoder((2, 3), units=(), code_size=2, beta=0.3)
    generator = np.random.default_rng(4)
    for weight in model.weights:
        weight.assign(generator.normal(0, 0.4, weight.shape))
    images = generator.integers(0, 256, (400, 2, 3)).astype(np.uint8)
    found = Drawer(model, "variational_autoencoder", 0, 1).bound(images)["elbo"]
    kernel, bias = model.get_layer("decoder").get_layer("head").get_weights()
    variance = 0.3 / 2  # of a pixel
    x = images.reshape(400, -1) / 255
    exact = multivariate_normal(bias, kernel.T @ kernel + variance * np.eye(6)).logpdf(x)
    assert found < exact.mean()
    # With the encoder at the true posterior, the bound is the likelihood itself.
    precision = kernel @ kernel.T / variance + np.eye(2)
    spread = np.linalg.inv(precision)
    turn, _, _ = np.linalg.svd(kernel)  # codes along the axes of the posterior
    model.get_layer("decoder").get_layer("head").set_weights([turn.T @ kernel, bias])
    maps = turn.T @ spread @ kernel / variance
    encoder = model.get_layer("encoder")
    encoder.get_layer("mean").set_weights([maps.T, -maps @ bias])
    log_variance = np.log(np.diag(turn.T @ spread @ turn))
    encoder.get_layer("log_variance").set_weights([np.zeros((6, 2)), log_variance])
    drawer = Drawer(model, "variational_autoencoder", 0, 1)
    found = [replace_seed(drawer, seed).bound(images)["elbo"] for seed in range(5)]
    error = 5 * np.std(found) / 5**0.5 + 1e-3
    assert np.mean(found) == pytest.approx(exact.mean(), abs=error)
    assert Drawer(zoo.gan((4, 8)), "gan", 0, 1).bound(pictures(3)[0]) == {}


def replace_seed(drawer, seed):
    drawer.seed = seed
    return drawer


def test_the_bound_is_reported_beside_pca(train):
    folder = train("variational_autoencoder", "variational_autoencoder")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert "elbo" not in metrics["baselines"]["pca"]["test"]
    line = f"is {metrics['test']['elbo']:.1f} nats at least (ELBO); that of a normal distribution"
    assert line in (folder / "report.md").read_text()


def test_layers_are_pretrained_one_by_one(train):
    folder = train("autoencoder", "greedy", pretrain="greedy", pretrain_epochs=1)
    assert re.search(
        r"layers pretrained one by one, squared errors: [\d.e-]+, [\d.e-]+\n",
        (folder / "report.md").read_text(),
    )


def test_a_player_that_is_lost_is_named(train, capsys):
    train("gan", "lost", learning_rate=1e30, status=1)
    assert re.search("The (discriminator|generator)_loss .*is no longer", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "dcgan", "model.filters": "[3,4,5]"}, r"multiple of 8.*\(4, 8\).*Resize"),
        ({"model": "diffusion", "model.filters": "[3,4,5]"}, "multiple of 8"),
        ({"model": "variational_autoencoder", "model.code_size": 0}, "code_size must be .* 0"),
        ({"model": "mlp"}, "Expected --model to be one of autoencoder"),
        ({"score_samples": 3}, "--score_samples must be at least 50"),
        (
            {"model": "gan", "pretrain": "greedy"},
            "greedy is for --model autoencoder.*gan",
        ),
        (
            {"gradient_penalty": 1},
            "is for --model gan and dcgan.*variational",
        ),
        ({"model": "gan", "gradient_penalty": -1}, "--gradient_penalty must be at least 0"),
    ],
)
def test_wrong_flags_are_named(trainer, data, capsys, arguments, message):
    folder = trainer("generate_images", **TINY, data=data)(status=2, **arguments)
    assert re.search(message, capsys.readouterr().err)
    assert not folder.exists()


def test_wrong_inputs_of_predict_are_named(train, tmp_path, data, capsys):
    folder = train("gan", "gan")
    for flags, message in (
        (["-o", str(tmp_path / "a.txt")], "such as -o grid.png"),
        ([str(data), "-o", str(tmp_path / "a.png")], "drawn from noise"),
        (["-o", str(tmp_path / "a.png"), "--samples", "0"], "must be at least 1"),
        (["-o", str(tmp_path / "a.png"), "--between", "-1"], "must be at least 0"),
    ):
        assert main(["predict", str(folder), *flags]) == 2
        assert message in capsys.readouterr().err
    folder = train("autoencoder", "autoencoder")
    assert main(["predict", str(folder), "-o", str(tmp_path / "a.png"), "--between", "2"]) == 2
    assert "An autoencoder draws nothing: leave --between out." in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


def test_pictures_that_nothing_can_be_learned_from(tmp_path):
    for x, message in (
        (pictures(1)[0], "Expected 20 pictures or more.*Received: 1"),
        (np.full((40, 4, 8), 7, np.uint8), "All training pictures are the same"),
    ):
        path = tmp_path / "x.npz"
        np.savez(path, x=x, y=np.zeros(len(x), int))
        config = default_config(own_data=True)
        config.data = str(path)
        with pytest.raises(UserError, match=message):
            load(config)


def test_a_folder_without_classes(tmp_path):
    for number, image in enumerate(pictures(30)[0]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    config = default_config(own_data=True)
    config.data = str(tmp_path)
    task = load(config)
    assert sum(len(part) for part in task.parts.values()) == 30
    assert "clusters" in task.notes[-1]


def test_pixels_come_back():
    images = pictures(3)[0]
    for model in ("autoencoder", "dcgan"):
        np.testing.assert_array_equal(unscaled(scaled(images, model), model), images)
    assert scaled(np.array([0, 255]), "gan").tolist() == [-1, 1]
    assert unscaled(np.array([np.nan, 9, -9]), "gan").tolist() == [128, 255, 0]


# Scores


def test_the_frechet_distance_is_that_of_its_definition():
    from scipy.linalg import sqrtm

    generator = np.random.default_rng(1)
    one, other = generator.normal(size=(2, 50, 4)) @ generator.normal(size=(2, 4, 4)) + 1
    moments = [(each.mean(axis=0), np.cov(each, rowvar=False)) for each in (one, other)]
    (m, c), (n, d) = moments
    expected = ((m - n) ** 2).sum() + np.trace(c + d - 2 * np.real(sqrtm(c @ d)))
    assert features.frechet(*moments) == pytest.approx(expected, rel=1e-8)
    assert features.frechet(moments[0], moments[0]) == pytest.approx(0, abs=1e-9)


def test_scores_tell_copies_collapse_and_noise_apart():
    generator = np.random.default_rng(1)
    real = features.Described(generator.normal(size=(200, 3)), np.arange(200) % 4)
    same = features.Described(generator.normal(size=(200, 3)), np.arange(200) % 4)
    collapsed = features.Described(0.01 * generator.normal(size=(200, 3)), np.zeros(200, int))
    noise = features.Described(9 * generator.normal(size=(200, 3)), np.arange(200) % 4)
    found = [features.scores(real, each, 4) for each in (same, collapsed, noise)]
    assert [score["precision"] > 0.8 for score in found] == [True, True, False]
    assert [score["recall"] > 0.8 for score in found] == [True, False, True]
    assert [score["coverage"] for score in found] == [1, 0.25, 1]
    assert found[0]["frechet"] < 0.2 < min(found[1]["frechet"], found[2]["frechet"])


@pytest.mark.parametrize("of", every_day(["clusters"], ["classes", "clusters"]))
def test_the_features_are_learned_alike_each_time(of, monkeypatch):
    monkeypatch.setattr(features, "EPOCHS", 2)
    images, labels = pictures(60)
    chosen = labels if of == "classes" else np.zeros(60, int)
    with uncompiled():
        networks = [features.fit(images, chosen, seed=3) for _ in range(2)]
    one, other = (network(images) for network in networks)
    assert_close(one.features, other.features)
    assert len(np.unique(one.classes)) > 1
    assert of == "classes" or networks[0].classes > 2


def test_the_baselines_draw_as_they_say(data):
    config = default_config(own_data=True)
    config.data = str(data)
    part = load(config).parts["train"]
    found = {name: draw(40) for name, draw in baselines.drawn(part, 1).items()}
    kinds = {image.tobytes() for image in part.images}
    assert all(image.tobytes() in kinds for image in found["training_pictures"])
    # A band of one class is bright above or below; a single normal distribution blurs the two.
    apart = {n: np.abs(x[:, :2].mean((1, 2)) - x[:, 2:].mean((1, 2))) for n, x in found.items()}
    assert apart["gaussian_per_class"].min() > apart["pca"].min()
    rebuilt = baselines.compressed(part, 30, 1)["pca"](part.images)
    assert np.square(rebuilt - part.images / 255).mean() < 0.01


def test_the_nearest_picture_is_found():
    images = pictures(20)[0]
    np.testing.assert_array_equal(plots.nearest(images[[7, 3]] // 2 * 2, images), images[[7, 3]])
    sheet = plots.grid(images[:3], columns=2)
    assert sheet.shape == (11, 19)
    np.testing.assert_array_equal(sheet[6:10, 1:9], images[2])


def test_the_presets_are_built(data):
    for name, flags in PRESETS.items():
        config = RECIPE.config(**{**flags, "dataset": "digits"})
        config.validate()
        zoo.create_model(config.model, input_shape=(28, 28), **config.model_arguments)
        assert name.startswith("ml3-ch17-")


def test_the_weight_of_the_divergence_follows_from_what_pca_leaves(data):
    config = RECIPE.default_config(own_data=True)
    config.data = str(data)
    config.model_arguments["code_size"] = 2
    sized, task = RECIPE.load(config)
    rows = task.parts["train"].images.reshape(len(task.parts["train"]), -1) / 255
    centred = rows - rows.mean(axis=0)
    left = np.square(np.linalg.svd(centred, compute_uv=False)[2:]).sum() / rows.size
    assert sized.model_arguments["beta"] == pytest.approx(2 * left, abs=1e-3 * left + 5e-5)
    config.model_arguments["beta"] = 1.0
    assert RECIPE.load(config)[0].model_arguments["beta"] == 1.0
    config.preset = "ml3-ch17-86"
    del config.model_arguments["beta"]
    assert "beta" not in RECIPE.load(config)[0].model_arguments


def test_real_pictures_are_no_baseline_to_beat(data):
    config = RECIPE.default_config(own_data=True)
    config.data = str(data)
    task = load(config)
    metrics = {"model": "gan", "validation": {"frechet": 2.0}, "epochs": 9, "seconds": 9.0}
    for other, words in ((3.0, ""), (1.5, "pca does better than gan.")):
        scores = {"training_pictures": 0.1, "pca": other}
        found = {name: {"validation": {"frechet": value}} for name, value in scores.items()}
        assert advice(RECIPE, metrics | {"baselines": found}, task).startswith(words)
        assert bool(advice(RECIPE, metrics | {"baselines": found}, task)) == bool(words)
