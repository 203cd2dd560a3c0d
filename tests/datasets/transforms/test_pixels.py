"""A picture gives the same pixels as a file, as a PIL image and as an array: those that a person sees (A13, kind 6)."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, TiffImagePlugin

from mmflamingo.datasets.transforms import LoadImage

RAMP = np.linspace(0, 1, 12 * 8).reshape(8, 12)
WHITE = (255, 255, 255)
ORIENTATION = 0x0112


def pixels(source):
    return LoadImage()({'img_path': source})['img']


def everywhere(path):
    """Pixels of a file, which are the same by path and by PIL."""
    found = pixels(str(path))
    with Image.open(path) as image:
        np.testing.assert_array_equal(pixels(image), found)
    assert found.dtype == np.uint8 and found.flags.c_contiguous
    return found


def grey(found):
    assert (found == found[..., :1]).all()
    return found[..., 0]


class TestDepth:
    @pytest.mark.parametrize('suffix', ['png', 'tif', 'pgm', 'jp2'])
    def test_of_16_bits_the_upper_8_are_taken(self, tmp_path, suffix):
        deep = np.rint(RAMP * 65535).astype(np.uint16)
        Image.fromarray(deep).save(tmp_path / f'a.{suffix}')
        expected = deep >> 8
        tolerance = 1 if suffix == 'jp2' else 0  # a wavelet code, with losses
        np.testing.assert_allclose(grey(everywhere(tmp_path / f'a.{suffix}')), expected, atol=tolerance)
        np.testing.assert_array_equal(grey(pixels(deep)), expected)
        assert expected.min() == 0 and expected.max() == 255

    def test_what_had_8_bits_once_has_them_again(self, tmp_path):
        shallow = np.arange(256, dtype=np.uint8).reshape(16, 16)
        Image.fromarray(shallow.astype(np.uint16) * 257).save(tmp_path / 'a.png')
        np.testing.assert_array_equal(grey(everywhere(tmp_path / 'a.png')), shallow)

    @pytest.mark.parametrize('colour', [2, 4, 6])
    def test_16_bits_of_other_colour_types(self, tmp_path, png_of, colour):
        channels = {2: 3, 4: 2, 6: 4}[colour]
        values = np.random.default_rng(0).integers(0, 65536, (5, 4, channels), dtype=np.uint16)
        if colour != 2:
            values[..., -1] = 65535
        rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in values)
        found = everywhere(png_of(tmp_path / 'a.png', 4, 5, 16, colour, rows))
        expected = values[..., :3][..., ::-1] if colour != 4 else values[..., :1].repeat(3, -1)
        np.testing.assert_array_equal(found, expected >> 8)

    def test_grey_16_bits_that_stand_for_transparency_are_white(self, tmp_path, png_of):
        values = np.array([[0, 1000, 65535]], dtype='>u2')
        path = png_of(tmp_path / 'a.png', 3, 1, 16, 0, b'\0' + values.tobytes(), (b'tRNS', b'\x03\xe8'))
        assert grey(everywhere(path)).tolist() == [[0, 255, 255]]

    def test_tiff_of_other_depths(self, tmp_path):
        values = np.rint(RAMP * 65535).astype(np.uint16)
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[262] = 0  # white is zero
        Image.fromarray(values).save(tmp_path / 'white.tif', tiffinfo=tags)
        np.testing.assert_array_equal(grey(everywhere(tmp_path / 'white.tif')), 255 - (values >> 8))

    def test_floats_from_0_to_1(self, tmp_path):
        Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / 'a.tif')
        expected = np.rint(RAMP.astype(np.float32) * 255)
        np.testing.assert_array_equal(grey(everywhere(tmp_path / 'a.tif')), expected)
        for dtype in (np.float16, np.float32, np.float64):
            colour = np.stack([RAMP, RAMP[::-1], 1 - RAMP], -1).astype(dtype)
            np.testing.assert_allclose(pixels(colour), np.rint(colour.astype(np.float64) * 255), atol=1)

    @pytest.mark.parametrize(
        ('values', 'message'),
        [
            (RAMP * 255, 'floats must be from 0 to 1'),
            (RAMP - 0.01, 'floats must be from 0 to 1'),
            (np.where(RAMP > 0.5, np.nan, RAMP), 'floats must be from 0 to 1'),
            (np.where(RAMP > 0.5, np.inf, RAMP), 'floats must be from 0 to 1'),
        ],
    )
    def test_other_floats_are_refused(self, tmp_path, values, message):
        Image.fromarray(values.astype(np.float32)).save(tmp_path / 'a.tif')
        with Image.open(tmp_path / 'a.tif') as image:
            for source in (str(tmp_path / 'a.tif'), image, values, np.stack([values] * 3, -1)):
                with pytest.raises(ValueError, match=message):
                    pixels(source)

    @pytest.mark.parametrize('dtype', [np.int8, np.int16, np.int32, np.int64, np.uint32, np.complex64, object])
    def test_numbers_without_a_range_are_refused(self, dtype):
        with pytest.raises(ValueError, match='has no stated range: give uint8'):
            pixels(np.ones((4, 4, 3), dtype))

    def test_32_bits_are_refused(self, tmp_path):
        image = Image.fromarray(np.rint(RAMP * 255).astype(np.int32))
        image.save(tmp_path / 'a.tif')
        for source in (image, str(tmp_path / 'a.tif')):
            with pytest.raises(ValueError, match='integers of 32 bits, which have no stated range'):
                pixels(source)

    def test_1_bit(self, tmp_path):
        values = RAMP > 0.5
        Image.fromarray(values).save(tmp_path / 'a.png')
        for found in (everywhere(tmp_path / 'a.png'), pixels(values), pixels(np.stack([values] * 3, -1))):
            np.testing.assert_array_equal(grey(found), values * 255)


class TestAlpha:
    """Transparent places are white, whatever colour is hidden there."""

    HIDDEN, SEEN = (0, 90, 200), (10, 20, 30)

    @pytest.mark.parametrize('suffix', ['png', 'webp', 'tif', 'tga', 'jp2', 'ico'])
    def test_rgba(self, tmp_path, suffix):
        image = Image.new('RGBA', (32, 16), (*self.HIDDEN, 0))
        image.paste((*self.SEEN, 255), (16, 0, 32, 16))
        options = {'webp': {'lossless': True}, 'ico': {'sizes': [(32, 16)]}}
        image.save(tmp_path / f'a.{suffix}', **options.get(suffix, {}))
        found = everywhere(tmp_path / f'a.{suffix}')
        assert {tuple(p) for p in found[:, :16].reshape(-1, 3)} == {WHITE}
        assert {tuple(p) for p in found[:, 16:].reshape(-1, 3)} == {self.SEEN[::-1]}
        bgra = np.asarray(image)[..., [2, 1, 0, 3]]
        np.testing.assert_array_equal(pixels(bgra), found)

    def test_half(self):
        half = np.full((2, 2, 4), (0, 0, 0, 128), np.uint8)
        assert set(pixels(half).ravel()) == {127}
        assert set(pixels(np.full((2, 2, 4), (0, 0, 0, 32768), np.uint16)).ravel()) == {127}

    def test_opaque_pictures_keep_every_bit(self, make_image):
        path = make_image('a.png', mode='RGBA')
        np.testing.assert_array_equal(everywhere(path)[..., ::-1], np.asarray(Image.open(path).convert('RGB')))

    @pytest.mark.parametrize('mode', ['LA', 'PA'])
    def test_other_modes(self, mode):
        image = Image.new('LA', (4, 2), (10, 0))
        image.paste((10, 255), (2, 0, 4, 2))
        image = image if mode == 'LA' else image.convert('RGBA').convert('PA')
        found = pixels(image)
        assert set(found[:, :2].ravel()) == {255} and set(found[:, 2:].ravel()) == {10}

    @pytest.mark.parametrize('suffix', ['png', 'gif'])
    def test_a_palette_with_transparency(self, tmp_path, suffix):
        image = Image.new('P', (4, 2), 0)
        image.putpalette([*self.HIDDEN, *self.SEEN])
        image.paste(1, (2, 0, 4, 2))
        image.save(tmp_path / f'a.{suffix}', transparency=0)
        found = everywhere(tmp_path / f'a.{suffix}')
        assert {tuple(p) for p in found[:, :2].reshape(-1, 3)} == {WHITE}
        assert {tuple(p) for p in found[:, 2:].reshape(-1, 3)} == {self.SEEN[::-1]}

    @pytest.mark.parametrize(('mode', 'colour'), [('RGB', (0, 90, 200)), ('L', 90), ('1', 0)])
    def test_a_colour_that_stands_for_transparency(self, tmp_path, mode, colour):
        image = Image.new(mode, (4, 2), 'white' if mode == '1' else 'black')
        image.paste(colour, (0, 0, 2, 2))
        image.save(tmp_path / 'a.png', transparency=colour)
        found = everywhere(tmp_path / 'a.png')
        assert set(found[:, :2].ravel()) == {255}


class TestRotation:
    @pytest.mark.parametrize('orientation', range(1, 9))
    @pytest.mark.parametrize(
        ('suffix', 'mode'),
        [('png', 'RGB'), ('png', 'RGBA'), ('jpg', 'RGB'), ('tif', 'RGB'), ('tif', 'I;16'), ('webp', 'RGB')],
    )
    def test_every_orientation(self, tmp_path, orientation, suffix, mode):
        upright = np.arange(6, dtype=np.uint8).reshape(2, 3).repeat(16, 0).repeat(16, 1) * 40
        turned = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.T,
            6: np.rot90(upright),
            7: upright[::-1, ::-1].T,
            8: np.rot90(upright, -1),
        }[orientation]
        turned = np.ascontiguousarray(turned)
        image = (
            Image.fromarray(turned.astype(np.uint16) * 257) if mode == 'I;16' else Image.fromarray(turned).convert(mode)
        )
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        image.save(tmp_path / f'a.{suffix}', exif=exif)
        found = pixels(str(tmp_path / f'a.{suffix}'))
        if mode != 'I;16':  # which pillow itself misreads by path
            found = everywhere(tmp_path / f'a.{suffix}')
        assert found.shape == (*upright.shape, 3)
        np.testing.assert_allclose(found[8::16, 8::16, 0].astype(int), upright[8::16, 8::16], atol=8)


@pytest.mark.parametrize('suffix', ['gif', 'webp', 'png', 'tif'])
def test_of_an_animation_the_first_frame(tmp_path, suffix):
    frames = [Image.new('RGB', (16, 16), colour) for colour in [(200, 0, 0), (0, 200, 0), (0, 0, 200)]]
    frames[0].save(tmp_path / f'a.{suffix}', save_all=True, append_images=frames[1:])
    found = everywhere(tmp_path / f'a.{suffix}')
    np.testing.assert_allclose(found.reshape(-1, 3).astype(int), [(0, 0, 200)] * 256, atol=8)
    with Image.open(tmp_path / f'a.{suffix}') as image:
        image.seek(1)
        assert pixels(image)[0, 0, 1] > 150, 'a PIL image is at a frame that the user chose'


@pytest.mark.parametrize('mode', ['CMYK', 'YCbCr', 'HSV', 'RGBX', 'L', 'P'])
def test_other_colours_are_those_of_pillow(make_image, mode):
    image = Image.open(make_image('a.png')).convert(mode)
    np.testing.assert_array_equal(pixels(image)[..., ::-1], np.asarray(image.convert('RGB')))


class TestArrays:
    def test_bgr_stays_as_it_is(self):
        bgr = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
        np.testing.assert_array_equal(pixels(bgr), bgr)
        np.testing.assert_array_equal(pixels(bgr[::-1, ::2]), bgr[::-1, ::2])

    @pytest.mark.parametrize('shape', [(5, 4), (5, 4, 1)])
    def test_grey(self, shape):
        values = np.arange(20, dtype=np.uint8).reshape(shape)
        np.testing.assert_array_equal(grey(pixels(values)), values.reshape(5, 4))

    @pytest.mark.parametrize(
        'shape', [(), (5,), (0, 4, 3), (5, 0, 3), (5, 4, 0), (5, 4, 2), (5, 4, 5), (3, 224, 224), (1, 5, 4, 3)]
    )
    def test_other_shapes_are_refused_without_their_values(self, shape):
        with pytest.raises(ValueError) as error:
            pixels(np.zeros(shape, np.uint8))
        assert f'array of shape {shape} ' in str(error.value) and '(H, W, 3) in BGR' in str(error.value)
        assert len(str(error.value)) < 400

    @settings(max_examples=50, deadline=None, derandomize=True)
    @given(st.data())
    def test_any_array_gives_pixels_or_a_sentence(self, data):
        dtype = data.draw(st.sampled_from([np.uint8, np.uint16, bool, np.float16, np.float32, np.int32, np.float64]))
        array = data.draw(arrays(dtype, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
        try:
            found = pixels(array)
        except ValueError as error:
            assert 'not a readable image' in str(error) and len(str(error)) < 500
        else:
            assert found.dtype == np.uint8 and found.shape == (*array.shape[:2], 3)


@pytest.mark.parametrize('source', [None, 7, b'bytes', io.BytesIO(b'x'), {'img': 1}, {1, 2}, 'x' * 5000])
def test_what_is_not_a_picture_is_a_sentence(source):
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        pixels(source)
    assert len(str(error.value)) < 1500


def test_a_tensor_is_not_a_picture():
    torch = pytest.importorskip('torch')
    with pytest.raises(
        ValueError, match=r'a Tensor is not a picture: give a path, a URL, a PIL image, or an array'
    ) as error:
        pixels(torch.rand(3, 100, 100))
    assert len(str(error.value)) < 600
