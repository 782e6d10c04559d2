import importlib
import types

import numpy as np
import published_files
import pytest

from kerasseg import zoo
from kerasseg.label_sets import VOC


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """VGG-16 with a sixty-fourth of its channels."""
    module = importlib.import_module("kerasseg.backbones.vgg16_large_fov")
    convolution = module.convolution

    def thinner(filters, *rest, **more):
        return convolution(filters // 64, *rest, **more)

    monkeypatch.setattr(module, "convolution", thinner)


@pytest.fixture
def matrices(tmp_path, rng):
    paths = [tmp_path / "w0_500.npy", tmp_path / "w1_500.npy"]
    for path in paths:
        np.save(path, rng.normal(size=(64, 500)).astype("float32"))
    return paths


def test_a_saved_model(run, tmp_path, matrices, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("import", *matrices, "--entry", "gdn_vgg16")
    assert result.code == 0, result.err
    assert "read               interpolation matrices" in result.out
    assert "as in a new model  convolutions of the backbone" in result.out
    model = zoo.load(tmp_path / "w0_500")
    kernel = model.get_layer("interpolation").kernel_height
    np.testing.assert_array_equal(np.asarray(kernel), np.load(matrices[0]).T)
    assert zoo.info(tmp_path / "w0_500").labels == VOC


def test_the_folder_and_the_mean(run, tmp_path, matrices):
    out = tmp_path / "out"
    argv = ("--entry", "gdn_vgg16", "--out", out, "--mean", 1, 2, 3)
    assert run("import", *matrices, *argv).code == 0
    model = zoo.load(out)
    (backbone,) = (x for x in model.layers if x.name == "vgg16_large_fov")
    assert list(backbone.get_layer("rescaling").offset) == [-1, -2, -3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pkl", b"\x80\x04.", "A pickle is a program"),
        ("a.mat", b"MATLAB 5.0 MAT-file", "is damaged or of another kind"),
        ("a.bin", b"none", "begins like none of them"),
    ],
)
def test_other_files(run, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    result = run("import", path, "--entry", "fcn_8s_vgg16", "--out", tmp_path)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_network_of_another_kind(run, tmp_path):
    layer = published_files.caffe_layer("odd", "Mystery", [np.eye(2)])
    path = published_files.caffemodel(tmp_path / "a.caffemodel", layer)
    out = tmp_path / "out"
    result = run("import", path, "--entry", "gdn_vgg16", "--out", out)
    assert result.code == 2
    assert "odd (blob 0) of the unknown type Mystery" in result.err
    assert not out.exists()


def test_arguments(run, tmp_path, matrices):
    for argv, message in (
        ((*matrices,), "--entry"),
        ((*matrices, "--entry", "lrr_4x"), "must be one of lrr_4x_vgg16"),
        ((*matrices, "--entry", "gdn_vgg16", "--channels", "GRB"), "GRB"),
        ((*matrices, "--entry", "gdn_vgg16", "--channels", "BGR"), "no image"),
        ((tmp_path / "no", "--entry", "gdn_vgg16"), "There is no weights file"),
        ((*matrices, "--entry", "gdn_vgg16", "--out", matrices[0]), "a file"),
    ):
        result = run("import", *argv)
        assert result.code == 2
        assert message in result.err


def test_a_missing_package_names_its_extra(run, tmp_path, monkeypatch):
    from kerasseg.importers import packages

    def missing(name):
        raise ImportError(f"No module named {name!r}")

    fake = types.SimpleNamespace(import_module=missing)
    monkeypatch.setattr(packages, "importlib", fake)
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    result = run("import", path, "--entry", "gdn_vgg16", "--out", tmp_path)
    assert result.code == 2
    assert "pip install kerasseg[import]" in result.err
