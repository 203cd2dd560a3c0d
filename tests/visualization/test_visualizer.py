import pytest
from PIL import Image

from mmflamingo.registry import VISUALIZERS
from mmflamingo.visualization.canvas import BACKGROUND, Text, font, picture, text_block, wrap


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


@pytest.mark.parametrize('text', ['a b c ' * 40, 'x' * 300, 'two\nlines', ''])
def test_lines_are_no_wider_than_asked(text):
    lines = wrap(Text(text, 14, max_lines=3), 100)
    assert 1 <= len(lines) <= 3
    assert all(font(14).getlength(line) <= 100 for line in lines)


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
