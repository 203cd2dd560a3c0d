"""Clips of two things: one of them moves, or one comes and goes before the other.

No single frame tells which, whither or in what order:

- Both places and both sizes are drawn before it is decided which thing moves and where, and leave room for every choice. The
  mover passes its place in the middle frame.
- The thing that comes first goes first, so a thing that is alone may be the first or the last. A clip of this kind that is played
  backwards is as likely a clip as any.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image

from .scenes import CANVAS, draw_background, draw_thing, paste
from .vocabulary import COLORS, TEXTURES, THINGS, Thing

FRAMES = 9
MIDDLE = FRAMES // 2
STEP = 6  # pixels that a thing moves from a frame to the next
EDGES = (28, 34)  # of sprites, in pixels
DIRECTIONS = {'left': (-1, 0), 'right': (1, 0), 'top': (0, -1), 'bottom': (0, 1)}
Place = tuple[int, int]  # x, y of a centre, in pixels


@dataclass(frozen=True)
class Actor:
    """A thing in a clip; `places` says where it is in each frame, None where it isn't there."""

    thing: Thing
    edge: int
    places: tuple[Place | None, ...]


@dataclass(frozen=True)
class Clip:
    """What a clip shows, and what is asked about it: pairs of a question and its answer."""

    actors: tuple[Actor, Actor]
    color: str
    texture: str
    questions: tuple[tuple[str, str], ...]


def sample_move(rng: Random) -> Clip:
    """A clip in which one of two things moves."""
    things, edges, places = _two_things(rng)
    mover, direction = rng.randrange(2), rng.choice(list(DIRECTIONS))
    paths = [[place] * FRAMES for place in places]
    paths[mover] = [_moved(places[mover], direction, STEP * (frame - MIDDLE)) for frame in range(FRAMES)]
    name = things[mover].name
    questions = ('What moves?', name), (f'Where does the {name} go?', direction)
    return _clip(rng, things, edges, paths, questions)


def sample_arrival(rng: Random) -> Clip:
    """A clip in which one of two things comes first and goes first; the middle frame shows both."""
    things, edges, places = _two_things(rng)
    first = rng.randrange(2)
    going, coming = rng.randint(MIDDLE + 1, FRAMES - 2), rng.randint(2, MIDDLE)
    paths = [[place if frame >= coming else None for frame in range(FRAMES)] for place in places]
    paths[first] = [places[first] if frame < going else None for frame in range(FRAMES)]
    return _clip(rng, things, edges, paths, [('Which comes first?', things[first].name)])


def render_clip(clip: Clip, sprites: Path, rng: Random) -> list[Image.Image]:
    """The frames: FRAMES pictures, (CANVAS, CANVAS) RGB."""
    frames = [draw_background(clip.color, clip.texture, rng)]
    frames += [frames[0].copy() for _ in range(FRAMES - 1)]
    for actor in clip.actors:
        sprite = draw_thing(actor.thing, actor.edge, sprites, rng)
        for frame, place in zip(frames, actor.places, strict=True):
            if place:
                paste(frame, sprite, *place)
    return frames


def _two_things(rng: Random) -> tuple[list[Thing], list[int], list[Place]]:
    """Two things, their sizes, and places from which either can go anywhere without touching the other."""
    things, edges = rng.sample(THINGS, 2), [rng.randint(*EDGES) for _ in range(2)]
    margin = EDGES[1] // 2 + STEP * MIDDLE
    while True:
        places = [(rng.randint(margin, CANVAS - margin), rng.randint(margin, CANVAS - margin)) for _ in range(2)]
        if all(abs(a - b) >= sum(edges) / 2 for a, b in zip(*places, strict=True)):
            return things, edges, places


def _moved(place: Place, direction: str, pixels: int) -> Place:
    return tuple(start + pixels * part for start, part in zip(place, DIRECTIONS[direction], strict=True))


def _clip(
    rng: Random,
    things: Sequence[Thing],
    edges: Sequence[int],
    paths: Sequence[Sequence[Place | None]],
    questions: Sequence[tuple[str, str]],
) -> Clip:
    actors = tuple(Actor(*parts) for parts in zip(things, edges, map(tuple, paths), strict=True))
    return Clip(actors, rng.choice(list(COLORS)), rng.choice(TEXTURES), tuple(questions))
