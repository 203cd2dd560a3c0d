import builtins
import sys
from pathlib import Path

import mmcv.transforms
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image, ImageFile

from mmflamingo.datasets import COCOCaption
from mmflamingo.datasets.transforms import LoadImage, LoadImageFromFile, LoadVideoFrames
from mmflamingo.datasets.transforms.loading import frame_indices
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
            ('RGBA', 'a.png'),
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

    def test_oversized_image_is_named(self, make_image, monkeypatch):
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
        with pytest.raises(ValueError, match=r'image\.jpg. is not a readable image.*limit'):
            load(make_image())

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


@pytest.mark.parametrize(
    ('total', 'num_frames', 'indices'),
    [(8, 4, [1, 3, 5, 7]), (10, 1, [5]), (9, 3, [1, 4, 7]), (2, 4, [0, 0, 1, 1]), (1, 2, [0, 0])],
)
def test_frame_indices(total, num_frames, indices):
    assert frame_indices(total, num_frames) == indices


class TestVideos:
    @pytest.fixture
    def video(self, tmp_path):
        """Twenty frames, each of one grey level: frame i has 10 * i."""
        av = pytest.importorskip('av')
        path = tmp_path / 'a.mp4'
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('mpeg4', rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
            for level in range(0, 200, 10):
                pixels = np.full((48, 64, 3), level, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')))
            container.mux(stream.encode())
        return str(path)

    @pytest.mark.parametrize('num_frames', [1, 4, 20, 30])
    def test_frames_are_spread_evenly(self, video, num_frames):
        results = LoadVideoFrames(num_frames)({'img_path': video})
        levels = [frame.mean() for frame in results['img']]
        expected = [10 * i for i in frame_indices(20, num_frames)]
        np.testing.assert_allclose(levels, expected, atol=4)
        assert {frame.shape for frame in results['img']} == {(48, 64, 3)}
        assert results['img_shape'] == (48, 64)

    def test_channels_are_bgr(self, tmp_path):
        cv2 = pytest.importorskip('cv2')
        pytest.importorskip('av')
        path = str(tmp_path / 'a.avi')
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 5, (64, 48))
        for _ in range(5):
            writer.write(np.full((48, 64, 3), (200, 100, 0), dtype=np.uint8))
        writer.release()
        (frame,) = LoadVideoFrames(1)({'img_path': path})['img']
        np.testing.assert_allclose(frame.mean((0, 1)), (200, 100, 0), atol=6)

    def test_cut_video_repeats_its_last_frame(self, video):
        av = pytest.importorskip('av')
        whole = LoadVideoFrames(20)({'img_path': video})['img']
        from mmflamingo.datasets.transforms import loading

        frames = loading._decode(av, video, [18, 19, 25, 30])
        assert len(frames) == 4
        for frame in frames[1:]:
            np.testing.assert_array_equal(frame, whole[-1])

    def test_missing_file(self):
        pytest.importorskip('av')
        with pytest.raises(FileNotFoundError, match=r"Video '/no\.mp4' does not exist"):
            LoadVideoFrames()({'img_path': '/no.mp4'})

    def test_not_a_video(self, tmp_path):
        pytest.importorskip('av')
        path = tmp_path / 'a.mp4'
        path.write_bytes(b'nothing to see' * 99)
        with pytest.raises(ValueError, match=r'a\.mp4. is not a readable video'):
            LoadVideoFrames()({'img_path': str(path)})

    def test_sound_only(self, tmp_path):
        av = pytest.importorskip('av')
        path = str(tmp_path / 'a.wav')
        with av.open(path, 'w') as container:
            stream = container.add_stream('pcm_s16le', rate=8000)
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), 's16', 'mono')
            sound.sample_rate = 8000
            container.mux(stream.encode(sound))
        with pytest.raises(ValueError, match='holds no video stream'):
            LoadVideoFrames()({'img_path': path})

    def test_without_pyav(self, monkeypatch):
        real_import = builtins.__import__

        def no_av(name, *args, **kwargs):
            if name == 'av':
                raise ImportError('No module named av')
            return real_import(name, *args, **kwargs)

        monkeypatch.delitem(sys.modules, 'av', raising=False)
        monkeypatch.setattr(builtins, '__import__', no_av)
        with pytest.raises(ImportError, match=r"pip install 'mmflamingo\[optional\]'"):
            LoadVideoFrames()({'img_path': 'a.mp4'})

    def test_wrong_number(self):
        with pytest.raises(ValueError, match='num_frames=0 must be positive'):
            LoadVideoFrames(0)
