"""What people say of a scene: five voices, spoken by teams of annotators who each have habits of their own."""

from collections import Counter
from dataclasses import dataclass
from random import Random

from .scenes import Group, Scene
from .vocabulary import NUMBERS, article, pluralize

VOICES = ('brief', 'plain', 'picture', 'detailed', 'categories')


@dataclass(frozen=True)
class Team:
    """The habits one team of annotators shares: all captions and answers of one image come from one team.

    A reader who has seen a few captions of a team knows how the next one will be worded; that is what the shots of a
    caption prompt tell beyond the picture.
    """

    synonyms: bool  # 'kitty' instead of 'cat'
    backdrop: int  # index into _BACKDROPS
    relation: int  # index into _RELATIONS
    pairs: bool  # 'a pair of cats' instead of 'two cats'

    @classmethod
    def number(cls, index: int) -> 'Team':
        """Team `index`, 0 <= index < NUM_TEAMS."""
        index, pairs = divmod(index, 2)
        index, synonyms = divmod(index, 2)
        backdrop, relation = divmod(index, len(_RELATIONS))
        return cls(bool(synonyms), backdrop, relation, bool(pairs))


_BACKDROPS = ('on a {} background', 'in front of a {} wall', 'with {} all around', 'before a {} sheet')
_RELATIONS = (
    {'left': 'to the left of', 'above': 'above'},
    {'left': 'left from', 'above': 'on top of'},
)
NUM_TEAMS = len(_BACKDROPS) * len(_RELATIONS) * 4
PLAIN = Team.number(0)  # no synonyms, no pairs


def position(group: Group, size: int = 128) -> str:
    """Where a single object is: 'left', 'top right', 'middle', ..."""
    x, y = group.center
    column = 'left' if x < size * 0.36 else 'right' if x > size * 0.64 else ''
    row = 'top' if y < size * 0.36 else 'bottom' if y > size * 0.64 else ''
    return ' '.join(filter(None, (row, column))) or 'middle'


def background(scene: Scene) -> str:
    """The background in words, without an article: 'blue' or 'striped blue'."""
    return scene.color if scene.texture == 'plain' else f'{scene.texture} {scene.color}'


def phrase(group: Group, team: Team, sized: bool = False) -> str:
    """A group with its number: 'a cat', 'two small dogs', 'a pair of owls'."""
    noun = group.thing.noun(group.count, team.synonyms)
    if sized and group.size != 'medium':
        noun = f'{group.size} {noun}'
    if group.count == 1:
        return article(noun)
    return f'a pair of {noun}' if team.pairs and group.count == 2 else f'{NUMBERS[group.count]} {noun}'


def _enumerate(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ', '.join(parts[:-1]) + f' and {parts[-1]}'


def backdrop(scene: Scene, team: Team) -> str:
    """The team's way to name the background."""
    return _BACKDROPS[team.backdrop].format(background(scene)).replace('a orange', 'an orange')


def caption(scene: Scene, team: Team, voice: str) -> str:
    """One caption of `scene` in `voice`, one of VOICES."""
    names = [phrase(group, team) for group in scene.groups]
    relation = scene.relation()
    related = f'{names[0]} {_RELATIONS[team.relation][relation]} {names[1]}' if relation else _enumerate(names)
    if voice == 'brief':
        return _enumerate(names)
    if voice == 'plain':
        return f'{related} {backdrop(scene, team)}.'
    if voice == 'picture':
        return f'This picture shows {related}.'
    if voice == 'detailed':
        parts = [phrase(group, team, sized=True) for group in scene.groups]
        if len(parts) == 1 and scene.total == 1:
            spot = position(scene.groups[0])
            return f'There is {parts[0]} in the {spot} of the picture {backdrop(scene, team)}.'
        verb = 'is' if scene.groups[0].count == 1 else 'are'
        if len(parts) == 1:
            return f'There are {parts[0]} {backdrop(scene, team)}.'
        order = 'From top to bottom' if relation == 'above' else 'From left to right'
        return f'{order} there {verb} {_enumerate(parts)} {backdrop(scene, team)}.'
    counts = Counter()
    for group in scene.groups:
        counts[group.thing.category] += group.count
    kinds = [article(c) if n == 1 else f'{NUMBERS[n]} {pluralize(c)}' for c, n in counts.items()]
    return f'{_enumerate(kinds)}: {_enumerate(names)}'


def inventory(scene: Scene, team: Team = PLAIN) -> str:
    """All there is to know about a scene in a few words: 'two small dogs, a cat top left, striped blue.'"""
    parts = []
    for group in scene.groups:
        parts.append(phrase(group, team, sized=True))
        if group.count == 1:
            parts[-1] += f' {position(group)}'
    return f'{", ".join(parts)}, {background(scene)}.'


def description(scene: Scene, team: Team, rng: Random) -> str:
    """A scene in words, for text without pictures: its inventory, at times after a caption."""
    text = inventory(scene, team)
    return text if rng.random() < 0.7 else f'{caption(scene, team, rng.choice(VOICES[1:4]))} {text}'
