"""Frames as a player shows them: turned, by time, whole (A14, R14, kind 6)."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmflamingo.datasets.transforms import ApplyToList, LoadVideoFrames
from mmflamingo.datasets.transforms.video_timeline import Timeline

av = pytest.importorskip('av')

HEIGHT, WIDTH = 48, 64
ONE = 1 << 16  # of a display matrix


def load(path, num_frames=4, **kwargs):
    return LoadVideoFrames(num_frames, **kwargs)({'img_path': str(path)})


def levels(path, num_frames, **kwargs):
    return [round(frame.mean() / 10) for frame in load(path, num_frames, **kwargs)['img']]


def write(path, stamps=range(20), codec='mpeg4', tick=Fraction(1, 10), options=None, corner=False):
    """Frame i is of grey 10 i and is shown from `stamps[i]` on; `corner` makes its upper left quarter white."""
    with av.open(str(path), 'w', options=options or {}) as container:
        stream = container.add_stream(codec, rate=round(1 / tick))
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        stream.time_base = stream.codec_context.time_base = tick
        for number, stamp in enumerate(stamps):
            pixels = np.full((HEIGHT, WIDTH, 3), 10 * number, dtype=np.uint8)
            if corner:
                pixels[: HEIGHT // 2, : WIDTH // 2] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
            frame.pts, frame.time_base = stamp, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(path, a, b, c, d):
    """Sets the display matrix of an MP4."""
    data = bytearray(path.read_bytes())
    begin = data.index(b'tkhd') + 44
    data[begin : begin + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


# What players do with a picture whose upper left quarter is white: where that is then, and whether the edges are swapped.
MATRICES = {
    'as it is': ((ONE, 0, 0, ONE), 'upper left', False),
    '90 degrees clockwise': ((0, ONE, -ONE, 0), 'upper right', True),
    '180 degrees': ((-ONE, 0, 0, -ONE), 'lower right', False),
    '270 degrees clockwise': ((0, -ONE, ONE, 0), 'lower left', True),
    'mirrored': ((-ONE, 0, 0, ONE), 'upper right', False),
    'upside down': ((ONE, 0, 0, -ONE), 'lower left', False),
    'transposed': ((0, ONE, ONE, 0), 'upper left', True),
    'transposed the other way': ((0, -ONE, -ONE, 0), 'lower right', True),
    'almost 90 degrees clockwise': ((1000, ONE - 8, 8 - ONE, 1000), 'upper right', True),
    'nonsense': ((0, 0, 0, 0), 'upper left', False),
}


@pytest.mark.parametrize('name', MATRICES)
def test_a_display_matrix_turns_frames(tmp_path, name):
    matrix, where, swapped = MATRICES[name]
    path = write(tmp_path / 'a.mp4', range(5), corner=True)
    turned(path, *matrix)
    result = load(path, 2)
    height, width = result['img_shape']
    assert (height, width) == ((WIDTH, HEIGHT) if swapped else (HEIGHT, WIDTH))
    for frame in result['img']:
        assert frame.flags.c_contiguous and frame.shape == (height, width, 3)
        quarters = {
            f'{v} {h}': frame[y : y + height // 2, x : x + width // 2].mean()
            for v, y in (('upper', 0), ('lower', height // 2))
            for h, x in (('left', 0), ('right', width // 2))
        }
        assert max(quarters, key=quarters.get) == where


class TestTime:
    def test_a_constant_rate_counts_frames(self, tmp_path):
        for suffix, codec in (('mp4', 'mpeg4'), ('avi', 'mjpeg'), ('mkv', 'mpeg4'), ('mkv', 'mjpeg')):
            path = write(tmp_path / f'a.{suffix}', codec=codec)
            for count in (1, 3, 4, 7, 20, 30):
                assert levels(path, count) == [(2 * part + 1) * 20 // (2 * count) for part in range(count)]

    def test_what_is_shown_longer_is_seen_more_often(self, tmp_path):
        """A slide show: frames 0 to 9 in a second, then frame 10 for nine seconds, then frame 11."""
        path = write(tmp_path / 'a.mp4', [*range(10), 10, 100])
        assert levels(path, 10)[0] in (4, 5) and levels(path, 10)[1:] == [10] * 9

    def test_a_rate_that_changes(self, tmp_path):
        """Ten frames at 10 a second, then ten at 1 a second."""
        path = write(tmp_path / 'a.mp4', [*range(10), *range(10, 110, 10)])
        assert levels(path, 11) == [4, 10, 11, 12, 13, 14, 14, 15, 16, 17, 18]
        assert levels(path, 5, fps=1) == [12, 13, 14, 15, 16]

    def test_a_part_shows_what_is_on_the_screen(self, tmp_path):
        path = write(tmp_path / 'a.mp4', [0, 100, 110])
        assert levels(f'{path}#t=2,4', 2) == [0, 0]
        assert levels(f'{path}#t=5,10.8', 2) == [0, 0] and levels(f'{path}#t=9,11', 2) == [0, 1]
        with pytest.raises(ValueError, match=r'no frames from 40 to 50 seconds; its last one is at 11\.00'):
            load(f'{path}#t=40,50')

    def test_a_part_at_a_constant_rate_has_the_frames_that_appear_in_it(self, tmp_path):
        path = write(tmp_path / 'a.mp4')
        assert levels(f'{path}#t=0.35,0.45', 4) == [4] * 4
        assert levels(f'{path}#t=0.35,0.6', 2) == [4, 5]

    def test_a_part_between_two_frames(self, tmp_path):
        assert levels(f'{write(tmp_path / "a.mp4")}#t=0.52,0.58', 2) == [5, 5]

    def test_a_start_that_is_not_zero(self, tmp_path):
        path = write(tmp_path / 'a.mkv', range(30, 50))
        assert levels(path, 4) == [2, 7, 12, 17]
        assert levels(f'{path}#t=0.5,1', 5) == [5, 6, 7, 8, 9]

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(
        st.lists(st.integers(0, 10**6), min_size=1, max_size=40, unique=True),
        st.integers(1, 12),
        st.none() | st.floats(0.01, 1000),
        st.integers(0, 1000),
        st.floats(0, 1e4),
        st.floats(1e-3, 1e4),
    )
    def test_any_timeline(self, stamps, count, fps, last, start, length):
        timeline = Timeline(sorted(stamps), Fraction(1, 1000), last)
        chosen = timeline.choose(count, fps)
        assert len(chosen) == count and chosen == sorted(chosen) and set(chosen) <= set(stamps)
        try:
            part = timeline.choose(count, fps, start, start + length)
        except ValueError as error:
            assert 'no frames' in str(error)
        else:
            assert len(part) == count and part == sorted(part) and set(part) <= set(stamps)
            shown_at_start = max((s for s in stamps if s - min(stamps) <= start * 1000), default=min(stamps))
            assert part[0] >= shown_at_start and part[-1] - min(stamps) < (start + length) * 1000 + 1

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(
        st.integers(1, 500), st.integers(1, 40), st.sampled_from([24, Fraction(30000, 1001), 30, 60, Fraction(15, 2)])
    )
    def test_rounded_stamps_of_a_constant_rate_are_one(self, total, count, rate):
        """Matroska rounds to milliseconds."""
        timeline = Timeline(
            [round(1000 * number / rate) for number in range(total)], Fraction(1, 1000), round(1000 / rate)
        )
        indices = [(2 * part + 1) * total // (2 * count) for part in range(count)]
        assert timeline.choose(count) == [timeline.stamps[index] for index in indices]


class TestWhole:
    @pytest.mark.parametrize(
        ('suffix', 'codec', 'options'),
        [
            ('mp4', 'mpeg4', {}),
            ('mp4', 'mpeg4', {'movflags': 'faststart'}),
            ('mp4', 'mpeg4', {'movflags': 'frag_keyframe+empty_moov'}),
            ('mov', 'mjpeg', {'movflags': 'faststart'}),
            ('avi', 'mpeg4', {}),
            ('mkv', 'mpeg4', {}),
        ],
    )
    def test_a_cut_file_is_noticed(self, tmp_path, suffix, codec, options):
        path = write(tmp_path / f'a.{suffix}', range(25), codec, options=options)
        data = path.read_bytes()
        assert levels(path, 25) == list(range(25))
        for part in (0.2, 0.51, 0.8, 0.95):
            path.write_bytes(data[: int(len(data) * part)])
            if b'mfra' in path.read_bytes():
                assert levels(path, 25) == list(range(25)), 'only the index at the end is cut'
                continue
            with pytest.raises(ValueError, match=r'not a readable video'):
                load(path, 25)
            assert load(path, on_bad_image='blank')['bad_images'] == [str(path)]

    def test_bytes_after_the_end_do_no_harm(self, tmp_path):
        for suffix in ('mp4', 'avi', 'mkv'):
            path = write(tmp_path / f'a.{suffix}')
            path.write_bytes(path.read_bytes() + b'\0garbage' * 99)
            assert levels(path, 4) == [2, 7, 12, 17]

    def test_frames_that_cannot_be_decoded_are_missed(self, tmp_path):
        path = write(tmp_path / 'a.mp4', codec='mjpeg')
        data = bytearray(path.read_bytes())
        begin = data.index(b'mdat')
        end = begin - 4 + int.from_bytes(data[begin - 4 : begin], 'big')
        middle = (begin + end) // 2
        data[middle:end] = bytes(end - middle)
        path.write_bytes(data)
        with pytest.raises(ValueError, match='not a readable video'):
            load(path, 20)

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        st.binary(max_size=200),
        st.sampled_from(
            [
                b'',
                b'\0\0\0\x18ftyp',
                b'RIFF\xff\0\0\0AVI ',
                b'\x1a\x45\xdf\xa3',
                b'\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67',
            ]
        ),
    )
    def test_any_bytes_are_a_sentence(self, tmp_path_factory, data, begin):
        path = tmp_path_factory.mktemp('bytes') / 'a.mp4'
        path.write_bytes(begin + data)
        with pytest.raises(ValueError, match='not a readable video'):
            load(path)


class TestOtherFilesAreNotOpened:
    @pytest.mark.parametrize(
        'content',
        [
            'ffconcat version 1.0\nfile {other}\n',
            'ffconcat version 1.0\nfile http://127.0.0.1:9/a.mp4\n',
            '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n',
            '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n',
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{other}</BaseURL></MPD>',
            'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
        ],
    )
    @pytest.mark.parametrize('name', ['a.mp4', 'a.m3u8', 'a.mpd', 'a.ffconcat', 'a.sdp'])
    def test_playlists_and_scripts(self, tmp_path, content, name):
        other = write(tmp_path / 'other.mp4', range(3))
        path = tmp_path / name
        path.write_text(content.format(other=other.name))
        with pytest.raises(ValueError, match=r'a\.\w+. is not a readable video'):
            load(path)

    def test_names_that_look_like_protocols_or_patterns(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name in ('concat:a|b', 'pipe:0', 'a%03d.mp4', 'file:a.mp4', '-', 'data:,x'):
            write(tmp_path / 'a.mp4').rename(tmp_path / name)
            assert levels(name, 4) == [2, 7, 12, 17]


class TestPolicy:
    def test_grey_frames(self, tmp_path):
        (tmp_path / 'a.mp4').write_bytes(b'nothing' * 9)
        result = load(tmp_path / 'a.mp4', 3, on_bad_image='blank', blank_size=(8, 10))
        assert [frame.shape for frame in result['img']] == [(8, 10, 3)] * 3 and result['img_shape'] == (8, 10)
        assert (result['img'][0] == (104, 117, 123)).all()

    def test_they_pass_through_the_frames_of_a_list(self, tmp_path):
        (tmp_path / 'a.mp4').write_bytes(b'nothing' * 9)
        good = str(write(tmp_path / 'b.mp4'))
        frames = {'type': 'ApplyToList', 'scatter_key': 'img', 'transforms': [{'type': 'ResizeEdge', 'scale': 8}]}
        videos = {'type': 'LoadVideoFrames', 'num_frames': 3, 'on_bad_image': 'blank'}
        bad = str(tmp_path / 'a.mp4')
        result = ApplyToList([videos, frames])({'img_path': [bad, good]})
        assert result['bad_images'] == [bad] and [len(frames) for frames in result['img']] == [3, 3]

    def test_large_frames_are_refused_before_they_are_decoded(self, tmp_path):
        path = write(tmp_path / 'a.mp4')
        with pytest.raises(ValueError, match=r'64 x 48 pixels, the limit is 3071 \(max_pixels\)'):
            load(path, max_pixels=64 * 48 - 1)
        assert len(load(path, max_pixels=64 * 48)['img']) == 4

    def test_a_list_of_paths(self, tmp_path):
        with pytest.raises(TypeError, match='Wrap the transforms of a video in ApplyToList'):
            LoadVideoFrames()({'img_path': ['a.mp4']})

    @pytest.mark.parametrize('source', [None, 7, b'a.mp4', np.zeros((4, 4, 3), np.uint8)])
    def test_what_is_not_a_path(self, source):
        with pytest.raises(ValueError, match='is not a readable video: an? .* is not a video: give a path'):
            LoadVideoFrames()({'img_path': source})


def test_a_cover_is_not_the_video(tmp_path):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        streams = [container.add_stream('mjpeg', rate=10) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, 'yuvj420p'
        streams[0].disposition = av.stream.Disposition.attached_pic
        for stream, grey, count in ((streams[0], 250, 1), (streams[1], 100, 20)):
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), grey, np.uint8), format='rgb24')
                frame.pts, frame.time_base = number, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    assert levels(tmp_path / 'a.mp4', 2) == [10, 10]
