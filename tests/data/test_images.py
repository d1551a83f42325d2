"""Reading image data sets: the real files where they are there, and every way in which files can be wrong."""

import gzip
import io
import json
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from limbeck import DataError
from limbeck.data import images, load_cifar10, load_cifar100, load_data, load_mnist, sources
from limbeck.data.idx import read_idx
from limbeck.data.images import CIFAR10, CIFAR100, MNIST


def real(name):
    folder = Path(os.environ.get("LIMBECK_DATA", "nowhere"))
    if not (folder / name).is_dir():
        pytest.skip(f"LIMBECK_DATA names no folder with {name}: the real data is not at hand")
    return folder


def write_idx(path, array, magic=b"\0\0\x08"):
    head = magic + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def tiny(source, train, test):
    """A source whose splits have a few images."""
    return replace(source, train=replace(source.train, count=train), test=replace(source.test, count=test))


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """Four files of the right form with a few digits in them."""
    source = tiny(MNIST, 20, 10)
    monkeypatch.setattr(images, "MNIST", source)
    for part in (source.train, source.test):
        pixels, labels = part.files
        write_idx(tmp_path / f"{pixels}.gz", np.arange(part.count * 784, dtype=np.uint8).reshape(part.count, 28, 28))
        write_idx(tmp_path / labels, np.arange(part.count, dtype=np.uint8) % 10)
    return tmp_path


def test_the_real_mnist_is_read():
    train, test = load_mnist(real("mnist"))
    assert train.inputs.shape == (60_000, 1, 28, 28)
    assert test.inputs.shape == (10_000, 1, 28, 28)
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.inputs.float().mean().item() == pytest.approx(33.3184, abs=1e-3)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_gzipped_and_plain_files_in_the_folder_or_in_mnist_below_it(tiny_mnist, tmp_path, monkeypatch):
    train, test = load_mnist(tiny_mnist)
    assert (len(train), len(test)) == (20, 10)
    assert train.inputs[1, 0, 0, 0] == 784 % 256
    assert train.labels.tolist() == [*range(10), *range(10)]
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "mnist").symlink_to(tiny_mnist)
    monkeypatch.setenv("LIMBECK_DATA", str(outer))
    assert load_mnist(None)[0].fingerprint == train.fingerprint


def test_a_missing_folder_and_missing_files_are_named(tiny_mnist):
    with pytest.raises(
        DataError, match=r"the data folder must exist, got .*/nowhere\n\nhint: give the folder with --data"
    ):
        load_mnist(tiny_mnist / "nowhere")
    (tiny_mnist / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte \(or .gz\) not found"):
        load_mnist(tiny_mnist)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-1], "must hold 20 values, it holds 19"),
        (lambda data: data + b"\0", "must hold 20 values, it holds 21"),
        (lambda data: data[:6], "ends inside its header, after 6 bytes"),
        (lambda data: b"", "must be an IDX file of unsigned bytes, it begins with"),
        (lambda data: b"\x89PNG" + data[4:], "must be an IDX file of unsigned bytes, it begins with 89504e47"),
        (lambda data: data[:7] + b"\x15" + data[8:], r"must have the shape \(20,\), got \(21,\)"),
        (lambda data: data[:-1] + b"\x0a", "must hold labels 0..9, got 10"),
    ],
)
def test_corrupt_files_are_named(tiny_mnist, spoil, message):
    path = tiny_mnist / "train-labels-idx1-ubyte"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=f"train-labels-idx1-ubyte {message}"):
        load_mnist(tiny_mnist)


def test_a_cut_gzip_is_named(tmp_path):
    path = tmp_path / "labels.gz"
    write_idx(path, np.arange(100, dtype=np.uint8))
    assert read_idx(path, (100,)).tolist() == list(range(100))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"labels.gz can't be read"):
        read_idx(path, (100,))
    path.write_bytes(b"not gzip at all")
    with pytest.raises(DataError, match=r"labels.gz can't be read"):
        read_idx(path, (100,))


def test_offline_the_way_out_is_told(monkeypatch):
    import datasets

    def offline(name):
        raise ConnectionError("Couldn't reach the hub\nand more")

    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(
        DataError, match="could not be read from the hub: Couldn't reach the hub\n\nhint: give the folder"
    ):
        load_mnist(None)


def test_without_the_package_the_way_out_is_told(monkeypatch):
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        DataError, match=r"needs the package datasets\n\nhint: pip install 'limbeck\[hub\]', or give the folder"
    ):
        load_mnist(None)


def png(pixels):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


def colours(count, size=32):
    """Images (count, size, size, 3), each of its own."""
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), np.uint8)


def cifar_table(count, label="label", size=32, classes=10):
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    rows = pa.array([png(each) for each in colours(count, size)], image)
    return pa.table({"img": rows, label: pa.array(np.arange(count) % classes)})


@pytest.fixture
def tiny_cifar(tmp_path, monkeypatch):
    """CIFAR-10 as the hub keeps it, with a few images, in a folder of that name."""
    monkeypatch.setattr(images, "CIFAR10", tiny(CIFAR10, 15, 5))
    folder = tmp_path / "cifar10"
    folder.mkdir()
    pq.write_table(cifar_table(15), folder / "train.parquet")
    pq.write_table(cifar_table(5), folder / "test.parquet")
    return tmp_path


def test_the_real_cifar10_is_read():
    train, test = load_cifar10(real("cifar10"))
    assert train.inputs.shape == (50_000, 3, 32, 32)
    assert torch.bincount(train.labels).tolist() == [5000] * 10
    assert torch.bincount(test.labels).tolist() == [1000] * 10
    means = train.inputs.double().mean((0, 2, 3)) / 255
    assert means.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-5)  # as published


def test_the_real_cifar100_is_read():
    train, test = load_cifar100(real("cifar100"))
    assert torch.bincount(train.labels).tolist() == [500] * 100
    assert torch.bincount(test.labels).tolist() == [100] * 100
    schema = pq.read_schema(real("cifar100") / "cifar100" / "train.parquet")
    named = json.loads(schema.metadata[b"huggingface"])["info"]["features"]["fine_label"]["names"]
    assert train.class_names == tuple(named)
    assert test.inputs.double().mean((0, 2, 3)).div(255).tolist() == pytest.approx([0.5088, 0.4874, 0.4419], abs=5e-5)


def test_parquet_files_become_channels_first(tiny_cifar):
    train, test = load_cifar10(tiny_cifar)
    assert (train.inputs.numpy() == colours(15).transpose(0, 3, 1, 2)).all()
    assert (test.inputs.numpy() == colours(5).transpose(0, 3, 1, 2)).all()
    assert train.labels.tolist() == [*range(10), *range(5)]
    assert train.class_names[train.labels[3]] == "cat"
    assert load_data(str(tiny_cifar / "cifar10")).fingerprint == train.fingerprint


def test_several_parquet_files_of_a_split_are_one(tiny_cifar):
    whole = load_cifar10(tiny_cifar)[0]
    folder = tiny_cifar / "cifar10"
    (folder / "train.parquet").unlink()
    pq.write_table(cifar_table(15).slice(0, 7), folder / "train-00000-of-00002.parquet")
    pq.write_table(cifar_table(15).slice(7), folder / "train-00001-of-00002.parquet")
    parts = load_cifar10(tiny_cifar)[0]
    assert parts.fingerprint == whole.fingerprint
    assert torch.equal(parts.labels, whole.labels)


@pytest.mark.parametrize(
    ("source", "load", "folder"),
    [("CIFAR10", load_cifar10, "cifar-10-batches-bin"), ("CIFAR100", load_cifar100, "cifar-100-binary")],
)
def test_the_binary_version_is_read(tmp_path, monkeypatch, source, load, folder):
    own = {"CIFAR10": CIFAR10, "CIFAR100": CIFAR100}[source]
    monkeypatch.setattr(images, source, tiny(own, 15, 5))
    (tmp_path / folder).mkdir()
    for part, count in ((own.train, 15), (own.test, 5)):
        pixels = colours(count).transpose(0, 3, 1, 2).reshape(count, -1)
        labels = np.arange(count, dtype=np.uint8)[:, None] % 10
        coarse = [np.full_like(labels, 19)] * (own.label_bytes - 1)
        rows = np.concatenate([*coarse, labels, pixels], 1)
        for name, own_rows in zip(part.files, np.split(rows, len(part.files)), strict=True):
            (tmp_path / folder / name).write_bytes(own_rows.tobytes())
    train, test = load(tmp_path)
    assert (train.inputs.numpy() == colours(15).transpose(0, 3, 1, 2)).all()
    assert train.labels.tolist() == [*range(10), *range(5)]
    assert test.labels.tolist() == [0, 1, 2, 3, 4]
    assert load_data(str(tmp_path / folder), "test").fingerprint == test.fingerprint
    last = tmp_path / folder / own.train.files[-1]
    whole = bytearray(last.read_bytes())
    last.write_bytes(bytes(whole[: own.label_bytes - 1]) + bytes([200]) + bytes(whole[own.label_bytes :]))
    with pytest.raises(DataError, match=rf"{last.name} must hold labels 0\.\.\d+, got 200"):
        load(tmp_path)
    last.write_bytes(whole)
    cut = tmp_path / folder / own.test.files[0]
    cut.write_bytes(cut.read_bytes()[:-1])
    row = own.label_bytes + 3072
    with pytest.raises(DataError, match=rf"{cut.name} must hold 5 rows of {row} bytes, it has {5 * row - 1} bytes"):
        load(tmp_path)


def cut():
    """A picture that ends after 60 bytes."""
    return png(colours(1)[0])["bytes"][:60]


def flipped():
    """A picture with one bit of its pixels' code flipped: only its checksum tells."""
    file = bytearray(png(colours(1)[0])["bytes"])
    file[-100] ^= 1
    return bytes(file)


def in_mode(mode):
    """A picture of other colours."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (32, 32)).save(file, "PNG")
    return file.getvalue()


def spoiled(change):
    def spoil(folder):
        pq.write_table(change(cifar_table(15)), folder / "train.parquet")

    return spoil


def with_image(file):
    def change(table):
        rows = [{"bytes": file, "path": None}, *table["img"].to_pylist()[1:]]
        return table.set_column(0, "img", pa.array(rows, table.schema.field("img").type))

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "test.parquet").unlink(), "must hold test.parquet too, it is not there"),
        (lambda folder: (folder / "train.parquet").write_bytes(b"PAR1 no PAR1"), r"train.parquet can't be read"),
        (spoiled(lambda table: table.drop(["label"])), "must have the columns img, label, label missing"),
        (spoiled(lambda table: table.slice(1)), "must hold 15 images, it holds 14"),
        (spoiled(with_image(cut())), "image 0: "),
        (spoiled(with_image(flipped())), "image 0: "),
        (spoiled(with_image(in_mode("RGBA"))), "image 0 must be RGB, 32 x 32, it is RGBA, 32 x 32"),
        (spoiled(with_image(in_mode("L"))), "image 0 must be RGB, 32 x 32, it is L, 32 x 32"),
        (spoiled(with_image(in_mode("I;16"))), "image 0 must be RGB, 32 x 32, it is I;16, 32 x 32"),
        (
            spoiled(lambda table: table.set_column(1, "label", pa.array([4.7] * 15))),
            "must hold images and whole-number labels: labels are float64",
        ),
        (
            spoiled(lambda table: table.set_column(1, "label", pa.array([None, *[1] * 14]))),
            "must hold images and whole-number labels: labels are float64",
        ),
        (spoiled(lambda _: cifar_table(15, size=31)), "image 0 must be RGB, 32 x 32, it is RGB, 31 x 31"),
        (spoiled(lambda _: cifar_table(15, classes=11)), r"must hold labels 0\.\.9, got 10"),
        (spoiled(with_image(b"no picture")), "must hold images and whole-number labels: image 0: cannot identify"),
        (spoiled(with_image(None)), "must hold images and whole-number labels: image 0 is missing"),
        (
            spoiled(lambda table: table.set_column(1, "label", pa.array(["cat"] * 15))),
            "must hold images and whole-number labels: labels are object",
        ),
    ],
)
def test_corrupt_parquet_files_are_named(tiny_cifar, spoil, message):
    spoil(tiny_cifar / "cifar10")
    with pytest.raises(DataError, match=message):
        load_cifar10(tiny_cifar)


def test_a_folder_without_cifar_is_told_what_it_must_hold(tmp_path):
    wanted = r"must hold the files of cifar10, data_batch_1.bin, .* not found\n\nhint: .* or train.parquet and test"
    with pytest.raises(DataError, match=wanted):
        load_cifar10(tmp_path)
    with pytest.raises(DataError, match=r"holds none of them"):
        load_data(str(tmp_path))


def test_the_hubs_own_folders_are_found(tiny_cifar):
    train = load_cifar10(tiny_cifar)[0]
    inner = tiny_cifar / "cifar10" / "plain_text"
    inner.mkdir()
    for name in ("train", "test"):
        (tiny_cifar / "cifar10" / f"{name}.parquet").rename(inner / f"{name}-00000-of-00001.parquet")
    assert load_cifar10(tiny_cifar)[0].fingerprint == train.fingerprint
    assert load_cifar10(tiny_cifar / "cifar10")[0].fingerprint == train.fingerprint


def test_parquet_files_are_told_apart_by_their_columns(tmp_path, monkeypatch):
    for name, source, label in (("CIFAR100", CIFAR100, "fine_label"), ("MNIST", MNIST, "label")):
        monkeypatch.setattr(images, name, tiny(source, 12, 12))
        monkeypatch.setattr(sources, name, getattr(images, name))
        folder = tmp_path / name
        folder.mkdir()
        table = cifar_table(12, label)
        if name == "MNIST":
            rows = pa.array([png(each) for each in colours(12, 28)[..., 0]], table.schema.field("img").type)
            table = pa.table({"image": rows, "label": table["label"]})
        for split in ("train", "test"):
            pq.write_table(table, folder / f"{split}.parquet")
    assert load_data(str(tmp_path / "CIFAR100")).class_names[0] == "apple"
    mnist = load_data(str(tmp_path / "MNIST"))
    assert (mnist.inputs[:, 0].numpy() == colours(12, 28)[..., 0]).all()
    with pytest.raises(DataError, match=r"must have the columns img, label, img missing\n\nhint: "):
        load_cifar10(tmp_path / "MNIST")


def test_whatever_pillow_raises_is_told(tiny_cifar, monkeypatch):
    from PIL import Image

    def fail(*_, **options):
        raise SyntaxError("broken PNG file (chunk b'abc')")

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(DataError, match=r"train.parquet must hold images .* image 0: broken PNG file \(chunk"):
        load_cifar10(tiny_cifar)


def test_without_pillow_the_way_out_is_told(tiny_cifar, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"needs the package pillow\n\nhint: pip install 'limbeck\[hub\]'"):
        load_cifar10(tiny_cifar)


def test_the_hubs_data_sets_become_tensors(monkeypatch):
    import datasets
    from PIL import Image

    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    monkeypatch.setattr(images, "MNIST", tiny(MNIST, 12, 12))
    pixels = colours(12, 28)[..., 0]
    rows = {"image": [Image.fromarray(image) for image in pixels], "label": [*range(10), 3, 7]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(num_classes=10)})
    split = datasets.Dataset.from_dict(rows, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda name: {"train": split, "test": split})
    train, test = load_mnist(None)
    assert (train.inputs[:, 0].numpy() == pixels).all()
    assert test.labels.tolist() == [*range(10), 3, 7]
