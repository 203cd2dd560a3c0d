"""Fonts for text of any script: pillow's own, and where it lacks characters those of matplotlib and of the system."""

import logging
import os
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from itertools import chain, groupby
from pathlib import Path
from unicodedata import category

import matplotlib
from matplotlib.ft2font import FT2Font
from mmengine.logging import print_log
from PIL import ImageDraw, ImageFont

ENDINGS = ('.ttf', '.otf', '.ttc')
STYLES = ('bold', 'italic', 'oblique', 'light', 'thin', 'black', 'condensed', 'mono')  # come after plain fonts
PILLOWS = ''  # stands for pillow's own font
DEJAVU = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf'


class Fonts:
    """Draws a line in the first font that has all of its characters, or else each part in the first that has it.

    Pillow's own font is asked first, then matplotlib's DejaVu Sans (Latin, Greek, Cyrillic, Hebrew, Arabic), then the fonts
    of the system. What none of them has becomes boxes, and is said once.

    Args:
        first: Font file to ask before all others.

    Raises:
        ValueError: `first` is not a font file.
    """

    def __init__(self, first: str | os.PathLike | None = None) -> None:
        if first is not None and not _is_usable(str(first)):
            raise ValueError(f"visualizer.font = '{first}' is not a font file ({', '.join(ENDINGS)}).")
        self._preferred = [*([] if first is None else [str(first)]), PILLOWS, str(DEJAVU)]
        self._font_of: dict[str, str] = {}  # of each character met
        self._has_warned = False

    def length(self, text: str, size: int) -> float:
        """Width of a line in pixels."""
        return sum(_loaded(font, size).getlength(part) for font, part in self._parts(text))

    def draw(
        self, draw: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, color: tuple[int, int, int], size: int
    ) -> None:
        """Draws a line from its upper left corner on."""
        x, y = corner
        for name, part in self._parts(text):
            font = _loaded(name, size)
            draw.text((x, y + size), part, color, font, anchor='ls')
            x += font.getlength(part)

    def _parts(self, text: str) -> list[tuple[str, str]]:
        """Parts of a line with their fonts."""
        text = ''.join(character if _can_be_drawn(character) else ' ' for character in text)
        visible = {character for character in text if _has_glyph(character)}
        self._look_for(visible - self._font_of.keys())
        fonts = list(dict.fromkeys(self._font_of[character] for character in text if character in visible))
        # A text from right to left can only be put in order as a whole.
        whole = [font for font in fonts if len(fonts) == 1 or visible <= _covered(font, visible)]
        if whole or not fonts:
            return [(whole[0] if whole else self._preferred[0], text)]
        current, chosen = fonts[0], []
        for character in text:
            current = self._font_of.get(character, current)
            chosen.append(current)
        parts = groupby(zip(chosen, text, strict=True), key=lambda pair: pair[0])
        return [(font, ''.join(character for _, character in part)) for font, part in parts]

    def _look_for(self, characters: set[str]) -> None:
        """Finds a font for each character that wasn't met before."""
        missing = set(characters)
        for font in chain(self._preferred, _system_fonts() if missing else ()):
            if not missing:
                return
            found = _covered(font, missing)
            self._font_of |= dict.fromkeys(found, font)
            missing -= found
        self._font_of |= dict.fromkeys(missing, self._preferred[0])
        if missing and not self._has_warned:
            self._has_warned = True
            shown = ''.join(sorted(missing)[:20]).encode('unicode_escape').decode()
            print_log(
                f"No font of this system has the characters '{shown}': boxes are drawn in their place. Install a font that has "
                "them, or name its file: visualizer=dict(type='FlamingoVisualizer', font=FILE).",
                'current',
                logging.WARNING,
            )


@cache
def _loaded(font: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size) if font == PILLOWS else ImageFont.truetype(font, size)


def _covered(font: str, characters: set[str]) -> set[str]:
    """The characters that a font has."""
    if font != PILLOWS and not _is_usable(font):
        return set()
    file = BytesIO(_loaded(PILLOWS, 16).path.getvalue()) if font == PILLOWS else font
    face = FT2Font(file)
    return {character for character in characters if face.get_char_index(ord(character))}


@cache
def _is_usable(font: str) -> bool:
    """Whether it can be drawn in any size; fonts of coloured bitmaps can't."""
    try:
        _loaded(font, 16)
        FT2Font(font)
    except (OSError, RuntimeError, ValueError):
        return False
    return True


@cache
def _system_fonts() -> list[str]:
    """Font files of the system and of the user, plain ones first."""
    files = {file for folder in _folders() for file in folder.rglob('*') if file.suffix.lower() in ENDINGS}
    regular = (file for file in files if file.is_file())
    return sorted(map(str, regular), key=lambda name: (any(style in name.lower() for style in STYLES), name))


def _folders() -> Iterator[Path]:
    home = Path.home()
    if sys.platform == 'win32':
        yield Path(os.environ.get('WINDIR', 'C:/Windows')) / 'Fonts'
        yield home / 'AppData' / 'Local' / 'Microsoft' / 'Windows' / 'Fonts'
    elif sys.platform == 'darwin':
        yield from (Path('/System/Library/Fonts'), Path('/Library/Fonts'), home / 'Library' / 'Fonts')
    else:
        data = os.environ.get('XDG_DATA_DIRS') or '/usr/local/share:/usr/share'
        user = os.environ.get('XDG_DATA_HOME') or home / '.local' / 'share'
        yield from (Path(folder) / 'fonts' for folder in [user, *data.split(':')])
        yield home / '.fonts'


def _can_be_drawn(character: str) -> bool:
    """Whether a character is text, and not a control character or half of one (a surrogate)."""
    return category(character) not in ('Cc', 'Cs')


def _has_glyph(character: str) -> bool:
    """Whether a character needs a picture in the font: not white space, nor one that joins others."""
    return not character.isspace() and category(character) != 'Cf'
