"""Chapter 17: variational autoencoders, players against each other, diffusion, and drawing."""

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from tests.shared import assert_close, every_day, run_on_jax, shaken, traced_once
from zoo.layers.generative import divergence
from zoo.regularizers import KLSparsity
from zoo.training import cosine_schedule

RNG = np.random.default_rng(3)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def compiled(training, **arguments):
    training.compile(keras.optimizers.SGD(0.05), **arguments)
    return traced_once(training)


def moved(model, before):
    """The largest step of each weight that is trained."""
    after = [np.array(weight) for weight in model.trainable_weights]
    return [np.abs(new - old).max() for new, old in zip(after, before, strict=True)]


# What the variational autoencoder adds to the loss


def test_the_divergence_has_its_closed_form():
    mean, log_variance = normal(5, 3), normal(5, 3)
    terms = (mean**2 + np.exp(log_variance) - 1 - log_variance) / 2
    assert_close(divergence(mean, log_variance), terms.sum(axis=1))
    draws = mean[0] + np.exp(log_variance[0] / 2) * RNG.normal(size=(200_000, 3))
    density = ((draws - mean[0]) ** 2 / np.exp(log_variance[0]) + log_variance[0]).sum(axis=1)
    sampled = ((draws**2).sum(axis=1) - density) / 2
    assert sampled.mean() == pytest.approx(terms[0].sum(), abs=5 * sampled.std() / 200_000**0.5)


def test_the_loss_is_the_bound_on_the_likelihood():
    model = zoo.variational_autoencoder(
        (2, 3), units=(5,), code_size=2, beta=0.7, output_activation="sigmoid"
    )
    shaken(model)
    x = RNG.random((8, 2, 3)).astype("float32")
    model.compile(loss="binary_crossentropy")
    mean, log_variance = map(np.array, model.get_layer("encoder")(x))
    p = np.array(model.get_layer("decoder")(mean))
    assert_close(model(x), p)
    likelihood = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2))
    terms = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
    bound = (likelihood - 0.7 * terms).mean()
    assert model.evaluate(x, x, verbose=0) == pytest.approx(-bound / 6, rel=1e-5)


def test_codes_are_drawn_in_training_alone_by_the_seed():
    mean, log_variance = np.full((4000, 2), 3.0, "float32"), np.log(np.full((4000, 2), 0.25))
    layer = zoo.layers.Reparameterization(seed=5)
    np.testing.assert_array_equal(layer([mean, log_variance]), mean)
    drawn = np.array(layer([mean, log_variance], training=True))
    assert drawn.mean() == pytest.approx(3, abs=0.03)
    assert drawn.std() == pytest.approx(0.5, abs=0.03)
    again = zoo.layers.Reparameterization(seed=5)([mean, log_variance], training=True)
    np.testing.assert_array_equal(drawn, again)
    assert not np.array_equal(drawn, layer([mean, log_variance], training=True))


# Sparse, tied, convolutional and recurrent autoencoders


def test_the_penalty_on_activity_does_not_depend_on_the_batch():
    activity = RNG.uniform(0.1, 0.9, (6, 4)).astype("float32")
    mean, p = activity.mean(axis=0), 0.2
    terms = p * np.log(p / mean) + (1 - p) * np.log((1 - p) / (1 - mean))
    for copies in (1, 3):
        layer = keras.layers.Activation("linear", activity_regularizer=KLSparsity(0.5, 0.2))
        layer(np.tile(activity, (copies, 1)))
        assert_close(layer.losses[0], 0.5 * terms.sum())


@pytest.mark.parametrize("sparsity", every_day(["kl"], ["l1", "kl"]))
def test_a_sparse_code_is_penalised(sparsity):
    x = RNG.random((32, 6)).astype("float32")
    many = np.tile(x, (30, 1))  # steps of one epoch, as each begins with a new iterator
    active = []
    for arguments in ({}, {"sparsity_weight": 3.0}):
        keras.utils.set_random_seed(1)
        model = zoo.autoencoder((6,), units=(5, 8), sparsity=sparsity, **arguments)
        model.compile(keras.optimizers.Adam(0.05), "mse", run_eagerly=True)
        model.fit(many, many, shuffle=False, verbose=0)
        code = keras.Model(model.input, model.get_layer("sparse_code").output)(x)
        active.append(float(np.mean(code)))
    assert active[1] < 0.2 < active[0]


def test_a_sparse_autoencoder_is_saved(tmp_path):
    model = zoo.autoencoder((6,), units=(5, 3), sparsity="kl", sparsity_weight=0.5)
    model.save(tmp_path / "model.keras")
    found = keras.models.load_model(tmp_path / "model.keras")
    x = RNG.random((4, 6)).astype("float32")
    np.testing.assert_array_equal(found(x), model(x))
    regularizers = [
        each.get_layer("sparse_code").activity_regularizer.get_config() for each in (model, found)
    ]
    assert regularizers == [{"weight": 0.5, "target": 0.1}] * 2


def test_tied_weights_halve_an_autoencoder_and_start_a_classifier():
    tied = shaken(zoo.autoencoder((3, 4), units=(6, 5), tied=True))
    assert tied.count_params() == 12 * 6 + 6 * 5 + (6 + 5) + (6 + 12)
    twin = zoo.mlp((3, 4), units=(6, 5))
    assert zoo.transfer.copy_layers(tied, twin) == ["hidden_0", "hidden_1"]
    kernels = [np.array(tied.get_layer(f"hidden_{i}").kernel) for i in (0, 1)]
    np.testing.assert_array_equal(twin.get_layer("hidden_1").kernel, kernels[1])
    code = normal(2, 5)
    inner = keras.Model(tied.get_layer("activation_1").output, tied.get_layer("head").output)
    biases = [np.array(tied.get_layer(name).bias) for name in ("decoder_hidden_0", "head")]
    hidden = np.array(ops.elu(code @ kernels[1].T + biases[0]))
    assert_close(inner(code), hidden @ kernels[0].T + biases[1])


# Two players


@pytest.fixture(scope="module")
def players():
    return shaken(zoo.dcgan((4, 4), filters=(3, 5), code_size=3, dropout=0.2), 0.3)


def test_both_players_move_in_every_step(players):
    training = compiled(zoo.Adversarial(players, seed=1))
    generator, discriminator = (players.get_layer(n) for n in ("generator", "discriminator"))
    for _ in range(2):
        before = {p: [np.array(w) for w in p.trainable_weights] for p in (generator, discriminator)}
        training.fit(normal(8, 4, 4), batch_size=8, verbose=0)
        # But for a bias in front of a normalisation, which takes it away.
        for player, start in before.items():
            assert np.mean([step > 0 for step in moved(player, start)]) > 0.8


def test_each_player_moves_by_its_own_loss():
    """As alternating steps do that freeze one player each, from where both stand."""
    model = shaken(zoo.gan((3,), units=(4,), code_size=2))
    generator, discriminator = (model.get_layer(n) for n in ("generator", "discriminator"))
    images, codes, rate = normal(6, 3), normal(6, 2), 0.05
    start = [np.array(weight) for weight in model.trainable_weights]

    def alone(player, loss):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss()
        return tape.gradient(value, [w.value for w in player.trainable_weights])

    def discriminates():
        false = discriminator(generator(codes))
        return ops.mean(ops.softplus(-discriminator(images))) + ops.mean(ops.softplus(false))

    def fools():
        return ops.mean(ops.softplus(-discriminator(generator(codes))))

    steps = {}
    for player, loss in ((generator, fools), (discriminator, discriminates)):
        weights = player.trainable_weights
        for weight, step in zip(weights, alone(player, loss), strict=True):
            steps[id(weight)] = rate * np.array(step)
    expected = [a - steps[id(w)] for a, w in zip(start, model.trainable_weights, strict=True)]
    training = compiled(zoo.Adversarial(model))
    training._normal = lambda shape: ops.convert_to_tensor(codes)
    training.fit(images, batch_size=6, verbose=0)
    for found, wanted in zip(model.trainable_weights, expected, strict=True):
        assert_close(found, wanted)


def test_the_books_idiom_leaves_the_discriminator_where_it_is():
    """Third edition, cells 98 to 100: Keras 2 kept the flag of the moment of compilation."""
    model = zoo.gan((3,), units=(4,), code_size=2)
    generator, discriminator = (model.get_layer(n) for n in ("generator", "discriminator"))
    discriminator = keras.Sequential([discriminator, keras.layers.Activation("sigmoid")])
    discriminator.compile(loss="binary_crossentropy", optimizer="rmsprop")
    discriminator.trainable = False
    both = keras.Sequential([generator, discriminator])
    both.compile(loss="binary_crossentropy", optimizer="rmsprop")
    start = [np.array(weight) for weight in discriminator.weights]
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        discriminator.train_on_batch(normal(8, 3), np.repeat([[0.0], [1.0]], 4, axis=0))
    both.train_on_batch(normal(8, 2), np.ones((8, 1)))
    assert all(np.array_equal(w, s) for w, s in zip(discriminator.weights, start, strict=True))


def test_a_gradient_penalty_makes_the_losses_wassersteins():
    model = shaken(zoo.gan((3,), units=(4,), code_size=2))
    generator, discriminator = (model.get_layer(n) for n in ("generator", "discriminator"))
    images, codes = normal(6, 3), normal(6, 2)
    training = zoo.Adversarial(model, seed=3, gradient_penalty=7.0)
    found = np.array(training.logits(images, codes))
    false = np.array(generator(codes))
    real, judged = (np.array(discriminator(x))[:, 0] for x in (images, false))
    assert_close(found[:, :3].T, [real, judged, judged])
    # The slope at any point: the weights of the units that are on there, times those of the head.
    share = keras.random.uniform((6, 1), seed=keras.random.SeedGenerator(3))
    points = np.array(share) * images + (1 - np.array(share)) * false
    kernel, bias = discriminator.get_layer("hidden_0").get_weights()
    last = discriminator.get_layer("head").get_weights()[0][:, 0]
    slopes = np.linalg.norm((points @ kernel + bias > 0) * last @ kernel.T, axis=1)
    assert_close(found[:, 3], slopes)
    expected = -real.mean() + 7 * np.square(slopes - 1).mean()  # the generator's takes the rest
    assert float(training.compute_loss(images, None, found)) == pytest.approx(expected, rel=1e-5)
    training.compile(keras.optimizers.SGD(0.05))
    before = [np.array(w) for w in model.trainable_weights]
    training.fit(images, verbose=0)
    assert np.mean([step > 0 for step in moved(model, before)]) > 0.8
    assert zoo.Adversarial.from_config(training.get_config()).gradient_penalty == 7.0


@pytest.mark.parametrize("make", [zoo.Adversarial, zoo.Denoising], ids=lambda make: make.__name__)
def test_training_goes_on_from_a_saved_file(make, players, tmp_path):
    unet = zoo.diffusion((4, 4), filters=2)
    model = players if make is zoo.Adversarial else unet
    training = compiled(make(model, seed=4), loss="mse", run_eagerly=True)
    x = normal(8, 4, 4)
    training.fit(x, batch_size=4, shuffle=False, verbose=0)
    training.save(tmp_path / "training.keras")
    loaded = keras.models.load_model(tmp_path / "training.keras")
    for variable, kept in zip(loaded.variables, training.variables, strict=True):
        if "seed" in variable.path:  # Keras saves no state of these
            variable.assign(kept)
        np.testing.assert_array_equal(variable, kept)
    histories = [
        each.fit(x, batch_size=4, shuffle=False, epochs=2, verbose=0).history
        for each in (training, loaded)
    ]
    assert histories[0] == histories[1]


# Diffusion


def test_the_schedule_has_its_closed_form():
    time = np.linspace(0, 0.99, 12, dtype="float32")
    signal, strength = map(np.array, cosine_schedule(time))
    angles = (time + 0.008) / 1.008 * np.pi / 2
    assert_close(signal, np.cos(angles) / np.cos(0.008 / 1.008 * np.pi / 2))
    assert_close(signal**2 + strength**2, np.ones(12))
    assert (np.diff(signal) < 0).all()
    signal, strength = cosine_schedule(1.0)
    assert (float(signal), float(strength)) == pytest.approx((1e-3, 1))


def test_the_errors_are_those_of_the_noise_that_was_added():
    model = shaken(zoo.diffusion((4, 4), filters=(2, 4)))
    images, noise, time = normal(3, 4, 4), normal(3, 4, 4), RNG.random((3, 1), "float32")
    signal, strength = (np.array(part)[..., None] for part in cosine_schedule(time))
    found = model({"images": signal * images + strength * noise, "time": time})
    assert_close(zoo.Denoising(model).errors(images, noise, time), found - noise)
    training = compiled(zoo.Denoising(model, seed=1), loss="huber", run_eagerly=True)
    assert training.evaluate(images, verbose=0) > 0.01
    before = [np.array(weight) for weight in model.trainable_weights]
    training.fit(images, verbose=0)
    assert min(moved(model, before)) > 0


@keras.saving.register_keras_serializable(package="tests")
class TrueNoise(keras.layers.Layer):
    """The noise in a known picture."""

    def __init__(self, picture, **kwargs):
        super().__init__(**kwargs)
        self.picture = np.asarray(picture, "float32")

    def call(self, images, time):
        signal, strength = (ops.expand_dims(part, -1) for part in cosine_schedule(time))
        return (images - signal * self.picture) / ops.maximum(strength, 1e-6)


@pytest.mark.parametrize("steps", [1, 7])
def test_the_true_noise_leads_back_to_the_picture(steps):
    picture = RNG.uniform(-0.9, 0.9, (4, 4)).astype("float32")
    inputs = {"images": keras.Input((4, 4), name="images"), "time": keras.Input((1,), name="time")}
    model = keras.Model(inputs, TrueNoise(picture)(inputs["images"], inputs["time"]))
    found = zoo.generate_images(model, 2, seed=3, steps=steps)
    # The first step divides by a signal of 0.001.
    np.testing.assert_allclose(found, np.stack([picture, picture]), atol=2e-3)


# Drawing


def test_a_row_depends_on_seed_and_number_alone(players):
    unet = shaken(zoo.diffusion((4, 4), filters=(2, 4)), 0.3)
    vae = shaken(zoo.variational_autoencoder((4, 4), (5,), code_size=3))
    for model in (players, unet, vae):
        found = zoo.generate_images(model, 5, seed=2, steps=4)
        assert found.shape == (5, 4, 4)
        assert_close(zoo.generate_images(model, 3, seed=2, steps=4, batch_size=2), found[:3], 512)
        assert np.ptp(found, axis=0).max() > 1e-3  # no two alike
        assert np.abs(zoo.generate_images(model, 5, seed=3, steps=4) - found).max() > 1e-3
        assert zoo.generate_images(model, 0).shape == (0, 4, 4)
    codes = np.stack(
        [np.random.default_rng([2, row]).standard_normal(3, "float32") for row in (0, 1)]
    )
    generated = players.get_layer("generator")(codes, training=False)
    assert_close(zoo.generate_images(players, 2, seed=2), generated)


def test_pictures_between_two_lead_from_one_to_the_next(players):
    generator = players.get_layer("generator")
    found = zoo.generate_images(players, 3, seed=2, between=3, batch_size=5)
    assert found.shape[0] == 12
    assert_close(found[::4], zoo.generate_images(players, 3, seed=2), 512)
    first, second = (np.random.default_rng([2, n]).standard_normal(3, "float32") for n in (1, 2))
    codes = [np.cos(a) * first + np.sin(a) * second for a in np.pi / 8 * np.arange(4)]
    assert_close(found[4:8], generator(np.float32(codes), training=False), 512)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zoo.dcgan((6, 8)), r"multiple of 4.*Received: \(6, 8\).*fewer filters"),
        (lambda: zoo.diffusion((8, 6)), r"multiple of 4.*Received: \(8, 6\)"),
        (lambda: zoo.convolutional_autoencoder((5, 5)), "multiple of 4"),
        (lambda: zoo.recurrent_autoencoder((5,)), r"\(steps, features\). Received: \(5,\)"),
        (lambda: zoo.gan((4,), code_size=0), "code_size must be .* 0"),
        (lambda: zoo.variational_autoencoder((4,), beta=-1), "beta must be .*-1"),
        (lambda: zoo.autoencoder((4,), sparsity="l0"), "none, l1, kl. Received: sparsity='l0'"),
        (lambda: zoo.autoencoder((4,), sparsity_weight=1.0), "needs a kind of it. Received: 1.0"),
        (lambda: zoo.Adversarial(zoo.mlp((4,))), "layers 'generator' and 'discriminator'.*'mlp'"),
        (lambda: zoo.Adversarial(zoo.gan((4,)), gradient_penalty=-1), "gradient_penalty must .*-1"),
        (lambda: zoo.generate_images(zoo.lenet5((28, 28)), 1), "from codes .*'lenet5'"),
        (lambda: zoo.generate_images(zoo.gan((4,)), 1, steps=0), "Received: steps=0"),
        (lambda: zoo.layers.SinusoidalTime(3), "Received: dim=3"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


JAX_CHECK = """
import sys
import keras, numpy as np, zoo
path, backend = sys.argv[1:]
assert keras.backend.backend() == backend
model = keras.models.load_model(path)
rng = np.random.default_rng(0)
images, codes = rng.normal(size=(2, 8, 4, 4)).astype("float32")
time = rng.random((8, 1), "float32")
adversarial = model.name == "dcgan"
print(zoo.generate_images(model, 2, **({} if adversarial else {"steps": 3})).sum())
model = (zoo.Adversarial if adversarial else zoo.Denoising)(model, seed=1)
x = codes[:, 0, :3] if adversarial else codes
found = model.logits(images, x) if adversarial else model.errors(images, x, time)
model.compile("sgd", loss=None if adversarial else "huber")
print(repr(float(model.compute_loss(images, None, found))))
if adversarial:
    from zoo.training import _slopes

    critic = model.model.get_layer("discriminator")
    print(np.array(_slopes(critic, keras.ops.convert_to_tensor(images))).sum())
    model = zoo.Adversarial(model.model, seed=1, gradient_penalty=10.0)
    model.compile("sgd")
print(np.array(model.model.get_layer("generator")(x) if adversarial else found).sum())
before = [np.array(w) for w in model.trainable_weights]
model.fit(images, verbose=0)
moved = [not np.array_equal(w, b) for w, b in zip(model.trainable_weights, before)]
assert np.mean(moved) > 0.8, [w.path for w, m in zip(model.trainable_weights, moved) if not m]
"""


@pytest.mark.jax
@pytest.mark.parametrize("name", every_day(["dcgan"], ["dcgan", "diffusion"]))
def test_equal_losses_on_jax(name, players, tmp_path, monkeypatch, capsys):
    pytest.importorskip("jax", reason="needs the jax extra")
    path = str(tmp_path / "model.keras")
    unet = shaken(zoo.diffusion((4, 4), filters=(2, 4)), 0.3)
    {"dcgan": players, "diffusion": unet}[name].save(path)
    monkeypatch.setattr("sys.argv", ["here", path, "tensorflow"])
    exec(JAX_CHECK, {})
    here = np.array(capsys.readouterr().out.split(), float)
    assert len(here) == 3 + (name == "dcgan")
    there = run_on_jax(JAX_CHECK, path, "jax")
    assert_close(np.array(there.split(), float), here, 512)
