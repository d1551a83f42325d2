"""Anybody's own images: folders of them, and what the library datasets gives, without a network."""

import io
import os
import struct
import sys
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from limbeck import ArgumentError, DataError
from limbeck.data import Columns, load_splits
from limbeck.data.columns import from_tables
from limbeck.data.hub import read_hub

RNG = np.random.default_rng(0)


def pixels(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def keep(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return array


def keep_several(path):
    first, *others = (Image.fromarray(pixels(3, 3)) for _ in range(2))
    first.save(path, save_all=True, append_images=others)


def read(folder, **columns):
    said = []
    return load_splits(str(folder), Columns(**columns), say=said.append), said


def test_folders_of_classes_in_folders_of_splits(tmp_path):
    kept = {
        path: keep(tmp_path / path, pixels(4, 5, 3))
        for path in ("train/cat/1.png", "train/test/2.png", "val/cat/3.png", "test/test/train_4.png")
    }
    splits, said = read(tmp_path)
    assert splits.training.class_names == ("cat", "test")
    for data, paths in ((splits.training, list(kept)[:2]), (splits.validation, [list(kept)[2]])):
        np.testing.assert_array_equal(data.inputs.permute(0, 2, 3, 1).numpy(), [kept[path] for path in paths])
        assert list(data.origins) == [str(tmp_path / path) for path in paths]
    assert (splits.training.labels.tolist(), splits.test.labels.tolist()) == ([0, 1], [1])
    assert said == [
        "label: the folder of each image, 2 classes: cat, test",
        "inputs: images of 3 x 4 x 5, uint8, 0..255",
    ]


def test_folders_of_classes_alone_and_images_alone(tmp_path):
    for name in ("b/1.png", "a/2.png", "a/deep/3.png"):
        keep(tmp_path / "classes" / name, pixels(3, 3))
    splits, _ = read(tmp_path / "classes")
    assert (splits.training.class_names, splits.training.labels.tolist(), splits.test) == (("a", "b"), [0, 0, 1], None)
    assert splits.training.inputs.shape == (3, 1, 3, 3)
    assert read(tmp_path / "classes", classes=("b", "a", "c"))[0].training.labels.tolist() == [1, 1, 0]
    assert read(tmp_path / "classes", unlabelled=True)[0].training.labels is None
    for name in ("1.png", "2.png"):
        keep(tmp_path / "flat" / "train" / name, pixels(3, 3))
    splits, said = read(tmp_path / "flat")
    assert splits.training.labels is None
    assert said[0] == "labels: none are used (the images lie in no folders)"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: keep(f / "a/9.png", pixels(3, 4)), r"a/9.png must be L, 3 x 3, it is L, 3 x 4"),
        (lambda f: keep(f / "a/9.png", pixels(3, 3, 3)), r"a/9.png must be L, 3 x 3, it is RGB, 3 x 3"),
        (lambda f: keep(f / "a/0.png", pixels(3, 3, 4)), r"a/0.png must be L or RGB, it is RGBA, 3 x 3\n\nhint: give"),
        (lambda f: keep(f / "a/9.png", pixels(3, 3), "P"), r"a/9.png must be L, 3 x 3, it is P, 3 x 3"),
        (lambda f: (f / "a/9.png").write_bytes(b"none"), r"a/9.png: cannot identify image file"),
        (
            lambda f: (f / "a/1.png").write_bytes((f / "a/1.png").read_bytes()[:60]),
            r"a/1.png: .*\n\nhint: it may be cut",
        ),
        (
            lambda f: keep_several(f / "a/9.gif"),
            r"a/9.gif: it holds several images\n\nhint: keep one of them, as a file",
        ),
        (lambda f: keep(f / "9.png", pixels(3, 3)), r"all images must lie in folders of their classes, or none"),
        (lambda f: keep(f / "test/c/9.png", pixels(3, 3)), r"all files must tell by their names which of train"),
    ],
)
def test_images_that_are_wrong_are_named(tmp_path, spoil, message):
    for name in ("a/1.png", "b/2.png"):
        keep(tmp_path / name, pixels(3, 3))
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_images_that_are_to_be_turned_are_told(tmp_path):
    for name in ("a/1.png", "b/2.png"):
        keep(tmp_path / name, pixels(3, 5))
    image = Image.fromarray(pixels(3, 5))
    image.getexif()[0x0112] = 6
    image.save(tmp_path / "a" / "3.jpg", exif=image.getexif())
    splits, said = read(tmp_path)
    assert splits.training.inputs.shape == (3, 1, 3, 5)
    told = f"warning: 1 of 3 images say in their EXIF data that they are to be turned, {tmp_path}/a/3.jpg is the first"
    assert any(line.startswith(told) for line in said)


@pytest.mark.parametrize("exif", [b"Exif\0\0no TIFF header", b"Exif\0\0MM\0\x2a\0\0\0\x08\0"])
@pytest.mark.parametrize("ending", ["png", "webp"])
def test_exif_data_that_cannot_be_read_say_nothing(tmp_path, exif, ending):
    for name in ("a/1.png", "b/2.png"):
        keep(tmp_path / name, pixels(3, 5, 3))
    Image.fromarray(pixels(3, 5, 3)).save(tmp_path / "a" / f"3.{ending}", exif=exif)
    splits, said = read(tmp_path)
    assert splits.training.inputs.shape == (3, 3, 3, 5)
    assert not any("EXIF" in line for line in said)


def deep_png():
    """A PNG of 3 x 2 pixels of RGB in 16 bits, which pillow can't write."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + np.full(9, 1300, ">u2").tobytes() for _ in range(2))
    header = struct.pack(">IIBBBBB", 3, 2, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def planar_tiff():
    """A TIFF of the same, a plane a colour."""
    plane = np.full(6, 1300, "<u2").tobytes()
    tags = [(256, 3, 1, 3), (257, 3, 1, 2), (258, 3, 3, 152), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 3, 158)]
    tags += [(277, 3, 1, 3), (278, 3, 1, 2), (279, 4, 3, 170), (284, 3, 1, 2)]
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags))
    head += b"".join(struct.pack("<HHII", *tag) for tag in tags) + struct.pack("<I", 0)
    assert len(head) == 134
    rest = struct.pack("<HHH", 16, 16, 16) + struct.pack("<III", *(182 + 12 * each for each in range(3)))
    return head + bytes(18) + rest + struct.pack("<III", 12, 12, 12) + 3 * plane


def test_pixels_of_16_bits_with_colours_of_5_and_6_are_read(tmp_path):
    header = b"BM" + struct.pack("<IHHI", 70 + 4, 0, 0, 70)
    header += struct.pack("<IiiHHIIiiII", 56, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0) + struct.pack(
        "<IIII", 0xF800, 0x7E0, 0x1F, 0
    )
    for name in ("a/1.bmp", "b/2.bmp"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(header + struct.pack("<HH", 0xF800, 0x001F))
    assert read(tmp_path)[0].training.inputs[0].tolist() == [[[255, 0]], [[0, 0]], [[0, 255]]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("3.png", deep_png()),
        ("3.ppm", b"P6 3 2 65535\n" + np.full(18, 256, ">u2").tobytes()),
        ("3.ppm", b"P3 3 2 65535\n" + b"256 " * 18),
        ("3.tif", planar_tiff()),
    ],
)
def test_colours_of_16_bits_are_not_read_as_8(tmp_path, name, content):
    for other in ("a/1.png", "b/2.png"):
        keep(tmp_path / other, pixels(2, 3, 3))
    (tmp_path / "a" / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} must be RGB, 2 x 3, it is RGB in 16 bits, 2 x 3"):
        read(tmp_path)


def test_folders_without_images_are_told(tmp_path):
    for name in ("train/a/1.png", "train/b/2.png", "test/a/3.png"):
        keep(tmp_path / name, pixels(3, 3))
    for name in ("train/empty/deep", "test/b", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    assert read(tmp_path)[1][0] == "left out: test/b, train/empty, without an image"
    keep(tmp_path / "train" / "empty" / "deep" / "4.png", pixels(3, 3))
    assert read(tmp_path)[1][0] == "left out: test/b, without an image"


def test_a_class_whose_name_is_not_utf8_is_named(tmp_path):
    for name in ("a/1.png", "b/2.png"):
        keep(tmp_path / name, pixels(3, 3))
    (tmp_path / "b").rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with pytest.raises(DataError, match=r"a class's folder must have a name in UTF-8, b'caf\\xe9' is none"):
        read(tmp_path)
    assert read(tmp_path, unlabelled=True)[0].training.inputs.shape == (2, 1, 3, 3)


def test_classes_of_image_folders_that_are_wrong(tmp_path):
    keep(tmp_path / "train/a/1.png", pixels(3, 3))
    with pytest.raises(DataError, match="labels must be of two classes or more, there is only 'a'"):
        read(tmp_path)
    keep(tmp_path / "train/b/1.png", pixels(3, 3))
    keep(tmp_path / "test/c/1.png", pixels(3, 3))
    with pytest.raises(DataError, match=r"test set: labels must be of the 2 classes a, b, row 1 is 'c'"):
        read(tmp_path)
    with pytest.raises(DataError, match="holds images, which have no columns"):
        read(tmp_path, label="a")


def test_parquet_of_images_as_the_hub_keeps_them(tmp_path):
    images = [pixels(2, 3) for _ in range(3)]

    def png(image):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return buffer.getvalue()

    rows = [{"bytes": png(image), "path": None} for image in images]
    told = '{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["zebra", "ant"]}}}}'
    table = pa.table({"image": rows, "label": [0, 1, 0], "height": [1, 2, 3]})
    pq.write_table(table.replace_schema_metadata({"huggingface": told}), tmp_path / "t.parquet")
    splits, said = read(tmp_path / "t.parquet")
    np.testing.assert_array_equal(splits.training.inputs[:, 0].numpy(), images)
    assert (splits.training.class_names, splits.training.labels.tolist()) == (("zebra", "ant"), [0, 1, 0])
    assert said[0] == "inputs: column 'image'; left out: 'height'"
    pq.write_table(pa.table({"image": [png(images[0]), None], "label": [0, 1]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t.parquet, column 'image', row 2: an image must be there"):
        read(tmp_path / "t.parquet")


def test_what_the_library_datasets_loads(tmp_path, monkeypatch):
    """A folder stands in for a name of the hub: the library reads both in the same way."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    kept = [keep(tmp_path / f"own/{split}/{name}/1.png", pixels(3, 3)) for split in ("train", "test") for name in "ba"]
    tables = read_hub(str(tmp_path / "own"))
    splits = from_tables(tables, Columns(), "own")
    assert splits.training.class_names == ("a", "b")
    np.testing.assert_array_equal(splits.training.inputs[:, 0].numpy(), [kept[1], kept[0]])
    assert (splits.test.labels.tolist(), splits.validation) == ([0, 1], None)
    assert splits.test.name == "own test set"


def test_a_hub_that_cannot_be_reached_is_said(monkeypatch):
    datasets = pytest.importorskip("datasets")

    def unreachable(name, configuration):
        raise ConnectionError(f"Couldn't reach {name!r}, {configuration}\nmore")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(
        DataError, match=r"o/n could not be read from the hub: Couldn't reach 'o/n', c\n\nhint: look at"
    ):
        load_splits("o/n:c")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"needs the package datasets\n\nhint: pip install 'limbeck\[hub\]'"):
        load_splits("o/n")


def test_columns_given_to_arrays_are_refused(tmp_path):
    np.save(tmp_path / "inputs.npy", np.zeros((3, 2)))
    with pytest.raises(ArgumentError, match="columns and classes are those of tables and of folders of images"):
        load_splits(str(tmp_path), Columns(label="y"))


@pytest.mark.parametrize("ending", ["bmp", "tiff", "tif", "ppm", "pgm"])
def test_images_of_other_formats_are_read(tmp_path, ending):
    grey = ending == "pgm"
    kept = [keep(tmp_path / f"a/1.{ending}", pixels(4, 3) if grey else pixels(4, 3, 3))]
    kept.append(keep(tmp_path / "b/2.png", pixels(*kept[0].shape)))
    rows = read(tmp_path)[0].training.inputs.permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(rows, np.array(kept).reshape(rows.shape))


def test_files_that_are_no_images_are_told_and_several_images_in_one_are_refused(tmp_path):
    for name in ("a/1.png", "b/2.png"):
        keep(tmp_path / name, pixels(3, 3))
    (tmp_path / "b" / "3.heic").write_text("an image of a kind that is not read")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".hidden").write_text("nobody's")
    splits, said = read(tmp_path)
    assert len(splits.training) == 2
    assert said[0] == "left out: 2 files that are none of the images: b/3.heic, notes.txt"
    frames = [Image.fromarray(pixels(3, 3)) for _ in range(2)]
    frames[0].save(tmp_path / "b" / "4.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r"4.gif: it holds several images"):
        read(tmp_path)


def test_links_are_followed_and_hidden_files_are_not_there(tmp_path):
    kept = [keep(tmp_path / name, pixels(3, 3)) for name in ("elsewhere/1.png", "photos/b/2.png")]
    (tmp_path / "photos" / "a").symlink_to(tmp_path / "elsewhere")
    keep(tmp_path / "photos" / ".ipynb_checkpoints" / "3.png", pixels(3, 3))
    (tmp_path / "photos" / ".ipynb_checkpoints" / "labels.csv").write_text("x,label\n1,a\n")
    splits, said = read(tmp_path / "photos")
    np.testing.assert_array_equal(splits.training.inputs[:, 0].numpy(), kept)
    assert (splits.training.labels.tolist(), said[0]) == ([0, 1], "label: the folder of each image, 2 classes: a, b")
    (tmp_path / "photos" / "b" / "4.png").symlink_to("nowhere.png")
    with pytest.raises(DataError, match=r"b/4.png must be a file, it is a link that leads nowhere"):
        read(tmp_path / "photos")
    (tmp_path / "photos" / "b" / "4.png").unlink()
    (tmp_path / "photos" / "b" / "c").symlink_to(tmp_path / "photos")
    with pytest.raises(DataError, match=r"photos/b/c must not be a link to a folder that it lies in, .*photos\n"):
        read(tmp_path / "photos")


def test_tables_beside_images_are_refused(tmp_path):
    keep(tmp_path / "a/1.png", pixels(3, 3))
    (tmp_path / "labels.csv").write_text("file,label\na/1.png,a\n")
    with pytest.raises(DataError, match=r"must hold tables or images, it holds both: .*labels.csv and .*1.png\n\nhint"):
        read(tmp_path)


def test_a_folder_of_hidden_images_alone_holds_none(tmp_path):
    keep(tmp_path / ".cache" / "1.png", pixels(3, 3))
    with pytest.raises(DataError, match="must hold tables .*, images, inputs.npy, .* it holds none of them"):
        read(tmp_path, unlabelled=True)
