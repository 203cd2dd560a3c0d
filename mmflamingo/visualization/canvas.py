"""Small building blocks for pictures with text, drawn by pillow alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from mmflamingo.datasets.clips import split_clip
from mmflamingo.datasets.transforms import LoadVideoFrames

BACKGROUND, FRAME = (255, 255, 255), (208, 212, 218)
INK, GREY, BLUE = (24, 28, 34), (110, 116, 126), (20, 84, 180)
LINE_SPACING = 1.3
VIDEO_SUFFIXES = ('.avi', '.mkv', '.mov', '.mp4', '.webm')


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """pillow's own scalable font."""
    return ImageFont.load_default(size)


@dataclass(frozen=True)
class Text:
    """A paragraph in one size and colour, cut after `max_lines`."""

    text: str
    size: int = 16
    color: tuple[int, int, int] = INK
    max_lines: int = 4


def wrap(paragraph: Text, width: int) -> list[str]:
    """Break a paragraph into lines of at most `width` pixels; an ellipsis says where it is cut."""
    lines = []
    for part in paragraph.text.split('\n'):
        lines += _wrap_line(part, font(paragraph.size), width)
    if len(lines) <= paragraph.max_lines:
        return lines
    kept = lines[: paragraph.max_lines]
    while kept[-1] and font(paragraph.size).getlength(kept[-1] + '...') > width:
        kept[-1] = kept[-1][:-1]
    return [*kept[:-1], kept[-1].rstrip() + '...']


def _wrap_line(text: str, typeface: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines, line = [], ''
    for word in text.split(' '):
        while typeface.getlength(word) > width:  # a word longer than a line is cut
            fits = max(n for n in range(1, len(word)) if n == 1 or _fits(word[:n], typeface, width))
            lines += [line] if line else []
            lines, line, word = [*lines, word[:fits]], '', word[fits:]
        longer = f'{line} {word}' if line else word
        if line and not _fits(longer, typeface, width):
            lines, line = [*lines, line], word
        else:
            line = longer
    return [*lines, line]


def _fits(text: str, typeface: ImageFont.FreeTypeFont, width: int) -> bool:
    return typeface.getlength(text) <= width


def text_block(paragraphs: Iterable[Text], width: int) -> Image.Image:
    """Paragraphs below each other, as high as they need."""
    lines = [(line, paragraph) for paragraph in paragraphs for line in wrap(paragraph, width)]
    heights = [round(paragraph.size * LINE_SPACING) for _, paragraph in lines]
    image = Image.new('RGB', (width, max(1, sum(heights))), BACKGROUND)
    draw = ImageDraw.Draw(image)
    y = 0
    for (line, paragraph), height in zip(lines, heights, strict=True):
        draw.text((0, y), line, paragraph.color, font(paragraph.size))
        y += height
    return image


def picture(path: str | None, size: tuple[int, int]) -> Image.Image:
    """The image file fitted into a framed box, or a box that says why there is none."""
    box = Image.new('RGB', size, BACKGROUND)
    draw = ImageDraw.Draw(box)
    try:
        if path is None:
            raise FileNotFoundError('text only')
        image = ImageOps.contain(open_picture(path), size)
        box.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    except (OSError, ValueError, ImportError) as error:
        said = 'text only' if path is None else f'{Path(path).name}\n{type(error).__name__}'
        draw.text((8, 8), said, GREY, font(14))
    draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=FRAME)
    return box


def open_picture(path: str) -> Image.Image:
    """An image file upright in RGB, or the middle frame of a video or of a part of one.

    Raises:
        OSError: There is no such file, or it is no image.
        ValueError: It is no video.
        ImportError: It is a video, and PyAV is not installed.
    """
    if Path(split_clip(path)[0]).suffix.lower() in VIDEO_SUFFIXES:
        (frame,) = LoadVideoFrames(num_frames=1)({'img_path': path})['img']
        return Image.fromarray(frame[..., ::-1])
    with Image.open(path) as file:
        return ImageOps.exif_transpose(file).convert('RGB')


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
