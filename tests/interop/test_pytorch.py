"""Files of PyTorch's: what is read, number for number, and that nothing in them is ever run."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.interop import load_torch, safetensors
from pullback.interop.bfloat16 import narrowed, widened

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture
def saved(tmp_path):
    def save(value, **settings):
        path = tmp_path / "x.pt"
        torch.save(value, path, **settings)
        return path

    return save


def test_a_state_dict(saved):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    found = load_torch(saved(model.state_dict()))
    assert list(found) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(found[name], value.numpy())
        assert found[name].dtype == value.numpy().dtype
        assert found[name].shape == tuple(value.shape)
    ours = pb.nn.Sequential(pb.nn.Conv2d(3, 4, 3), pb.nn.BatchNorm2d(4), pb.nn.Flatten())
    ours.load_state_dict(found)
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(
        ours.eval()(x).numpy(), model.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-5
    )


KINDS = (
    *("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"),
    *("complex64", "complex128"),
)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_every_type(saved, kind, protocol):
    value = torch.tensor([[0, 1, 2], [3, 4, 100]]).to(getattr(torch, kind))
    found = load_torch(saved({"x": value}, pickle_protocol=protocol))["x"]
    expected = value.float() if kind == "bfloat16" else value
    np.testing.assert_array_equal(found, expected.numpy())
    assert found.dtype == expected.numpy().dtype


def test_views_shared_storages_and_parameters(saved):
    base = torch.arange(24.0).reshape(4, 6)
    values = {"t": base.T, "part": base[1:3, ::2], "one": base[2, 3], "none": base[:0], "p": torch.nn.Parameter(base),
              "row": base[1].expand(3, 6)}  # fmt: skip
    found = load_torch(saved(values))
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value.detach().numpy())
        assert found[name].flags.owndata or found[name].flags.writeable


def test_what_stands_within_is_named_with_dots(saved):
    value = {"model": OrderedDict(w=torch.ones(2)), "epoch": 3, "loss": 0.5, "note": "text", "none": None, "flag": True,
             "all": [torch.zeros(1), (torch.ones(1), 2)]}  # fmt: skip
    assert {name: x.tolist() for name, x in load_torch(saved(value)).items()} == {
        "model.w": [1.0, 1.0], "all.0": [0.0], "all.1.0": [1.0],
    }  # fmt: skip
    assert load_torch(saved(torch.ones(2)))[""].tolist() == [1.0, 1.0]


def test_an_optimizer_s_state(saved):
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.Adam([w])
    w.grad = torch.ones(2)
    optimizer.step()
    found = load_torch(saved(optimizer.state_dict()))
    np.testing.assert_allclose(found["state.0.exp_avg"], 0.1, rtol=1e-6)


def test_safetensors_of_bfloat16(tmp_path):
    from safetensors.torch import load_file, save_file

    x = torch.randn(3, 4)
    save_file({"x": x.bfloat16(), "y": x}, tmp_path / "x.safetensors")
    found = load_torch(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(found["x"], x.bfloat16().float().numpy())
    np.testing.assert_array_equal(found["y"], x.numpy())
    safetensors.save(tmp_path / "z.safetensors", {"x": x.numpy(), "n": np.arange(3)}, {"a": "b"}, bfloat16=True)
    theirs = load_file(tmp_path / "z.safetensors")
    assert theirs["x"].dtype == torch.bfloat16
    assert (theirs["x"] == x.bfloat16()).all()
    arrays, notes = safetensors.load(tmp_path / "z.safetensors", proved=True)
    assert notes == {"a": "b"}
    np.testing.assert_array_equal(arrays["x"], x.bfloat16().float().numpy())
    assert arrays["n"].tolist() == [0, 1, 2]


@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_rounding_to_bfloat16_is_pytorch_s(numbers):
    x = np.array(numbers, np.float32)
    np.testing.assert_array_equal(widened(narrowed(x)), torch.tensor(x).bfloat16().float().numpy())


class Evil:
    """A class that runs something when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise RuntimeError('code was run')",))


@pytest.mark.parametrize("value", [Evil(), {"w": Evil()}, [torch.ones(1), Evil()], np.ones(2), {1, 2}, object()])
def test_nothing_is_run(saved, value):
    with pytest.raises(pb.PullbackError, match=r"more than plain tensors, and no code of it is run"):
        load_torch(saved(value))


def archive(tmp_path, data, **members):
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w", members.pop("packed", zipfile.ZIP_STORED)) as file:
        file.writestr("archive/data.pkl", data)
        for name, content in members.items():
            file.writestr(f"archive/{name.replace('_', '/')}", content)
    return path


def test_a_whole_module_is_refused(saved):
    with pytest.raises(pb.PullbackError, match=r"(?s)no code of it is run.*torch\.nn\.modules\.linear\.Linear"):
        load_torch(saved(torch.nn.Linear(1, 1)))


def tensor_pickle(size=4, offset=0, shape=(2, 2), strides=(2, 1), kind=b"FloatStorage", word=b"storage"):
    """The pickle of one tensor, with places of one's own."""

    def numbers(values):
        return b"(" + b"".join(b"J" + int(v).to_bytes(4, "little", signed=True) for v in values) + b"t"

    def text(word):
        return b"X" + len(word).to_bytes(4, "little") + word

    place = b"(" + text(word) + b"ctorch\n" + kind + b"\n" + text(b"0") + text(b"cpu")
    place += b"J" + size.to_bytes(4, "little", signed=True) + b"tQ"
    return (
        b"\x80\x02}"
        + text(b"w")
        + b"ctorch._utils\n_rebuild_tensor_v2\n("
        + place
        + b"J"
        + offset.to_bytes(4, "little", signed=True)
        + numbers(shape)
        + numbers(strides)
        + b"\x89Nt"
        + b"Rs."
    )


FLOATS = np.arange(4, dtype="<f4").tobytes()


def test_an_archive_by_hand(tmp_path):
    assert load_torch(archive(tmp_path, tensor_pickle(), data_0=FLOATS))["w"].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    big = archive(tmp_path, tensor_pickle(), data_0=np.arange(4, dtype=">f4").tobytes(), byteorder="big")
    assert load_torch(big)["w"].tolist() == [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize("places", [
    {"offset": 1}, {"shape": (3, 2)}, {"strides": (3, 1)}, {"offset": -1}, {"strides": (-2, 1)}, {"shape": (-2, 2)},
    {"size": 5}, {"shape": (2, 2, 1)}, {"shape": (2**30, 2**30), "strides": (1, 1)}, {"word": b"file"},
    {"kind": b"QInt8Storage"}, {"kind": b"DoubleStorage"},
], ids=str)  # fmt: skip
def test_places_outside_of_the_numbers_are_refused(tmp_path, places):
    with pytest.raises(pb.PullbackError, match="load_torch"):
        load_torch(archive(tmp_path, tensor_pickle(**places), data_0=FLOATS))


def test_damaged_and_foreign_files(tmp_path, saved):
    with pytest.raises(pb.PullbackError, match="cannot be read"):
        load_torch(tmp_path / "nothing.pt")
    with pytest.raises(pb.PullbackError, match="missing"):
        load_torch(archive(tmp_path, tensor_pickle()))
    with pytest.raises(pb.PullbackError, match="packed"):
        load_torch(archive(tmp_path, tensor_pickle(), data_0=FLOATS, packed=zipfile.ZIP_DEFLATED))
    for data in (b"", b"\x80\x02.", b"\x80\x02}", b"0.", b"(((.", tensor_pickle()[:-20]):
        with pytest.raises(pb.PullbackError, match="load_torch"):
            load_torch(archive(tmp_path, data, data_0=FLOATS))
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as file:
        file.writestr("readme", "x")
    (tmp_path / "y.zip").write_bytes(plain.getvalue())
    with pytest.raises(pb.PullbackError, match="no archive of PyTorch's"):
        load_torch(tmp_path / "y.zip")
    torch.save({"w": torch.ones(1)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(pb.PullbackError, match="pickle"):
        load_torch(tmp_path / "old.pt")
    whole = saved({"w": torch.ones(100)}).read_bytes()
    (tmp_path / "part.pt").write_bytes(whole[:-50])
    with pytest.raises(pb.PullbackError, match="damaged"):
        load_torch(tmp_path / "part.pt")


WHOLE = io.BytesIO()
torch.save({"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, WHOLE)


@settings(max_examples=60)
@given(st.data())
def test_any_damage_is_an_error_of_ours_or_numbers(tmp_path_factory, data):
    content = bytearray(WHOLE.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / "x.pt"
    path.write_bytes(bytes(content))
    try:
        found = load_torch(path)
    except pb.PullbackError:
        return
    assert all(isinstance(x, np.ndarray) for x in found.values())


def test_no_module_here_unpickles():
    import pullback.interop.pytorch as module

    assert not {v for v in vars(module).values() if v is pickle}
