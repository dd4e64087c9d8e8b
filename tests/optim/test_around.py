"""What stands around a step: clipping, averages of weights, groups by names, loss scaling."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pullback as pb
from pullback import nn, optim
from pullback.optim import EMA, SGD, SWA, AdamW, LossScaler, clip_grad_norm_, clip_grad_value_, groups_by_name


def leaves(dtype=float):
    rng = np.random.default_rng(0)
    found = [pb.tensor(rng.normal(size=s), dtype, requires_grad=True) for s in ((3, 4), (5,), ())]
    for p in found:
        p.grad = rng.normal(size=p.shape) * 3
    return found


class TestClipping:
    @pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf])
    @pytest.mark.parametrize("max_norm", [0.5, 100.0])
    def test_the_norm_is_pytorch_s(self, norm_type, max_norm):
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        ours = leaves()
        theirs = [torch.tensor(p.numpy(), requires_grad=True) for p in ours]
        for p, q in zip(ours, theirs, strict=True):
            q.grad = torch.tensor(p.grad.numpy())
        found = clip_grad_norm_([*ours, pb.tensor([1.0], requires_grad=True)], max_norm, norm_type)
        expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
        assert found.item() == pytest.approx(expected.item(), rel=1e-12)
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)

    def test_values(self):
        (p, *_) = found = leaves()
        before = p.grad.numpy().copy()
        clip_grad_value_(found, 0.5)
        np.testing.assert_array_equal(p.grad.numpy(), np.clip(before, -0.5, 0.5))

    @pytest.mark.parametrize("clip", [lambda ps: clip_grad_norm_(ps, 0.1), lambda ps: clip_grad_value_(ps, 0.1)])
    def test_compiled_it_is_the_same(self, clip):
        def step_of(p):
            optimizer = SGD([p], lr=0.1)

            def step(x):
                (x * p * p).sum().backward()
                norm = clip([p])
                optimizer.step()
                optimizer.zero_grad()
                return norm

            return step

        p, q = (pb.tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
        eager, compiled = step_of(p), pb.compile(step_of(q))
        for x in (1.0, 5.0, 1e-3, 2.0):
            eager(np.float64(x))
            compiled(np.float64(x))
        np.testing.assert_allclose(q.numpy(), p.numpy(), rtol=1e-12)

    def test_of_half_precision_squares_do_not_overflow(self):
        p = pb.tensor(np.ones(4, np.float16), requires_grad=True)
        p.grad = np.full(4, 3e4, np.float16)
        assert clip_grad_norm_([p], 1.0).item() == pytest.approx(6e4, rel=1e-3)
        assert p.grad.dtype == np.float16
        np.testing.assert_allclose(p.grad.numpy(), 0.5, rtol=2e-3)

    def test_what_is_not_finite(self):
        (p, *_) = found = leaves()
        p.grad = np.full(p.shape, np.nan)
        with pytest.raises(pb.PullbackError, match="not finite"):
            clip_grad_norm_(found, 1.0, error_if_nonfinite=True)
        assert math.isnan(clip_grad_norm_(found, 1.0).item())
        for bad in (-1.0, math.nan):
            with pytest.raises(pb.PullbackError, match="max_norm"):
                clip_grad_norm_(found, bad)
            with pytest.raises(pb.PullbackError, match="clip_value"):
                clip_grad_value_(found, bad)
        with pytest.raises(pb.PullbackError, match="norm_type"):
            clip_grad_norm_(found, 1.0, 0.0)

    def test_without_gradients_there_is_no_norm(self):
        assert clip_grad_norm_([pb.tensor([1.0], requires_grad=True)], 1.0).item() == 0


class TestAverages:
    VALUES = (1.0, 2.0, 6.0, 3.0)

    def averaged(self, make):
        w = pb.tensor([0.0], requires_grad=True)
        average = make([w])
        for value in self.VALUES:
            with pb.no_grad():
                w.assign([value])
            average.update()
        return w, average

    def test_an_exponential_one(self):
        _, average = self.averaged(lambda params: EMA(params, 0.9))
        expected = 0.0
        for value in self.VALUES:
            expected = 0.9 * expected + 0.1 * value
        assert average.averages[0].item() == pytest.approx(expected, rel=1e-12)

    def test_one_that_warms_up(self):
        _, average = self.averaged(lambda params: EMA(params, 0.2, warm_up=True))
        expected = 0.0
        for n, value in enumerate(self.VALUES):
            decay = min(0.2, (1 + n) / (10 + n))
            expected = decay * expected + (1 - decay) * value
        assert average.averages[0].item() == pytest.approx(expected, rel=1e-12)

    def test_the_mean(self):
        assert self.averaged(SWA)[1].averages[0].item() == pytest.approx(np.mean(self.VALUES), rel=1e-12)

    def test_it_is_applied_and_taken_back_after_an_error_too(self):
        w, average = self.averaged(SWA)
        with pb.no_grad():
            w.assign([9.0])

        def failing():
            with average.applied():
                assert w.item() == 3.0
                raise RuntimeError

        with pytest.raises(RuntimeError):
            failing()
        assert w.item() == 9.0
        average.copy_to()
        assert w.item() == 3.0

    @pytest.mark.parametrize("make", [EMA, SWA, lambda params: EMA(params, warm_up=True)])
    def test_compiled_it_is_the_same(self, make):
        def step_of(w):
            optimizer, average = SGD([w], lr=0.1), make([w])

            def step(x):
                ((w - x) ** 2).sum().backward()
                optimizer.step()
                optimizer.zero_grad()
                average.update()

            return step, average

        w, v = (pb.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
        (eager, a), (native, b) = step_of(w), step_of(v)
        compiled = pb.compile(native)
        for x in np.linspace(0, 3, 6):
            eager(x)
            compiled(x)
        np.testing.assert_allclose(b.averages[0].numpy(), a.averages[0].numpy(), rtol=1e-12)
        assert b.count.item() == a.count.item() == 6
        np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-12)

    def test_a_state_goes_on(self):
        w, average = self.averaged(EMA)
        other = EMA([pb.tensor([7.0], requires_grad=True)])
        other.load_state_dict(average.state_dict())
        assert other.averages[0].item() == average.averages[0].item()
        assert other.count.item() == 4
        with pytest.raises(pb.PullbackError, match=r"(?s)does not fit.*key +0.average"):
            other.load_state_dict({"count": 1.0})
        with pytest.raises(pb.PullbackError, match="no parameters"):
            SWA([])
        with pytest.raises(pb.PullbackError, match="decay"):
            EMA([w], 1.0)

    def test_statistics_may_be_averaged_too(self):
        norm = nn.BatchNorm1d(2)
        average = EMA([*norm.parameters(), *norm.buffers()], 0.5)
        norm(np.array([[1.0, 2.0], [3.0, 8.0]], np.float32))
        average.update()
        with average.applied():
            assert norm.running_mean.tolist() == pytest.approx([0.1, 0.25])


class TestGroups:
    MODEL = nn.Sequential(nn.Linear(4, 8, rng=0), nn.LayerNorm(8), nn.Linear(8, 2, rng=1))

    def test_biases_and_norms_do_not_decay(self):
        groups = groups_by_name(self.MODEL.named_parameters(), {"*.bias 1.*": {"weight_decay": 0.0}})
        optimizer = AdamW(groups, lr=0.1, weight_decay=0.5)
        assert [[p.name for p in group["params"]] for group in optimizer.param_groups] == [
            ["0.bias", "1.weight", "1.bias", "2.bias"], ["0.weight", "2.weight"],
        ]  # fmt: skip
        assert [group["weight_decay"] for group in optimizer.param_groups] == [0.0, 0.5]

    def test_the_first_pattern_counts(self):
        first, second = groups_by_name(self.MODEL.named_parameters(), {"0.*": {"lr": 0.1}, "*": {"lr": 0.2}})
        assert [len(first["params"]), len(second["params"])] == [2, 4]

    def test_a_pattern_that_matches_nothing(self):
        with pytest.raises(pb.PullbackError, match=r"(?s)norm\*.*0\.weight"):
            groups_by_name(self.MODEL.named_parameters(), {"norm*": {"weight_decay": 0.0}})


class TestScaling:
    def network(self, seed=0):
        return nn.Sequential(
            nn.Linear(3, 4, rng=seed, dtype=np.float16), nn.Tanh(), nn.Linear(4, 1, rng=1, dtype=np.float16)
        )

    def step_of(self, model, optimizer, scaler):
        def step(x):
            loss = (model(x) ** 2).mean() * 1e-4
            scaler.scale(loss).backward()
            done = scaler.step(optimizer)
            optimizer.zero_grad()
            return done

        return step

    def test_a_step_that_overflowed_is_left_out_compiled_too(self):
        models = self.network(), self.network()
        optimizers = [optim.Adam(model.parameters(), lr=0.01) for model in models]
        scalers = [LossScaler(2.0**10, growth_interval=2) for _ in models]
        eager, native = (self.step_of(*parts) for parts in zip(models, optimizers, scalers, strict=True))
        compiled = pb.compile(native)
        good = np.ones((2, 3), np.float16)
        bad = np.full((2, 3), np.inf, np.float16)
        with np.errstate(all="ignore"):
            for x, grown in ((good, 2.0**10), (good, 2.0**11), (bad, 2.0**10), (good, 2.0**10), (good, 2.0**11)):
                before = models[0].state_dict()
                done = eager(x)
                assert done == bool(compiled(x))
                assert done is (x is good)
                same = all((before[name] == value).all() for name, value in models[0].state_dict().items())
                assert same is (x is bad)
                assert [s.factor.item() for s in scalers] == [grown, grown]
        for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=2e-3, atol=1e-3)
        counts = [optimizer.param_groups[0].states[0]["step"].item() for optimizer in optimizers]
        assert counts == [4.0, 4.0]

    def test_small_gradients_do_not_vanish(self):
        w = pb.tensor(np.ones(1, np.float16), requires_grad=True)
        scaler = LossScaler()
        for scale, lost in ((lambda x: x, True), (scaler.scale, False)):
            w.grad = None
            scale((w.astype(np.float32) * 1e-9).sum()).backward()
            assert (w.grad.item() == 0) is lost

    def test_a_state_goes_on(self):
        scaler, other = LossScaler(8.0), LossScaler()
        scaler.good.assign(3.0)
        other.load_state_dict(scaler.state_dict())
        assert other.state_dict() == {"scale": 8.0, "good": 3.0}
        with pytest.raises(pb.PullbackError, match="not its state"):
            other.load_state_dict({"scale": 1.0})

    @pytest.mark.parametrize("settings", [
        {"init_scale": 0.5}, {"growth_factor": 0.5}, {"backoff_factor": 0.0}, {"backoff_factor": 2.0},
        {"growth_interval": 0},
    ], ids=str)  # fmt: skip
    def test_settings_that_cannot_be(self, settings):
        with pytest.raises(pb.PullbackError, match=next(iter(settings))):
            LossScaler(**settings)


def test_a_closure_gives_the_loss():
    w = pb.tensor([1.0], requires_grad=True)
    optimizer = SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert w.item() == pytest.approx(0.8)
