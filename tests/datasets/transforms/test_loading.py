from pathlib import Path

import mmcv.transforms
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image, ImageFile

from mmflamingo.datasets import COCOCaption
from mmflamingo.datasets.transforms import LoadImage, LoadImageFromFile
from mmflamingo.registry import TRANSFORMS


def load(path, **kwargs):
    return LoadImageFromFile(**kwargs)({'img_path': path})


class TestImages:
    @pytest.mark.parametrize(
        ('mode', 'name'),
        [
            ('RGB', 'a.png'),
            ('RGB', 'a.jpg'),
            ('L', 'a.jpg'),
            ('L', 'a.png'),
            ('P', 'a.png'),
            ('P', 'a.gif'),
            ('CMYK', 'a.jpg'),
            ('1', 'a.png'),
            ('RGB', 'a.webp'),
            ('RGB', 'a.bmp'),
        ],
    )
    def test_equals_pillow_in_bgr(self, make_image, mode, name):
        path = make_image(name, mode=mode)
        results = load(path)
        expected = np.asarray(Image.open(path).convert('RGB'))
        assert results['img'].dtype == np.uint8
        assert results['img'].flags.c_contiguous
        np.testing.assert_array_equal(results['img'][..., ::-1], expected)
        assert results['img_shape'] == results['ori_shape'] == (30, 40)
        assert 'bad_images' not in results

    def test_exif_rotation_is_applied(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees clockwise
        image = Image.new('RGB', (40, 30))
        image.paste((255, 255, 255), (0, 0, 20, 30))
        image.save(tmp_path / 'a.png', exif=exif)
        pixels = load(str(tmp_path / 'a.png'))['img']
        assert pixels.shape == (40, 30, 3)
        assert pixels[:20].min() == 255 and pixels[20:].max() == 0

    def test_pictures_in_memory_are_taken_like_files(self, make_image):
        path = make_image('a b.png')
        from_file = load(path)
        for image in (path, Path(path), Path(path).as_uri(), Image.open(path), from_file['img']):
            taken = LoadImage()({'img_path': image})
            np.testing.assert_array_equal(taken['img'], from_file['img'])
            assert taken['ori_shape'] == from_file['ori_shape']

    def test_missing_file_always_stops(self):
        for policy in ('error', 'blank'):
            with pytest.raises(FileNotFoundError, match=r"'/no/a\.jpg' does not exist.*data_root"):
                load('/no/a.jpg', on_bad_image=policy)

    @pytest.fixture(params=['truncated.jpg', 'truncated.png', 'text.jpg', 'empty.jpg', 'page.jpg'])
    def bad_image(self, request, tmp_path, make_image):
        path = tmp_path / request.param
        if 'truncated' in request.param:
            data = open(make_image(request.param, size=(64, 64)), 'rb').read()
            path.write_bytes(data[: len(data) * 2 // 3])
        else:
            content = {'text.jpg': b'no image', 'empty.jpg': b'', 'page.jpg': b'<html>404</html>'}
            path.write_bytes(content[request.param])
        return str(path)

    def test_bad_file_stops_with_its_name(self, bad_image):
        with pytest.raises(ValueError) as error:
            load(bad_image)
        assert f"'{bad_image}' is not a readable image" in str(error.value)
        assert "on_bad_image='blank'" in str(error.value)

    def test_bad_file_becomes_grey_and_is_noted(self, bad_image):
        results = load(bad_image, on_bad_image='blank', blank_size=(8, 10))
        assert results['bad_images'] == [bad_image]
        assert results['img_shape'] == (8, 10)
        assert (results['img'] == (104, 117, 123)).all()

    def test_truncated_file_is_refused_even_if_pillow_was_told_otherwise(self, make_image, monkeypatch):
        path = make_image()
        data = open(path, 'rb').read()
        open(path, 'wb').write(data[: len(data) // 2])
        monkeypatch.setattr(ImageFile, 'LOAD_TRUNCATED_IMAGES', True)
        with pytest.raises(ValueError, match='not a readable image'):
            load(path)
        assert ImageFile.LOAD_TRUNCATED_IMAGES

    @pytest.mark.parametrize('max_pixels', [100, 40 * 30 - 1])
    def test_oversized_image_is_named(self, make_image, max_pixels):
        with pytest.raises(ValueError, match=r'image\.jpg. is not a readable image.*limit'):
            load(make_image(), max_pixels=max_pixels)
        assert load(make_image(), max_pixels=40 * 30)['img'].shape == (30, 40, 3)

    def test_a_decompression_bomb_is_a_bad_image_whatever_pillow_was_told(self, tmp_path, png_of, monkeypatch):
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', None)
        path = png_of(tmp_path / 'bomb.png', 30000, 30000, 8, 2, b'')
        with pytest.raises(ValueError, match=r'bomb\.png. is not a readable image.*limit'):
            load(path)
        assert load(path, on_bad_image='blank')['bad_images'] == [path]
        assert Image.MAX_IMAGE_PIXELS is None

    def test_the_limit_of_pillow_does_not_stop_a_higher_one_of_ours(self, make_image, monkeypatch):
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 10)
        assert load(make_image())['img'].shape == (30, 40, 3)
        assert Image.MAX_IMAGE_PIXELS == 10

    def test_list_of_images(self, make_image):
        with pytest.raises(TypeError, match='Wrap the transforms of an image in ApplyToList'):
            load([make_image()])

    def test_unknown_policy(self):
        with pytest.raises(ValueError, match="on_bad_image='skip' is not known"):
            LoadImageFromFile(on_bad_image='skip')

    def test_registered_in_place_of_mmcvs(self):
        assert TRANSFORMS.get('LoadImageFromFile') is LoadImageFromFile
        assert TRANSFORMS.get('CenterCrop') is mmcv.transforms.CenterCrop

    @pytest.mark.parametrize('scope', [None, 'mmengine'])
    def test_datasets_build_ours_whatever_the_scope(self, tmp_path, captions, scope):
        config = {'type': 'LoadImageFromFile'}
        with DefaultScope.overwrite_default_scope(scope):
            dataset = COCOCaption(captions(), str(tmp_path), pipeline=[config])
        assert type(dataset.pipeline.transforms[0]) is LoadImageFromFile
