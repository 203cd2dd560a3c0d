"""Small building blocks for pictures with text, drawn by pillow alone."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from mmflamingo.datasets.clips import split_clip
from mmflamingo.datasets.transforms import LoadImageFromFile, LoadVideoFrames

from .fonts import Fonts

BACKGROUND, FRAME = (255, 255, 255), (208, 212, 218)
INK, GREY, BLUE = (24, 28, 34), (110, 116, 126), (20, 84, 180)
LINE_SPACING = 1.3
VIDEO_SUFFIXES = ('.avi', '.mkv', '.mov', '.mp4', '.webm')
FONTS = Fonts()


@dataclass(frozen=True)
class Text:
    """A paragraph in one size and colour, cut after `max_lines`."""

    text: str
    size: int = 16
    color: tuple[int, int, int] = INK
    max_lines: int = 4


def wrap(paragraph: Text, width: int, fonts: Fonts = FONTS) -> list[str]:
    """Break a paragraph into lines of at most `width` pixels; an ellipsis says where it is cut."""
    most = paragraph.max_lines
    lines = []
    for part in paragraph.text[: most * width].split('\n'):  # more characters than pixels are never shown
        lines += _wrap_line(part, fonts, paragraph.size, width)
        if len(lines) > most:
            break
    if len(lines) <= most:
        return lines
    kept = lines[:most]
    while kept[-1] and fonts.length(kept[-1] + '...', paragraph.size) > width:
        kept[-1] = kept[-1][:-1]
    return [*kept[:-1], kept[-1].rstrip() + '...']


def _wrap_line(text: str, fonts: Fonts, size: int, width: int) -> list[str]:
    lines, line = [], ''
    for word in text.split(' '):
        while fonts.length(word, size) > width and len(word) > 1:  # a word longer than a line is cut
            fits = bisect_right(range(2, len(word)), width, key=lambda end: fonts.length(word[:end], size)) + 1
            lines += [line] if line else []
            lines, line, word = [*lines, word[:fits]], '', word[fits:]
        longer = f'{line} {word}' if line else word
        if line and fonts.length(longer, size) > width:
            lines, line = [*lines, line], word
        else:
            line = longer
    return [*lines, line]


def text_block(paragraphs: Iterable[Text], width: int, fonts: Fonts = FONTS) -> Image.Image:
    """Paragraphs below each other, as high as they need."""
    lines = [(line, paragraph) for paragraph in paragraphs for line in wrap(paragraph, width, fonts)]
    heights = [round(paragraph.size * LINE_SPACING) for _, paragraph in lines]
    image = Image.new('RGB', (width, max(1, sum(heights))), BACKGROUND)
    draw = ImageDraw.Draw(image)
    y = 0
    for (line, paragraph), height in zip(lines, heights, strict=True):
        fonts.draw(draw, (0, y), line, paragraph.color, paragraph.size)
        y += height
    return image


def picture(path: str | None, size: tuple[int, int], fonts: Fonts = FONTS) -> Image.Image:
    """The image file fitted into a framed box, or a box that says why there is none."""
    box = Image.new('RGB', size, BACKGROUND)
    draw = ImageDraw.Draw(box)
    try:
        image = None if path is None else _fitted(open_picture(path), size)
        reasons = ['text only']
    except Exception as error:  # a file that nothing can read must not cost the drawing of the text
        image, reasons = None, [Path(path).name, type(error).__name__]
    if image is None:
        box.paste(text_block([Text(reason, 14, GREY, max_lines=2) for reason in reasons], size[0] - 16, fonts), (8, 8))
    else:
        box.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=FRAME)
    return box


def open_picture(path: str) -> Image.Image:
    """An image file, or the middle frame of a video or of a part of one, as a model sees it, in RGB.

    Raises:
        OSError: There is no such file, or it may not be read.
        ValueError: It is not a readable image or video.
        ImportError: It is a video, and PyAV is not installed.
    """
    if Path(split_clip(path)[0]).suffix.lower() in VIDEO_SUFFIXES:
        (pixels,) = LoadVideoFrames(num_frames=1)({'img_path': path})['img']
    else:
        pixels = LoadImageFromFile()({'img_path': path})['img']
    return Image.fromarray(pixels[..., ::-1])


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """As large as fits, with a line of pixels at least."""
    scale = min(size[0] / image.width, size[1] / image.height)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def column(images: Sequence[Image.Image], gap: int) -> Image.Image:
    """Images below each other, flush left."""
    width = max(image.width for image in images)
    height = sum(image.height for image in images) + gap * (len(images) - 1)
    return _placed(images, (width, height), lambda image, offset: (0, offset), gap, axis=1)


def row(images: Sequence[Image.Image], gap: int) -> Image.Image:
    """Images beside each other, flush with the top."""
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    height = max(image.height for image in images)
    return _placed(images, (width, height), lambda image, offset: (offset, 0), gap, axis=0)


def _placed(images, size, place, gap: int, axis: int) -> Image.Image:
    canvas = Image.new('RGB', size, BACKGROUND)
    offset = 0
    for image in images:
        canvas.paste(image, place(image, offset))
        offset += image.size[axis] + gap
    return canvas


def with_margin(image: Image.Image, margin: int) -> Image.Image:
    return ImageOps.expand(image, margin, BACKGROUND)
