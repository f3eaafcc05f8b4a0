"""Images are decoded as OFA's evaluation does, their classes are known or asked for, and no file is trusted."""

import os
import struct
import zlib

import numpy as np
import pytest
import torch
from make_images import make_image, make_images
from PIL import Image

from ofa_bench.errors import InputError
from ofa_bench.supernets.decoding import decode_image
from ofa_bench.supernets.images import Images


def files(folder, *names):
    for name in names:
        make_image(folder / name, (8, 8), np.random.default_rng(0))
    return folder


def test_what_needs_no_resizing_is_cropped_at_its_centre(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (256, 511, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    left = 144  # 143.5, rounded as Python rounds
    assert (decode_image(tmp_path / "a.png", 224) == pixels[16:240, left : left + 224]).all()


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (37, 37), (74, 500)])
def test_the_shorter_side_is_resized_and_the_centre_is_cropped(width, height, tmp_path):
    """As torchvision does: Resize(ceil(64 / 0.875)) and CenterCrop(64)."""
    path = make_image(tmp_path / "a.png", (width, height), np.random.default_rng(1))
    scale = 74 / min(width, height)
    wide, high = (74 if side == min(width, height) else int(side * scale + 1e-9) for side in (width, height))
    image = Image.open(path).resize((wide, high), Image.Resampling.BILINEAR)
    left, top = round((wide - 64) / 2), round((high - 64) / 2)
    assert (decode_image(path, 64) == np.asarray(image)[top : top + 64, left : left + 64]).all()


@pytest.mark.parametrize(("mode", "suffix"), [("L", "png"), ("CMYK", "jpg"), ("P", "png"), ("RGBA", "webp")])
def test_every_kind_of_pixel_becomes_colours(mode, suffix, tmp_path):
    Image.new(mode, (20, 30), 1).save(tmp_path / f"a.{suffix}")
    assert decode_image(tmp_path / f"a.{suffix}", 16).shape == (16, 16, 3)


def test_pixels_of_more_than_8_bits_are_refused(tmp_path):
    for kind in (np.float32, np.int32, np.uint16):
        Image.fromarray(np.full((20, 20), 1, kind)).save(tmp_path / f"{np.dtype(kind)}.tiff")
    (tmp_path / "a.pgm").write_bytes(b"P5 20 20 65535\n" + bytes(800))
    Image.fromarray(np.full((20, 20), 1, np.uint16)).save(tmp_path / "a.png")
    for path in Images(tmp_path).paths:
        with pytest.raises(InputError, match=rf"{path.name}: cannot be read \(its pixels are of mode .* 8 bits\)"):
            decode_image(path, 16)


def test_batches_are_normalised_by_imagenets_colours(tmp_path):
    for number, colour in enumerate([(0, 0, 0), (255, 255, 255), (255, 0, 51)]):
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{number}.png")
    images = Images(tmp_path)
    first, second = images.batches(16, 2, np.array([1, 0, 2]))
    assert first.shape == (2, 3, 16, 16)
    assert first.dtype == torch.float32
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for found, colour in [(first[0], (1, 1, 1)), (first[1], (0, 0, 0)), (second[0], (1, 0, 0.2))]:
        np.testing.assert_allclose(found.mean(dim=(1, 2)), (colour - means) / deviations, rtol=1e-6)
    assert [len(batch) for batch in images.batches(16, 2)] == [2, 1]


def test_images_are_found_below_sorted_and_through_links(tmp_path):
    files(tmp_path / "far", "x.png")
    files(tmp_path / "images", "b/2.png", "b/deep/1.png", "a.png", ".hidden/1.png", "b/.2.png")
    (tmp_path / "images/read.txt").write_text("no image")
    (tmp_path / "images/c").symlink_to(tmp_path / "far")
    (tmp_path / "images/b/0.jpg").symlink_to(tmp_path / "far/x.png")
    (tmp_path / "images/b/around").symlink_to(tmp_path / "images")
    images = Images(tmp_path / "images")
    names = ["a.png", "b/0.jpg", "b/2.png", "b/deep/1.png", "c/x.png"]
    assert [path.relative_to(tmp_path / "images").as_posix() for path in images.paths] == names
    assert len(list(images.batches(8, 1))) == len(images) == 5
    before = images.digest()
    make_image(tmp_path / "images/a.png", (9, 9), np.random.default_rng(0))
    assert Images(tmp_path / "images").digest() != before


def test_folders_that_lead_to_each_other_are_entered_once(tmp_path):
    """Each image has the path at which it really lies, whichever name is sorted first."""
    files(tmp_path / "far", "x.png")
    for name in "abc":
        files(tmp_path / "images", f"{name}/1.png", f"{name}/deep/2.png")
    for name, target in [("a/to", "images/b"), ("a/too", "images/c"), ("b/to", "images/a"), ("b/too", "images/c")]:
        (tmp_path / "images" / name).symlink_to(tmp_path / target)
    for name, target in [("a/up", "."), ("c/far", "far"), ("d", "far"), ("c/none", "none")]:
        (tmp_path / "images" / name).symlink_to(tmp_path / target)
    names = [path.relative_to(tmp_path / "images").as_posix() for path in Images(tmp_path / "images").paths]
    assert names == ["a/1.png", "a/deep/2.png", "a/up/far/x.png", "b/1.png", "b/deep/2.png", "c/1.png", "c/deep/2.png"]


def test_decoded_images_are_kept_as_long_as_they_fit(tmp_path):
    images = Images(make_images(tmp_path, classes=2, each=2))
    images._cache.left = 3 * 3 * 16 * 16
    before = torch.cat(list(images.only(np.array([2, 1])).batches(16, 4)))
    for path in images.paths[1:3]:
        path.unlink()
    assert (torch.cat(list(images.batches(16, 3, np.array([2, 1, 0])))[0:1])[:2] == before).all()
    images.paths[3].write_bytes(images.paths[0].read_bytes())
    assert len(next(images.batches(16, 1, np.array([3])))) == 1
    images.paths[3].unlink()  # the fourth did not fit any more
    with pytest.raises(InputError, match=r"3\.png|1\.png"):
        next(images.batches(16, 1, np.array([3])))
    with pytest.raises(InputError):
        next(images.batches(24, 1, np.array([2])))  # of another size


def test_classes_are_numbers_lines_or_places(tmp_path):
    numbered = Images(files(tmp_path / "numbered", "7/a.png", "12/b.png", "12/deep/c.png", "007/d.png"))
    assert numbered.labels().tolist() == [7, 12, 12, 7]
    assert numbered.only(np.array([1, 3])).labels(13).tolist() == [12, 7]
    named = files(tmp_path / "named", "dog/a.png", "cat/b.png", "cat/c.png")
    (tmp_path / "named/ape").mkdir()
    assert Images(named).labels(3).tolist() == [1, 1, 2]
    (tmp_path / "classes.txt").write_text("dog\nape\n\ncat\r\nhen\n")
    assert Images(named, tmp_path / "classes.txt").labels(4).tolist() == [2, 2, 0]


@pytest.mark.parametrize(
    ("names", "lines", "message"),
    [
        (["a.png"], None, "'a.png' lies in no class folder"),
        (["7/a.png", "1000/b.png"], None, "there is no class 1000, only 0 to 999"),
        (
            ["dog/a.png"],
            None,
            "the numbers of its 1 classes are not known; name .* or give classes=.* or provide all 1000",
        ),
        (["dog/a.png"], "cat\n", "must have 1000 distinct lines, has 1"),
        (["dog/a.png"], "\n".join(map(str, range(1000))), "has no line 'dog'"),
        (["dog/a.png"], "dog\n" * 1000, r"has 1000 \(1 distinct\)"),
        (["dog/a.png"], b"\xff\xfe", "cannot be read"),
    ],
)
def test_classes_that_are_not_known_are_asked_for(names, lines, message, tmp_path):
    classes = tmp_path / "classes.txt"
    if lines is not None:
        classes.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    with pytest.raises(InputError, match=message):
        Images(files(tmp_path / "images", *names), classes if lines is not None else None).labels()


def header_of_a_bomb(width, height):
    """Write a PNG's header, followed by next to nothing."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(99)))]
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def cut_off(path):
    make_image(path, (200, 200), np.random.default_rng(0))
    return path.read_bytes()[:3000]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", "not an image, or an incomplete one"),
        (b"", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EOF\n", "not an image"),  # would start Ghostscript
        (cut_off, "cannot be decoded"),
        (header_of_a_bomb(50_000, 50_000), "DecompressionBomb"),
        (header_of_a_bomb(9_000, 9_000), "9000 x 9000 pixels are too many"),
        (header_of_a_bomb(1, 60_000), "1 x 60000 pixels are too many, or too narrow"),
    ],
)
def test_bad_images_are_named(content, message, tmp_path):
    path = tmp_path / "images" / "bad.jpg"
    path.parent.mkdir()
    path.write_bytes(content(tmp_path / "whole.jpg") if callable(content) else content)
    with pytest.raises(InputError, match=rf"image .*bad\.jpg: .*{message}"):
        list(Images(path.parent).batches(224, 1))


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: cannot be read \(Not a regular file\)"):
        list(Images(tmp_path).batches(16, 1))
    (tmp_path / "a.png").unlink()
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"a\.png: cannot be read \(No such file"):
        Images(tmp_path).digest()


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        Images(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no image in it \(.bmp, .jpeg"):
        Images(tmp_path)
