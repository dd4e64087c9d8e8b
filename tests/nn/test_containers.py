"""Chains of modules."""

import numpy as np
import pytest

from pullback import nn
from pullback.core.errors import OptionError
from pullback.functions import random


class TestSequential:
    def test_each_layer_is_given_what_the_one_before_gives(self):
        a, b = nn.Linear(3, 4, rng=0), nn.Linear(4, 2, rng=1)
        x = np.ones((5, 3), np.float32)
        assert (nn.Sequential(a, nn.Tanh(), b)(x) == b(nn.Tanh()(a(x)))).all()
        assert nn.Sequential()(x) is x

    def test_append_add_index_slice_iterate(self):
        layers = [nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)]
        model = nn.Sequential(layers[0])
        assert model.append(layers[1]) is model
        model.add(layers[2])
        assert list(model) == layers
        assert (len(model), model[0], model[-1]) == (3, layers[0], layers[2])
        assert list(model[1:]) == layers[1:]
        assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
        with pytest.raises(IndexError):
            model[3]

    def test_a_slice_shares_the_modules_and_leaves_their_names(self):
        model = nn.Sequential(nn.ReLU(), nn.Linear(3, 4))
        part = model[1:]
        assert part[0] is model[1]
        assert part[0].weight.name == "1.weight"
        part.append(nn.Linear(4, 2))
        assert len(model) == 2

    def test_what_is_appended_in_place_is_named_after_it(self):
        model = nn.MLP(3, 4, 2)
        model.layers.append(nn.Linear(2, 2))
        assert model.layers[3].weight.name == "layers.3.weight"

    @pytest.mark.parametrize(
        ("layer", "fix"), [(nn.ReLU, r"ReLU\(\)"), ([nn.ReLU()], r"\*layers"), (np.tanh, "forward")]
    )
    def test_a_layer_that_is_none(self, layer, fix):
        with pytest.raises(OptionError, match=f"fix +.*{fix}"):
            nn.Sequential(layer)


class TestMLP:
    def test_affine_layers_with_activations_between(self):
        model = nn.MLP(5, 4, 3, 2, activation=nn.Tanh, rng=0)
        kinds = [type(layer) for layer in model.layers]
        assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
        assert [p.shape for p in model.parameters()] == [(4, 5), (4,), (3, 4), (3,), (2, 3), (2,)]
        assert model(np.ones((7, 5), np.float32)).shape == (7, 2)

    def test_one_generator_draws_all(self):
        a, b = nn.MLP(3, 3, 3, rng=0), nn.MLP(3, 3, 3, rng=0)
        assert all((a.state_dict()[name] == array).all() for name, array in b.state_dict().items())
        assert (a.layers[0].weight != a.layers[2].weight).any()
        random.seed(0)
        assert (nn.MLP(3, 3, 3).layers[2].weight == a.layers[2].weight).all()

    def test_options(self):
        model = nn.MLP(3, 3, 3, activation=lambda: nn.LeakyReLU(0.1), dtype=float)
        assert repr(model.layers[1]) == "LeakyReLU(slope=0.1)"
        assert model.parameters()[0].dtype == float
        with pytest.raises(OptionError, match=r"MLP\(inputs"):
            nn.MLP(3)
        with pytest.raises(OptionError, match="activation=ReLU"):
            nn.MLP(3, 3, 3, activation=nn.ReLU())
