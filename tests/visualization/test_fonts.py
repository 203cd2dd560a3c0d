"""Text of any script is drawn in a font that has it (A21)."""

import logging

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageDraw

from mmflamingo.registry import VISUALIZERS
from mmflamingo.visualization import fonts as module
from mmflamingo.visualization.fonts import DEJAVU, PILLOWS, Fonts

CHINESE = '中文'


@pytest.fixture(autouse=True)
def _no_system_fonts(monkeypatch):
    monkeypatch.setattr(module, '_system_fonts', lambda: [])


@pytest.fixture
def font_of(tmp_path):
    """Write a font in which each of the characters is a full square."""

    def write(characters, name='square.ttf'):
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for point in [(0, 1000), (1000, 1000), (1000, 0)]:
            pen.lineTo(point)
        pen.closePath()
        empty, square = TTGlyphPen(None).glyph(), pen.glyph()
        names = [f'uni{ord(character):04X}' for character in characters]
        builder = FontBuilder(1000, isTTF=True)
        builder.setupGlyphOrder(['.notdef', *names])
        builder.setupCharacterMap({ord(character): name for character, name in zip(characters, names, strict=True)})
        builder.setupGlyf({'.notdef': empty, **dict.fromkeys(names, square)})
        builder.setupHorizontalMetrics(dict.fromkeys(['.notdef', *names], (1000, 0)))
        builder.setupHorizontalHeader(ascent=1000, descent=0)
        builder.setupNameTable({'familyName': 'Square', 'styleName': 'Regular'})
        builder.setupOS2()
        builder.setupPost()
        builder.save(tmp_path / name)
        return str(tmp_path / name)

    return write


def drawn(fonts, text, size=20):
    image = Image.new('L', (400, 40), 255)
    fonts.draw(ImageDraw.Draw(image), (0, 0), text, 0, size)
    return np.asarray(image)


def test_plain_text_is_in_the_font_of_pillow():
    assert Fonts()._parts('What is it? 12 %') == [(PILLOWS, 'What is it? 12 %')]


@pytest.mark.parametrize('text', ['crème brûlée, Łódź', 'Что это?', 'מה זה 12?', 'Τι είναι;', 'ما هذا', 'Đây là gì'])
def test_scripts_that_every_system_has(text, caplog):
    assert Fonts()._parts(text) == [(str(DEJAVU), text)], 'as a whole, so that it is put in order as a whole'
    assert len(np.unique(drawn(Fonts(), text))) > 2


def test_two_letters_of_a_script_do_not_look_the_same():
    images = [drawn(Fonts(), character).tobytes() for character in 'éжשΩ']
    assert len(set(images)) == 4


def test_the_font_of_the_config(font_of):
    fonts = Fonts(font_of(CHINESE))
    assert (drawn(fonts, CHINESE)[2:18, 2:38] == 0).all(), 'squares are filled'
    visualizer = VISUALIZERS.build({'type': 'FlamingoVisualizer', 'name': 'with_a_font', 'font': font_of(CHINESE)})
    image = np.asarray(visualizer.draw_prediction({'sample_id': 1, 'question': CHINESE}))
    ink = (image == (24, 28, 34)).all(-1)
    assert ink.sum() > 2 * 20 * 20


def test_a_font_of_the_system_for_what_the_others_lack(font_of, monkeypatch):
    path = font_of(CHINESE)
    monkeypatch.setattr(module, '_system_fonts', lambda: ['/no/font.ttf', path])
    fonts = Fonts()
    assert fonts._parts(f'cat {CHINESE} cat') == [(PILLOWS, 'cat '), (path, f'{CHINESE} '), (PILLOWS, 'cat')]
    assert fonts.length(f'a{CHINESE}', 20) == fonts.length('a', 20) + fonts.length(CHINESE, 20)


def test_fonts_that_cannot_be_used_are_passed_over(font_of, tmp_path, monkeypatch):
    for name, content in {'empty.ttf': b'', 'garbage.otf': b'no font' * 99}.items():
        (tmp_path / name).write_bytes(content)
    path = font_of(CHINESE)
    monkeypatch.setattr(
        module, '_system_fonts', lambda: [str(tmp_path / 'empty.ttf'), str(tmp_path / 'garbage.otf'), path]
    )
    assert Fonts()._parts(CHINESE) == [(path, CHINESE)]


def test_what_no_font_has_is_said_once(monkeypatch):
    messages = []
    monkeypatch.setattr(module, 'print_log', lambda message, logger, level: messages.append((message, level)))
    fonts = Fonts()
    for text in (CHINESE, CHINESE, '한국어'):
        assert drawn(fonts, text).min() < 255, 'boxes'
    ((message, level),) = messages
    assert r'\u4e2d\u6587' in message and 'font=FILE' in message and level == logging.WARNING


@pytest.mark.parametrize('name', ['gone.ttf', 'text.ttf', '.'])
def test_what_is_not_a_font_is_a_sentence(tmp_path, name):
    (tmp_path / 'text.ttf').write_text('no font')
    with pytest.raises(ValueError, match=r"visualizer\.font = '.*' is not a font file"):
        Fonts(tmp_path / name)


def test_control_characters_are_spaces():
    assert Fonts()._parts('a\tb\0c\ud800') == [(PILLOWS, 'a b c ')]
    assert Fonts()._parts('') == [(PILLOWS, '')] and Fonts().length('', 14) == 0
