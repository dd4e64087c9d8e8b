"""What the rows of `cases.py` do not say of layers: options that cannot be, statistics, masks, lengths and more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn

RNG = np.random.default_rng(0)

IMPOSSIBLE = [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups do not divide"),
    (lambda: nn.Conv2d(0, 4, 3), "in_channels"),
    (lambda: nn.Conv2d(3, 4, 0), "kernel_size"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "kernel_size"),
    (lambda: nn.Conv2d(3, 4, 3, stride=0), "stride"),
    (lambda: nn.Conv2d(3, 4, 3, padding=-1), "padding"),
    (lambda: nn.Conv2d(3, 4, 3, padding="full"), "(?s)unknown padding.*valid"),
    (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), "stride of 1"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "(?s)padding_mode.*reflect"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), "groups do not divide"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=1)(np.ones((1, 3, 4, 4), np.float32)), "output_padding"),
    (lambda: nn.MaxPool2d(2, padding=2)(np.ones((1, 1, 4, 4))), "half of the window"),
    (lambda: nn.MaxPool2d(2, stride=0)(np.ones((1, 1, 4, 4))), "stride"),
    (lambda: nn.AvgPool2d(2, divisor_override=0)(np.ones((1, 1, 4, 4))), "divisor_override"),
    (lambda: nn.BatchNorm2d(0), "num_features"),
    (lambda: nn.LayerNorm((3, 0)), "length"),
    (lambda: nn.GroupNorm(2, 3), "groups do not divide"),
    (lambda: nn.Dropout2d(1.5), "p is not possible"),
    (lambda: nn.Embedding(3, 0), "embedding_dim"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx"),
    (lambda: nn.LSTM(3, 4, num_layers=0), "num_layers"),
    (lambda: nn.LSTM(3, 4, dropout=2), "dropout"),
    (lambda: nn.RNN(3, 4, nonlinearity="gelu"), "(?s)nonlinearity.*tanh or relu"),
    (lambda: nn.RNNCell(3, 4, nonlinearity="gelu"), "nonlinearity"),
    (lambda: nn.MultiHeadAttention(6, 4), "heads do not divide"),
    (lambda: nn.TransformerEncoderLayer(4, 2, activation="swish"), "(?s)unknown activation.*relu"),
    (lambda: nn.SinusoidalPositions(3), "no pairs"),
    (lambda: nn.RotaryPositions(3), "no pairs"),
    (lambda: nn.Upsample()(np.ones((1, 1, 2, 2))), "size or scale_factor"),
    (lambda: nn.Upsample(2, mode="cubic")(np.ones((1, 1, 2, 2))), "unknown mode"),
    (lambda: nn.PixelShuffle(0)(np.ones((1, 4, 1, 1))), "upscale_factor"),
    (lambda: nn.Unflatten(1, (-1, -1)), "at most one"),
    (lambda: nn.Lambda(3), "not a function"),
    (lambda: nn.PReLU(0), "num_parameters"),
    (lambda: nn.Hardtanh(1, 0)(np.ones(2)), "not in order"),
    (lambda: nn.CELU(0.0)(np.ones(2)), "alpha"),
    (lambda: nn.init.sparse((3, 3), 2.0), "not a part"),
    (lambda: nn.init.truncated_normal(3, low=50.0, high=60.0), "inside"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "says"), IMPOSSIBLE, ids=[says for _, says in IMPOSSIBLE])
def test_options_that_cannot_be(make, says):
    with pytest.raises(pb.OptionError, match=says):
        make()


class TestErrorsNameTheLayer:
    def test_of_the_tree(self):
        model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.ReLU()), nn.Flatten(), nn.Linear(3, 1))
        with pytest.raises(pb.ShapeError, match=r"layer +0\.0: Conv2d\(1, 2, kernel_size=3\)"):
            model(np.ones((1, 3, 8, 8), np.float32))
        with pytest.raises(pb.ShapeError, match=r"layer +2: Linear\(3, 1\)"):
            model(np.ones((1, 1, 8, 8), np.float32))

    def test_of_a_module_of_one_s_own(self):
        class Own(nn.Module):
            def forward(self, x):
                return x @ np.ones((3, 3))

        with pytest.raises(pb.ShapeError, match=r"(?s)matmul.*layer +1: Own\(\)"):
            nn.Sequential(nn.ReLU(), Own())(np.ones((2, 2)))

    def test_in_compiled_code_too(self):
        model = nn.Sequential(nn.Embedding(3, 2, rng=0))
        step = pb.compile(lambda x: model(x))
        good = pb.tensor([0, 2])
        for _ in range(3):
            step(good)
        with pytest.raises(IndexError, match="outside the table"):
            step(pb.tensor([0, 3]))
        assert step(good).shape == (2, 2)


class TestBatchNorm:
    def test_running_statistics_follow_the_batches(self):
        layer, x = nn.BatchNorm2d(3, momentum=0.25, dtype=float), RNG.normal(2, 3, (8, 3, 4, 5))
        for _ in range(2):
            layer(x)
        share = 1 - 0.75**2
        np.testing.assert_allclose(layer.running_mean.numpy(), share * x.mean((0, 2, 3)), rtol=1e-12)
        variance = x.var((0, 2, 3), ddof=1)
        np.testing.assert_allclose(layer.running_var.numpy(), (1 - share) + share * variance, rtol=1e-12)
        assert layer.num_batches_tracked == 2
        assert layer.num_batches_tracked.dtype == np.int64

    def test_without_momentum_they_are_means(self):
        layer, batches = nn.BatchNorm1d(2, momentum=None, dtype=float), RNG.normal(size=(3, 5, 2))
        for batch in batches:
            layer(batch)
        np.testing.assert_allclose(layer.running_mean.numpy(), batches.mean((0, 1)), rtol=1e-12)

    def test_without_statistics_the_batch_counts_in_evaluation_too(self):
        layer, x = (
            nn.BatchNorm1d(2, track_running_stats=False, affine=False, dtype=float).eval(),
            RNG.normal(size=(5, 2)),
        )
        assert list(layer.state_dict()) == []
        np.testing.assert_allclose(layer(x).numpy().mean(0), 0, atol=1e-15)

    def test_no_graph_hangs_on_the_statistics(self):
        layer = nn.BatchNorm1d(2, dtype=float)
        layer(pb.tensor(RNG.normal(size=(5, 2)), requires_grad=True))
        assert layer.running_mean.node is None

    def test_a_batch_of_one_is_refused_and_changes_nothing(self):
        layer = nn.BatchNorm1d(2, dtype=float)
        with pytest.raises(pb.ShapeError, match=r"(?s)one value.*eval\(\)"):
            layer(np.ones((1, 2)))
        assert layer.num_batches_tracked == 0
        assert layer.eval()(np.ones((1, 2))).shape == (1, 2)


class TestAttention:
    def test_rows_that_are_masked_whole_give_zero_and_no_nan(self):
        q, k, v = (pb.tensor(RNG.normal(size=(2, 3, 4)), requires_grad=True) for _ in range(3))
        for mask in (np.zeros((3, 3), bool), np.full((3, 3), -math.inf)):
            mask[1:] = True if mask.dtype == bool else 0.0
            y = nn.scaled_dot_product_attention(q, k, v, mask)
            assert (y[:, 0] == 0).all()
            assert (y[:, 1:] != 0).all()
            for x in (q, k, v):
                x.grad = None
            y.sum().backward()
            assert all(np.isfinite(x.grad.numpy()).all() for x in (q, k, v))
            assert (q.grad[:, 0] == 0).all()

    def test_of_many_heads_too(self):
        layer, x = nn.MultiHeadAttention(4, 2, batch_first=True, rng=0, dtype=float), RNG.normal(size=(2, 3, 4))
        out = np.array([[True, True, True], [False, True, False]])
        y, weights = layer(x, x, x, key_padding_mask=out)
        assert (weights[0] == 0).all()
        np.testing.assert_allclose(y[0].numpy(), np.tile(layer.out_proj.bias.numpy(), (3, 1)))
        assert (weights[1, :, 1] == 0).all()

    def test_causal_is_the_triangle(self):
        q, k, v = RNG.normal(size=(3, 2, 5, 4))
        expected = nn.scaled_dot_product_attention(q, k, v, np.tri(5) == 1)
        np.testing.assert_array_equal(
            nn.scaled_dot_product_attention(q, k, v, is_causal=True).numpy(), expected.numpy()
        )
        layer = nn.MultiHeadAttention(4, 2, batch_first=True, rng=0, dtype=float)
        one = layer(q, q, q, is_causal=True)[0]
        two = layer(q, q, q, attn_mask=np.tri(5) == 0)[0]
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-12)

    def test_dropout_is_of_weights_and_in_training_alone(self):
        layer, x = nn.MultiHeadAttention(4, 2, 0.5, rng=0, dtype=float), RNG.normal(size=(5, 1, 4))
        assert (layer(x, x, x)[0] != layer(x, x, x)[0]).any()
        layer.eval()
        assert (layer(x, x, x)[0] == layer(x, x, x)[0]).all()

    def test_scale_is_taken(self):
        q, k, v = RNG.normal(size=(3, 5, 4))
        twice = nn.scaled_dot_product_attention(q, k, v, scale=1.0)
        np.testing.assert_allclose(twice.numpy(), nn.scaled_dot_product_attention(2 * q, k, v).numpy(), rtol=1e-12)

    @pytest.mark.parametrize("mask", [np.zeros((4, 4), bool), np.zeros((2, 3, 5), bool)])
    def test_masks_that_do_not_fit(self, mask):
        with pytest.raises(pb.ShapeError, match="mask does not fit"):
            nn.scaled_dot_product_attention(np.ones((3, 4)), np.ones((5, 4)), np.ones((5, 2)), mask)

    def test_masks_take_the_dtype_of_the_scores(self):
        x = np.ones((3, 4), np.float32)
        assert nn.scaled_dot_product_attention(x, x, x, np.zeros((3, 3))).dtype == np.float32

    def test_masks_of_integers_are_refused(self):
        with pytest.raises(pb.DTypeError, match="booleans or floating-point"):
            nn.scaled_dot_product_attention(np.ones((3, 4)), np.ones((5, 4)), np.ones((5, 2)), np.ones((3, 5), int))

    def test_lengths_that_do_not_fit(self):
        with pytest.raises(pb.ShapeError, match=r"(?s)lengths do not fit.*expected +\(\.\.\., L, E\)"):
            nn.scaled_dot_product_attention(np.ones((3, 4)), np.ones((5, 3)), np.ones((5, 2)))

    def test_rotary_products_depend_on_distances(self):
        q, k = RNG.normal(size=(2, 1, 6))
        for interleaved in (False, True):

            def score(i, j, pairs=interleaved):
                a, b = (nn.rotary(x, start, interleaved=pairs) for x, start in ((q, i), (k, j)))
                return (a * b).sum().item()

            assert score(3, 1) == pytest.approx(score(12, 10))
            assert score(3, 1) != pytest.approx(score(3, 2))


class TestRecurrent:
    @pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
    def test_what_comes_after_the_end_does_not_matter(self, kind):
        layer = kind(3, 4, num_layers=2, bidirectional=True, batch_first=True, rng=0, dtype=float)
        x, lengths = RNG.normal(size=(3, 5, 3)), np.array([5, 2, 3])
        output, state = layer(x, lengths=lengths)
        other = x.copy()
        for row, length in enumerate(lengths):
            other[row, length:] = 99.0
            assert (output[row, length:] == 0).all()
            alone = layer(x[row : row + 1, :length])
            np.testing.assert_allclose(output[row, :length].numpy(), alone[0][0].numpy(), rtol=1e-10)
            for a, b in zip(leaves(state), leaves(alone[1]), strict=True):
                np.testing.assert_allclose(a[:, row].numpy(), b[:, 0].numpy(), rtol=1e-10)
        assert (layer(other, lengths=lengths)[0] == output).all()

    @pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
    def test_one_sequence_and_its_first_state(self, kind):
        layer, x = kind(3, 4, rng=0, dtype=float), RNG.normal(size=(5, 3))
        output, state = layer(x)
        many, states = layer(x[:, None])
        np.testing.assert_array_equal(output.numpy(), many[:, 0].numpy())
        later = layer(x, state)[0]
        np.testing.assert_allclose(later.numpy(), layer(x[:, None], states)[0][:, 0].numpy())

    def test_cells_make_a_layer(self):
        x = RNG.normal(size=(4, 2, 3))
        for kind, cell in ((nn.RNN, nn.RNNCell), (nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell)):
            layer, one = kind(3, 5, rng=0, dtype=float), cell(3, 5, rng=1, dtype=float)
            one.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
            state = None
            for t in range(4):
                state = one(x[t], state)
                h = state[0] if isinstance(state, tuple) else state
                np.testing.assert_allclose(h.numpy(), layer(x)[0][t].numpy(), rtol=1e-12)

    def test_dropout_between_layers_in_training_alone(self):
        layer, x = nn.GRU(3, 8, num_layers=2, dropout=0.5, rng=0, dtype=float), RNG.normal(size=(4, 2, 3))
        assert (layer(x)[0] != layer(x)[0]).any()
        layer.eval()
        assert (layer(x)[0] == layer(x)[0]).all()

    def test_truncated_backpropagation_through_time(self):
        layer, x = nn.LSTM(2, 3, rng=0, dtype=float), pb.tensor(RNG.normal(size=(6, 1, 2)), requires_grad=True)
        _, state = layer(x[:3])
        output, _ = layer(x[3:], tuple(s.detach() for s in state))
        output.sum().backward()
        assert (x.grad[:3] == 0).all()
        assert (x.grad[3:] != 0).all()


def leaves(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("layer", [
    nn.Conv2d(3, 4, 3, padding=1, rng=0), nn.ConvTranspose2d(3, 4, 3, rng=0), nn.MaxPool2d(2, padding=1),
    nn.AvgPool2d(2, padding=1), nn.AdaptiveAvgPool2d(2), nn.AdaptiveMaxPool2d(3), nn.GlobalAvgPool(),
    nn.BatchNorm2d(3).eval(), nn.GroupNorm(1, 3), nn.LayerNorm(6), nn.LSTM(6, 4, rng=0), nn.GRU(6, 4, rng=0),
    nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, rng=0), nn.Upsample(scale_factor=2, mode="bilinear"),
], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_an_empty_batch_passes(layer):
    sequences = isinstance(layer, (nn.LSTM, nn.GRU, nn.TransformerEncoderLayer))
    shape = (0, 5, 6) if isinstance(layer, nn.TransformerEncoderLayer) else (5, 0, 6) if sequences else (0, 3, 6, 6)
    x = pb.tensor(np.ones(shape, np.float32), requires_grad=True)
    y = layer(x)
    y = y[0] if isinstance(y, tuple) else y
    assert 0 in y.shape
    assert y.dtype == np.float32
    y.sum().backward()
    assert all((p.grad == 0).all() for p in layer.parameters())


@pytest.mark.parametrize(("layer", "shape"), [
    (nn.Conv1d(1, 1, 1), (1, 1, 1)), (nn.LSTM(2, 2), (1, 1, 2)), (nn.GRUCell(2, 2), (1, 2)),
    (nn.MultiHeadAttention(2, 1), (1, 1, 2)), (nn.Bilinear(2, 2, 1), (1, 2)),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_a_float64_batch_is_noticed(layer, shape):
    x = np.ones(shape)
    inputs = {"MultiHeadAttention": (x, x, x), "Bilinear": (x, x)}.get(type(layer).__name__, (x,))
    with pb.strict(), pytest.raises(pb.PrecisionWarning, match=f"{type(layer).__name__}: a batch of float64"):
        layer(*inputs)


class TestEmbedding:
    def test_the_padding_is_zero_and_does_not_learn(self):
        layer = nn.Embedding(4, 3, padding_idx=-1, rng=0, dtype=float)
        assert (layer.weight[3] == 0).all()
        layer(np.array([[3, 1], [1, 3]])).sum().backward()
        assert layer.weight.grad.tolist() == [[0.0] * 3, [2.0] * 3, [0.0] * 3, [0.0] * 3]

    def test_from_pretrained(self):
        table = np.arange(6.0).reshape(3, 2)
        layer = nn.Embedding.from_pretrained(table)
        assert not layer.weight.requires_grad
        assert layer([2, 0]).tolist() == [[4.0, 5.0], [0.0, 1.0]]
        assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
        with pytest.raises(pb.ShapeError, match="not a table"):
            nn.Embedding.from_pretrained(np.ones(3))

    @given(rows=st.lists(st.integers(0, 4), max_size=30))
    def test_repeated_rows_are_added_up(self, rows):
        weight = pb.tensor(np.ones((5, 2)), requires_grad=True)
        (nn.embedding(np.array(rows, int), weight) * np.arange(len(rows))[:, None]).sum().backward()
        expected = np.zeros(5)
        np.add.at(expected, np.array(rows, int), np.arange(len(rows)))
        assert weight.grad[:, 0].tolist() == expected.tolist()


class TestDropout2d:
    def test_channels_go_together(self):
        y = nn.Dropout2d(0.5, rng=0)(np.ones((20, 10, 3, 3))).numpy()
        assert set(np.unique(y)) == {0.0, 2.0}
        assert (y == y[..., :1, :1]).all()

    def test_it_needs_channels(self):
        with pytest.raises(pb.ShapeError, match=r"(?s)no channels.*layer +Dropout2d|layer +Dropout2d.*no channels"):
            nn.Dropout2d()(np.ones(3))


class TestPooling:
    @pytest.mark.parametrize("layer", [nn.MaxPool2d(2), nn.AdaptiveMaxPool2d(1)])
    def test_ties_share_equally(self, layer):
        x = pb.tensor([[[[1.0, 4.0], [4.0, 4.0]]]], requires_grad=True)
        layer(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.array([[[[0, 1], [1, 1]]]]) / 3)

    def test_padding_never_wins(self):
        assert (nn.MaxPool2d(3, 1, padding=1)(np.full((1, 1, 3, 3), -5.0)) == -5).all()

    @given(n=st.integers(1, 9), cells=st.integers(1, 9))
    def test_adaptive_cells_cover_the_image(self, n, cells):
        x = RNG.normal(size=(1, 1, n, n))
        y = nn.AdaptiveMaxPool2d(cells)(x)
        assert y.shape == (1, 1, cells, cells)
        assert y.numpy().max() == x.max()
