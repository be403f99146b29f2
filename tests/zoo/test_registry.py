import pytest

import zoo
from zoo import registry
from zoo.catalog import CATALOG


@pytest.fixture(autouse=True)
def _only_here(monkeypatch):
    """What a test registers is forgotten after it; the built-in models stay."""
    for info in CATALOG:
        registry.get_factory(info.name)
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))


def tiny(input_shape, horizon=1, units=8):
    return ("built", input_shape, horizon, units)


def test_a_registered_factory_is_listed_and_built():
    assert zoo.register_model(tiny) is tiny
    assert "tiny" in zoo.list_models()
    assert zoo.create_model("tiny", input_shape=(5, 1), units=3) == ("built", (5, 1), 1, 3)


def test_none_never_overrides_a_default():
    zoo.register_model(tiny)
    built = zoo.create_model("tiny", input_shape=(5, 1), horizon=None, units=None)
    assert built == ("built", (5, 1), 1, 8)


def test_names_are_listed_sorted_and_by_pattern():
    everything = zoo.list_models()
    assert everything == sorted(everything)
    assert {info.name for info in CATALOG} <= set(everything)
    assert zoo.list_models("wave*") == ["wavenet", "wavenet_lite"]
    assert zoo.list_models("????????rn?") == []


def test_a_name_is_taken_once():
    zoo.register_model(tiny)

    def other():
        pass

    other.__name__ = "tiny"
    with pytest.raises(ValueError, match="'tiny' is already registered"):
        zoo.register_model(other)


@pytest.mark.parametrize("loaded", [False, True])
def test_built_in_names_are_taken_whether_imported_or_not(loaded, monkeypatch):
    if not loaded:
        monkeypatch.setattr(registry, "_factories", {})

    def impostor():
        pass

    impostor.__name__ = "wavenet"
    with pytest.raises(ValueError, match="'wavenet' is already registered"):
        zoo.register_model(impostor)


def with_kwargs(input_shape, **kwargs):
    pass


def with_args(*args):
    pass


@pytest.mark.parametrize("factory", [with_kwargs, with_args])
def test_factories_that_swallow_arguments_are_refused(factory):
    with pytest.raises(ValueError, match="would hide misspelt arguments"):
        zoo.register_model(factory)
    assert factory.__name__ not in zoo.list_models()


def test_unknown_models_suggest_the_nearest():
    with pytest.raises(ValueError, match=r"no model named 'wavnet'.*Did you mean 'wavenet'"):
        zoo.create_model("wavnet", input_shape=(5, 1))
    with pytest.raises(ValueError, match="no model named 'zzz'") as caught:
        zoo.create_model("zzz")
    assert "Did you mean" not in str(caught.value)
    assert "wavenet_lite" in str(caught.value)


def test_unknown_and_missing_arguments_are_named():
    zoo.register_model(tiny)
    with pytest.raises(ValueError, match=r"tiny has no argument 'unit'.*Did you mean 'units'"):
        zoo.create_model("tiny", input_shape=(5, 1), unit=3)
    with pytest.raises(ValueError, match=r"tiny needs the argument 'input_shape'.*'units'"):
        zoo.create_model("tiny", units=3)
    with pytest.raises(ValueError, match="needs the argument 'input_shape'"):
        zoo.create_model("tiny", input_shape=None)


def test_an_unknown_attribute_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'wavnet'"):
        zoo.wavnet  # noqa: B018
