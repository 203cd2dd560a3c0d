"""Frames of videos that PyAV wrote."""

import builtins
import sys
from fractions import Fraction

import numpy as np
import pytest

from mmflamingo.datasets.transforms import LoadVideoFrames
from mmflamingo.datasets.transforms.video_timeline import Timeline


def frame_indices(total, num_frames):
    return Timeline(range(total), Fraction(1, 25)).choose(num_frames)


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

    @pytest.mark.parametrize(
        ('num_frames', 'fps', 'indices'),
        [
            (4, 5, [7, 9, 11, 13]),  # 0.2 seconds apart around the middle, frames are 0.1 apart
            (1, 10, [10]),
            (2, 1, [5, 15]),  # 2 seconds are more than there are between the first and the last: evenly
        ],
    )
    def test_frames_at_a_rate(self, video, num_frames, fps, indices):
        levels = [frame.mean() for frame in LoadVideoFrames(num_frames, fps)({'img_path': video})['img']]
        np.testing.assert_allclose(levels, [10 * i for i in indices], atol=11)
        steps = np.diff(levels)
        np.testing.assert_allclose(steps, np.diff([10.0 * i for i in indices]), atol=4)

    def test_a_part_of_a_video(self, video):
        frames = LoadVideoFrames(5)({'img_path': f'{video}#t=0.5,1'})['img']
        np.testing.assert_allclose([frame.mean() for frame in frames], [50, 60, 70, 80, 90], atol=4)

    def test_a_part_beyond_the_end(self, video):
        with pytest.raises(ValueError, match=r'no frames from 5 to 6 seconds; its last one is at 1\.90'):
            LoadVideoFrames()({'img_path': f'{video}#t=5,6'})

    def test_empty_file(self, tmp_path):
        pytest.importorskip('av')
        (tmp_path / 'a.mp4').touch()
        with pytest.raises(ValueError, match=r'a\.mp4. is not a readable video'):
            LoadVideoFrames()({'img_path': str(tmp_path / 'a.mp4')})

    def test_wrong_rate(self):
        with pytest.raises(ValueError, match='fps=0 must be positive, or None'):
            LoadVideoFrames(8, 0)
