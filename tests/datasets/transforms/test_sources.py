"""Where pictures and videos come from: the web within limits, regular files only, files that are cut (R14, kind 6)."""

import os
import threading
from functools import partial

import numpy as np
import pytest
from PIL import Image
from servers import serving

from mmflamingo.datasets.transforms import LoadImage, LoadImageFromFile, LoadVideoFrames

LOADERS = (LoadImageFromFile, LoadImage, LoadVideoFrames)


def load(path, loader=LoadImageFromFile, **kwargs):
    return loader(**kwargs)({'img_path': path})


class TestWeb:
    @pytest.fixture
    def server(self, make_image):
        with open(make_image('a.png'), 'rb') as file, serving(file.read()) as server:
            yield server

    @pytest.mark.parametrize('kind', ['file', 'unsized'])
    def test_a_picture(self, server, make_image, kind):
        expected = load(make_image('a.png'))['img']
        for loader in (LoadImageFromFile, LoadImage):
            np.testing.assert_array_equal(load(f'{server.url}/{kind}', loader)['img'], expected)

    @pytest.mark.parametrize(
        ('kind', 'message'),
        [
            ('silent', 'timeout|timed out'),
            ('drip', 'timeout'),
            ('drip_headers', 'timeout|timed out'),
            ('endless', 'max_bytes'),
            ('announced', 'max_bytes'),
            ('short', r'\d+ of \d+ bytes came'),
            ('page', 'cannot identify'),
            ('gone', '404'),
        ],
    )
    def test_a_server_that_is_not_a_good_one(self, server, kind, message):
        limited = partial(load, f'{server.url}/{kind}', timeout=0.5, max_bytes=2 * 10**6)
        with pytest.raises(ValueError, match=f'{kind}. is not a readable image: .*({message})'):
            limited()
        assert limited(on_bad_image='blank')['bad_images'] == [f'{server.url}/{kind}']

    def test_no_server(self):
        with pytest.raises(ValueError, match='refused'):
            load('http://127.0.0.1:9/a.png')

    @pytest.mark.parametrize(
        'limit', [{'timeout': 0}, {'timeout': -1}, {'max_bytes': 0}, {'timeout': '5'}, {'max_bytes': True}]
    )
    def test_limits_are_positive(self, limit):
        with pytest.raises(ValueError, match=f'{next(iter(limit))}=.* must be a positive number'):
            LoadImageFromFile(**limit)

    def test_videos_are_local(self):
        pytest.importorskip('av')
        with pytest.raises(ValueError, match='local files only'):
            load('http://127.0.0.1:9/a.mp4', LoadVideoFrames)


@pytest.mark.parametrize('loader', LOADERS)
class TestOtherThanRegularFiles:
    @pytest.fixture(autouse=True)
    def _av(self):
        pytest.importorskip('av')

    @pytest.mark.parametrize('kind', ['pipe', 'folder', 'device', 'link', 'empty', 'pointer'])
    def test_a_sentence(self, tmp_path, loader, kind):
        path = tmp_path / 'a.mp4'
        os.mkfifo(tmp_path / 'pipe')
        {
            'pipe': lambda: os.mkfifo(path),
            'folder': path.mkdir,
            'device': lambda: path.symlink_to('/dev/zero'),
            'link': lambda: path.symlink_to(tmp_path / 'pipe'),
            'empty': path.touch,
            'pointer': lambda: path.write_text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'),
        }[kind]()
        with pytest.raises(ValueError, match=f"a.mp4' is not a readable {loader.kind}: "):
            load(str(path), loader)
        assert load(str(path), loader, on_bad_image='blank')['bad_images'] == [str(path)]

    @pytest.mark.parametrize('policy', ['error', 'blank'])
    def test_what_is_not_there_always_stops(self, tmp_path, loader, policy):
        (tmp_path / 'loop.mp4').symlink_to(tmp_path / 'nowhere')
        for path in (tmp_path / 'gone.mp4', tmp_path / 'loop.mp4'):
            with pytest.raises(FileNotFoundError, match=f"{loader.kind.capitalize()} '.*mp4' does not exist"):
                load(str(path), loader, on_bad_image=policy)

    def test_arguments(self, loader):
        for wrong in (
            {'on_bad_image': 'skip'},
            {'blank_size': (3,)},
            {'blank_size': (0, 4)},
            {'max_pixels': 0},
            {'max_pixels': 1.5},
        ):
            with pytest.raises(ValueError, match=f'{loader.__name__}: {next(iter(wrong))}='):
                loader(**wrong)


class TestCutPictures:
    """What ends before all pixels are there is noticed; what only lacks its end mark has them all."""

    @pytest.mark.parametrize(
        ('name', 'options'),
        [
            ('a.jpg', {}),
            ('a.jpg', {'progressive': True}),
            ('a.png', {}),
            ('a.gif', {}),
            ('a.webp', {}),
            ('a.webp', {'lossless': True}),
            ('a.bmp', {}),
            ('a.tif', {}),
            ('a.tif', {'compression': 'tiff_lzw'}),
            ('a.jp2', {}),
            ('a.ppm', {}),
            ('a.tga', {}),
        ],
    )
    def test_a_part_of_a_file(self, make_image, name, options):
        path = make_image(name, (60, 50), **options)
        data, whole = open(path, 'rb').read(), load(path)['img']
        for part in (0.05, 0.3, 0.5, 0.8, 0.95):
            open(path, 'wb').write(data[: int(len(data) * part)])
            with pytest.raises(ValueError, match='is not a readable image'):
                load(path)
        for cut in range(1, 30):
            open(path, 'wb').write(data[:-cut])
            result = load(path, on_bad_image='blank')
            assert 'bad_images' in result or np.array_equal(result['img'], whole)

    def test_a_png_that_was_damaged_or_filled_up_with_zeros(self, make_image):
        path = make_image('a.png', (60, 50))
        data = open(path, 'rb').read()
        for place in range(100, len(data) - 20, 997):
            for damaged in (
                data[:place] + bytes(len(data) - place),
                data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :],
            ):
                open(path, 'wb').write(damaged)
                with pytest.raises(ValueError, match='is not a readable image'):
                    load(path)

    def test_a_program_is_not_run(self, tmp_path):
        (tmp_path / 'a.png').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n')
        with pytest.raises(ValueError, match='cannot identify'):
            load(str(tmp_path / 'a.png'))


def test_threads_do_not_disturb_each_other(make_image, tmp_path):
    """Pillow's settings are global: no thread sees another one's."""
    good, cut = make_image('good.jpg', (60, 60)), tmp_path / 'cut.jpg'
    cut.write_bytes(open(good, 'rb').read()[:1500])
    expected, lazy, wrong = load(good)['img'], Image.open(good), []

    def work():
        for _ in range(20):
            if not np.array_equal(load(lazy, LoadImage)['img'], expected):
                wrong.append('a picture differs')
            if 'bad_images' not in load(str(cut), on_bad_image='blank'):
                wrong.append('a cut file was taken')

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
