"""Scenes: which things, how many, where, how large, before what; and the picture of it."""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from .vocabulary import COLORS, TEXTURES, THINGS, Thing

CANVAS = 128  # pixels, both sides
SIZES = {'small': (28, 34), 'medium': (40, 46), 'big': (54, 60)}  # sprite edge in pixels
# Kinds and counts of a scene: 1 to 4 objects in all.
LAYOUTS = (
    [(1,)] * 5 + [(2,)] * 2 + [(3,)] * 2 + [(4,)] * 2 + [(1, 1)] * 7 + [(1, 2)] * 2 + [(2, 2)] + [(1, 3)] + [(1, 1, 1)] * 2
    + [(1, 1, 2)] + [(1, 1, 1, 1)]
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """All objects of one kind in a scene; `boxes` are (centre x, centre y, edge) in pixels."""

    thing: Thing
    size: str
    boxes: tuple[tuple[int, int, int], ...]

    @property
    def count(self) -> int:
        return len(self.boxes)

    @property
    def center(self) -> tuple[float, float]:
        return tuple(sum(box[axis] for box in self.boxes) / self.count for axis in (0, 1))


@dataclass(frozen=True)
class Scene:
    """What a picture shows: groups from left to right, and the background."""

    groups: tuple[Group, ...]
    color: str
    texture: str

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def things(self) -> tuple[Thing, ...]:
        return tuple(group.thing for group in self.groups)

    def relation(self) -> str | None:
        """How the first of two groups stands to the second: 'left' or 'above'; None unless there are two.

        Groups are ordered so that no other relation occurs: left to right, or top to bottom (see `_order`).
        """
        if len(self.groups) != 2:
            return None
        (x0, y0), (x1, y1) = (group.center for group in self.groups)
        return 'left' if abs(x1 - x0) >= abs(y1 - y0) else 'above'


def held_out_pairs(seed: int, share: float = 0.1) -> frozenset[frozenset[str]]:
    """Pairs of names that never meet in a training picture."""
    pairs = [frozenset((a.name, b.name)) for a, b in combinations(THINGS, 2)]
    return frozenset(Random(f'pairs-{seed}').sample(pairs, int(len(pairs) * share)))


def has_held_out_pair(scene: Scene, held_out: frozenset[frozenset[str]]) -> bool:
    """Whether two things of `scene` are one of the pairs that never meet in training."""
    return any(frozenset((a.name, b.name)) in held_out for a, b in combinations(scene.things, 2))


def sample_scene(rng: Random) -> Scene:
    """Draw a scene whose objects don't overlap."""
    while True:
        counts = list(rng.choice(LAYOUTS))
        rng.shuffle(counts)
        total = sum(counts)
        names = list(SIZES) if total <= 2 else ['small', 'medium']
        sizes = [rng.choice(names) for _ in counts]
        boxes = _place(rng, [size for size, count in zip(sizes, counts, strict=True) for _ in range(count)])
        if boxes is None:
            continue
        groups = []
        for thing, size, count in zip(rng.sample(THINGS, len(counts)), sizes, counts, strict=True):
            groups.append(Group(thing, size, tuple(boxes[:count])))
            boxes = boxes[count:]
        if ordered := _order(groups):
            return Scene(tuple(ordered), rng.choice(list(COLORS)), rng.choice(TEXTURES))


def sample_portrait(rng: Random, thing: Thing) -> Scene:
    """A scene that shows `thing` once, in any size, place and before any background."""
    size = rng.choice(list(SIZES))
    box = tuple(_place(rng, [size]))
    return Scene((Group(thing, size, box),), rng.choice(list(COLORS)), rng.choice(TEXTURES))


def _place(rng: Random, sizes: list[str]) -> list[tuple[int, int, int]] | None:
    boxes: list[tuple[int, int, int]] = []
    for size in sizes:
        for _ in range(30):
            edge = rng.randint(*SIZES[size])
            margin = edge // 2 + 1
            x, y = (rng.randint(margin, CANVAS - margin) for _ in range(2))
            if all(max(abs(x - bx), abs(y - by)) >= (edge + other) / 2 for bx, by, other in boxes):
                boxes.append((x, y, edge))
                break
        else:
            return None
    return boxes


def _order(groups: list[Group]) -> list[Group] | None:
    """Left to right; two groups one above the other: top to bottom; None where the order is not plain to see."""
    if len(groups) == 2:
        (x0, y0), (x1, y1) = (group.center for group in groups)
        across, down = abs(x1 - x0), abs(y1 - y0)
        if abs(across - down) < 16:
            return None
        axis = 0 if across > down else 1
        return sorted(groups, key=lambda group: group.center[axis])
    ordered = sorted(groups, key=lambda group: group.center[0])
    gaps = [b.center[0] - a.center[0] for a, b in zip(ordered, ordered[1:], strict=False)]
    return ordered if all(gap >= 8 for gap in gaps) else None


def render(scene: Scene, sprites: Path, rng: Random) -> Image.Image:
    """The picture: (CANVAS, CANVAS) RGB."""
    image = draw_background(scene.color, scene.texture, rng)
    for group in scene.groups:
        for x, y, edge in group.boxes:
            paste(image, draw_thing(group.thing, edge, sprites, rng), x, y)
    return image


def draw_thing(thing: Thing, edge: int, sprites: Path, rng: Random) -> Image.Image:
    """The thing, (edge, edge) RGBA, mirrored and turned a little at random."""
    sprite = _sprite(sprites / f'{thing.name}.png').resize((edge, edge), Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return sprite.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR)


def paste(image: Image.Image, sprite: Image.Image, x: int, y: int) -> None:
    """Put a sprite with its centre at (x, y) pixels into the picture."""
    image.paste(sprite, (x - sprite.width // 2, y - sprite.height // 2), sprite)


@cache
def _sprite(path: Path) -> Image.Image:
    return Image.open(path).convert('RGBA')


def draw_background(color: str, texture: str, rng: Random) -> Image.Image:
    """A picture without things: (CANVAS, CANVAS) RGB, of about that colour."""
    base = tuple(max(0, min(255, value + rng.randint(-8, 8))) for value in COLORS[color])
    accent = tuple(int(value * 0.86) for value in base)
    image = Image.new('RGB', (CANVAS, CANVAS), base)
    draw, step, shift = ImageDraw.Draw(image), rng.choice((12, 16)), rng.randint(0, 11)
    marks = range(-step + shift, CANVAS + step, step)
    if texture == 'striped':
        for x in marks:
            draw.rectangle((x, 0, x + step // 2 - 1, CANVAS), fill=accent)
    elif texture == 'dotted':
        for x in marks:
            for y in marks:
                draw.ellipse((x, y, x + step // 3, y + step // 3), fill=accent)
    elif texture == 'checkered':
        for column, x in enumerate(marks):
            for row, y in enumerate(marks):
                if (column + row) % 2:
                    draw.rectangle((x, y, x + step - 1, y + step - 1), fill=accent)
    return image
