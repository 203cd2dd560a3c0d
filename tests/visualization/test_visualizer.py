import os
from time import process_time

import numpy as np
import pytest
from PIL import Image

from mmflamingo.registry import VISUALIZERS
from mmflamingo.visualization.canvas import BACKGROUND, FONTS, Text, picture, text_block, wrap


@pytest.fixture
def visualizer():
    return VISUALIZERS.build({'type': 'FlamingoVisualizer', 'name': 'test_visualizer'})


@pytest.fixture
def image(tmp_path):
    Image.new('RGB', (40, 30), (200, 30, 30)).save(tmp_path / 'red.png')
    return str(tmp_path / 'red.png')


def colours(image):
    return {colour for _, colour in image.getcolors(1 << 24)}


def test_caption_with_shots(visualizer, image):
    shots = [{'sample_id': i, 'img_path': image, 'caption': 'a red box'} for i in range(8)]
    shots.append({'sample_id': 9, 'img_path': None, 'caption': 'text only'})
    record = {
        'task': 'caption',
        'sample_id': 1,
        'img_path': image,
        'shots': shots,
        'prompt': '<image>Output:',
        'generated': 'a box<|endofchunk|>',
        'prediction': 'a box',
        'references': ['a red box', 'red'],
        'scores': {'CIDEr': 120.0},
    }
    many = visualizer.draw_prediction(record)
    few = visualizer.draw_prediction({**record, 'shots': shots[:2]})
    assert (200, 30, 30) in colours(many)
    assert many.width == few.width and many.height > few.height


def test_bare_question_without_readable_image(visualizer):
    record = {
        'task': 'vqa',
        'sample_id': 'a/b',
        'question': 'What colour is the box?',
        'img_path': 'gone.png',
        'prediction': None,
        'references': ['red'] * 7 + ['scarlet'] * 3,
    }
    assert len(colours(visualizer.draw_prediction(record))) > 2


@pytest.mark.parametrize(
    'text', ['a b c ' * 40, 'x' * 300, 'two\nlines', '', 'שלום ' * 40, 'a\tb\0c\r\ud800', 'ш' * 200]
)
def test_lines_are_no_wider_than_asked(text):
    lines = wrap(Text(text, 14, max_lines=3), 100)
    assert 1 <= len(lines) <= 3
    assert all(FONTS.length(line, 14) <= 100 for line in lines)


def test_cut_text_says_so():
    assert wrap(Text('word ' * 50, 14, max_lines=2), 120)[-1].endswith('...')
    assert wrap(Text('word', 14), 120) == ['word']


def test_picture_is_fitted_and_missing_one_is_told(image):
    assert picture(image, (50, 50)).size == (50, 50)
    assert colours(picture('gone.png', (150, 50))) != {BACKGROUND}


def test_a_video_is_shown_by_its_middle_frame(tmp_path):
    av = pytest.importorskip('av')
    path = str(tmp_path / 'a.mp4')
    with av.open(path, 'w') as container:
        stream = container.add_stream('mpeg4', rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, 'yuv420p'
        for colour in [(0, 0, 250)] * 2 + [(250, 0, 0)] + [(0, 0, 250)] * 2:
            container.mux(stream.encode(av.VideoFrame.from_image(Image.new('RGB', (64, 64), colour))))
        container.mux(stream.encode())
    red, _, blue = picture(path, (64, 64)).getpixel((32, 32))
    assert red > 200 and blue < 50
    assert picture(f'{path}#t=0,2', (64, 64)).getpixel((32, 32))[2] > 200
    (tmp_path / 'b.mp4').write_bytes(b'nothing' * 99)
    assert colours(picture(str(tmp_path / 'b.mp4'), (150, 50))) != {BACKGROUND}


def test_text_block_is_as_high_as_its_text():
    one = text_block([Text('a', 20)], 100)
    two = text_block([Text('a', 20), Text('b', 20)], 100)
    assert two.height == 2 * one.height


# R18, R19: what a record holds costs no more than its own place in the picture


@pytest.mark.parametrize('text', ['x' * 200_000, 'word ' * 40_000, '\n' * 200_000, '\u0301' * 200_000, '中' * 200_000])
def test_long_texts_take_no_time(text):
    start = process_time()
    assert len(wrap(Text(text, 14, max_lines=8), 700)) == 8 or '\u0301' in text
    assert process_time() - start < 5


@pytest.mark.parametrize('size', [(1, 60000), (60000, 1), (1, 1)])
def test_extreme_pictures_are_fitted(tmp_path, size):
    Image.new('RGB', size, (200, 30, 30)).save(tmp_path / 'a.png')
    assert (200, 30, 30) in colours(picture(str(tmp_path / 'a.png'), (150, 50)))


def test_a_picture_is_drawn_as_the_model_sees_it(tmp_path):
    Image.fromarray(np.full((4, 4), 20000, np.uint16)).save(tmp_path / 'deep.png')
    Image.new('RGBA', (4, 4), (0, 0, 0, 0)).save(tmp_path / 'clear.png')
    assert picture(str(tmp_path / 'deep.png'), (50, 50)).getpixel((25, 25)) == (78, 78, 78)
    assert picture(str(tmp_path / 'clear.png'), (50, 50)).getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize(
    'path',
    ['', '.', 'gone.png', 'a\0b.png', 'x' * 5000, 'a.mp4#t=x', 'http://127.0.0.1:9/a.png', 'pipe', '~nobody/a.png'],
)
def test_what_cannot_be_opened_is_a_box(visualizer, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    os.mkfifo('pipe')
    assert visualizer.draw_prediction({'sample_id': 1, 'img_path': path}).width > 1000


def test_records_of_unusual_values(visualizer):
    record = {
        'sample_id': '/' * 500,
        'question': '\ud800' * 9,
        'prediction': None,
        'references': [None, 3, ['a']],
        'shots': [{'question': None, 'answer': 7}, {'question': 'no answer'}, {}],
        'scores': {'acc': float('nan'), 'x': None},
        'generated': 'text',
    }
    assert visualizer.draw_prediction(record).width > 1000
