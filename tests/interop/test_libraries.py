"""Other libraries on tensors: xarray keeps its labels, pandas and scikit-learn take numbers, NumPy saves constants."""

from __future__ import annotations

import io

import numpy as np
import pytest

import pullback as pb

A = np.array([1.0, 2.0, 4.0])


def leaf():
    return pb.tensor(A, requires_grad=True)


XARRAY = {
    "sum": lambda d: d.sum(), "mean": lambda d: d.mean("place"), "max": lambda d: d.max(), "std": lambda d: d.std(),
    "median": lambda d: d.median(), "cumsum": lambda d: d.cumsum("place"), "diff": lambda d: d.diff("place"),
    "where": lambda d: d.where(d > 1.5, 0.0), "clip": lambda d: d.clip(1.5, 3.0), "exp": lambda d: np.exp(d),
    "sel": lambda d: d.sel(place=20), "quantile": lambda d: d.quantile(0.3), "times": lambda d: d * d + 1.0,
    "dot": lambda d: d.dot(d), "var without NaN": lambda d: d.var(skipna=False),
}  # fmt: skip


@pytest.mark.parametrize("f", XARRAY.values(), ids=XARRAY)
def test_xarray_keeps_its_labels_and_the_derivative(f):
    xarray = pytest.importorskip("xarray")

    def labelled(values):
        return f(xarray.DataArray(values, dims="place", coords={"place": [10, 20, 30]}))

    expected, found = labelled(A), labelled(leaf())
    assert found.dims == expected.dims
    assert {k: v.values.tolist() for k, v in found.coords.items()} == {
        k: v.values.tolist() for k, v in expected.coords.items()
    }
    assert isinstance(found.data, pb.Tensor)
    np.testing.assert_allclose(found.data.detach().numpy(), expected.values)
    pb.testing.check_grads(lambda x: labelled(x).data, A)


def test_xarray_joins():
    xarray = pytest.importorskip("xarray")
    x = leaf()
    d = xarray.DataArray(x, dims="place")
    joined = xarray.concat([d, 2 * d], dim="place")
    joined.data.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 3.0]


def test_pandas_columns_hold_the_numbers_of_constants():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pb.tensor(A), "b": pb.tensor([1, 2, 3])})
    assert [str(t) for t in frame.dtypes] == ["float64", "int64"]
    frame["c"] = pb.tensor(A) * 2
    assert frame["c"].tolist() == [2.0, 4.0, 8.0]
    assert pandas.DataFrame(pb.tensor(np.eye(2))).to_numpy().tolist() == np.eye(2).tolist()
    assert pandas.Series(pb.tensor(A)).dtype == float
    assert pb.tensor(frame).shape == (3, 3)
    assert (leaf() + pandas.Series(A)).requires_grad
    with pytest.raises(pb.GraphError, match="drop the gradient"):
        pandas.Series(leaf())


def test_scikit_learn_takes_constants():
    pytest.importorskip("sklearn")
    from sklearn import linear_model, metrics, model_selection, preprocessing

    x, y, p = pb.tensor(np.arange(8.0).reshape(4, 2)), pb.tensor([0, 1, 0, 1]), pb.tensor([0.2, 0.7, 0.4, 0.9])
    plain = x.numpy(), y.numpy(), p.numpy()
    for scaler in (preprocessing.StandardScaler, preprocessing.MinMaxScaler, preprocessing.RobustScaler):
        np.testing.assert_array_equal(scaler().fit_transform(x), scaler().fit_transform(plain[0]))
    for metric in (metrics.roc_auc_score, metrics.log_loss, metrics.brier_score_loss, metrics.mean_squared_error):
        assert metric(y, p) == metric(*plain[1:])
    for metric in (metrics.accuracy_score, metrics.f1_score, metrics.recall_score):
        assert metric(y, p > 0.5) == metric(plain[1], plain[2] > 0.5)
    assert metrics.confusion_matrix(y, y).tolist() == [[2, 0], [0, 2]]
    assert linear_model.LogisticRegression().fit(x, y).predict(x).shape == (4,)
    assert [len(part) for part in model_selection.train_test_split(x, y, random_state=0)] == [3, 1, 3, 1]
    with pytest.raises(pb.GraphError, match="drop the gradient"):
        preprocessing.StandardScaler().fit(pb.tensor(np.eye(2), requires_grad=True))


@pytest.mark.parametrize("name", ["save", "savez", "savez_compressed", "savetxt"])
def test_numpy_saves_constants(name):
    text = name == "savetxt"
    file = io.StringIO() if text else io.BytesIO()
    getattr(np, name)(file, pb.tensor(A))
    file.seek(0)
    found = np.loadtxt(file) if text else np.load(file)
    np.testing.assert_array_equal(found["arr_0"] if "savez" in name else found, A)
    with pytest.raises((pb.OptionError, pb.GraphError), match=r"numpy\(\)"):
        getattr(np, name)(io.StringIO() if text else io.BytesIO(), leaf())


def test_numpy_writes_the_numbers_of_a_tensor(tmp_path):
    pb.tensor(A).tofile(tmp_path / "numbers")
    assert np.fromfile(tmp_path / "numbers").tolist() == A.tolist()
    assert np.frombuffer(pb.tensor(A).tobytes()).tolist() == A.tolist()


def test_dlpack_gives_copies_both_ways():
    t = pb.tensor(A)
    array = np.from_dlpack(t)
    array[0] = 9.0
    assert t.tolist() == A.tolist()
    source = A.copy()
    taken = pb.from_dlpack(source)
    source[0] = 9.0
    assert taken.tolist() == A.tolist()
    assert pb.from_dlpack(source, copy=False).tolist() == source.tolist()
    assert t.__dlpack_device__() == A.__dlpack_device__()
    with pytest.raises(BufferError, match="copy"):
        t.__dlpack__(copy=False)
    with pytest.raises(BufferError, match="stream"):
        t.__dlpack__(stream=1)
    with pytest.raises(pb.GraphError, match="DLPack"):
        np.from_dlpack(leaf())
    with pytest.raises(pb.OptionError, match="device"):
        t.to_device("cuda")
    assert t.to_device("cpu") is t


def test_dlpack_of_other_libraries():
    torch = pytest.importorskip("torch")
    t = pb.tensor(A)
    theirs = torch.from_dlpack(t)
    theirs[0] = 9.0
    assert t.tolist() == A.tolist()
    ours = pb.from_dlpack(theirs)
    theirs[1] = 7.0
    assert ours.tolist() == [9.0, 2.0, 4.0]
