"""Questions about a scene with the answers that ten people give."""

from collections import Counter
from dataclasses import dataclass
from random import Random

from .language import Team, background, position
from .scenes import Scene
from .vocabulary import COLORS, NUMBERS, THINGS, article


@dataclass(frozen=True)
class Question:
    """A question, its true answer and what people say instead when they are less exact or mistaken."""

    text: str
    answer: str
    answer_type: str  # 'yes/no', 'number' or 'other', as in VQAv2
    question_type: str  # the words it starts with
    synonyms: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()

    def ask_ten(self, rng: Random) -> list[str]:
        """Ten answers. Most people give the true one, some a synonym, a few are wrong."""
        weights = {self.answer: rng.choice((10, 12, 16))}
        weights |= {answer: 3 / len(self.synonyms) for answer in self.synonyms}
        weights |= {answer: 1 / len(self.mistakes) for answer in self.mistakes}
        answers = rng.choices(list(weights), list(weights.values()), k=10)
        others = [answer for answer in answers if answer != self.answer]
        # The true answer has the majority; where only two can be given, hardly anybody gives the other.
        excess = len(others) - (1 if self.answer_type == 'yes/no' else 5)
        for answer in others[: max(0, excess)]:
            answers[answers.index(answer)] = self.answer
        return answers


def majority(answers: list[str]) -> str:
    """The most frequent answer; the first of equals."""
    return Counter(answers).most_common(1)[0][0]


def ask(scene: Scene, team: Team, rng: Random, count: int) -> list[Question]:
    """`count` different questions about `scene`, of all three answer types where it allows."""
    makers = {
        'yes/no': [_is_there, _is_there, _is_background, _more_than],
        'number': [_how_many, _how_many_in_all],
        'other': [_what_is_shown, _what_color, _where, _related, _pattern, _which_category],
    }
    questions: dict[str, Question] = {}
    for index in range(12 * count):
        kind = ('other', 'yes/no', 'number')[index % 3] if index < 3 else rng.choices(list(makers), (4, 2, 4))[0]
        question = rng.choice(makers[kind])(scene, team, rng)
        if question:
            questions.setdefault(question.text, question)
        if len(questions) == count:
            break
    return list(questions.values())


def check(scene: Scene, team: Team, rng: Random, count: int) -> list[Question]:
    """Up to `count` different yes/no questions about `scene`."""
    makers = (_is_there, _is_there, _is_background, _is_background, _more_than)
    asked = (rng.choice(makers)(scene, team, rng) for _ in range(2 * count))
    return list({question.text: question for question in asked if question}.values())[:count]


def _yes_no(text: str, truth: bool, kind: str) -> Question:
    yes, no = ('yes', 'no') if truth else ('no', 'yes')
    return Question(text, yes, 'yes/no', kind, mistakes=(no,))


def _number(text: str, value: int) -> Question:
    wrong = tuple(NUMBERS[n] for n in (value - 1, value + 1) if 0 <= n < len(NUMBERS))
    return Question(text, NUMBERS[value], 'number', 'how many', mistakes=wrong)


def _noun(thing, team: Team, count: int = 1) -> tuple[str, tuple[str, ...]]:
    """The team's word for a thing, and the others' words."""
    mine, other = (thing.noun(count, use) for use in (team.synonyms, not team.synonyms))
    return mine, (other,) if other != mine else ()


def _is_there(scene: Scene, team: Team, rng: Random) -> Question:
    present = rng.random() < 0.5
    thing = rng.choice(scene.things if present else [t for t in THINGS if t not in scene.things])
    return _yes_no(f'Is there {article(_noun(thing, team)[0])}?', present, 'is there')


def _is_background(scene: Scene, team: Team, rng: Random) -> Question:
    color = scene.color if rng.random() < 0.5 else rng.choice([c for c in COLORS if c != scene.color])
    return _yes_no(f'Is the background {color}?', color == scene.color, 'is the')


def _more_than(scene: Scene, team: Team, rng: Random) -> Question | None:
    if len(scene.groups) != 2 or len({group.count for group in scene.groups}) == 1:
        return None
    a, b = rng.sample(scene.groups, 2)
    text = f'Are there more {_noun(a.thing, team, 2)[0]} than {_noun(b.thing, team, 2)[0]}?'
    return _yes_no(text, a.count > b.count, 'are there')


def _how_many(scene: Scene, team: Team, rng: Random) -> Question:
    group = rng.choice(scene.groups)
    return _number(f'How many {_noun(group.thing, team, 2)[0]} are there?', group.count)


def _how_many_in_all(scene: Scene, team: Team, rng: Random) -> Question:
    return _number('How many things are in the picture?', scene.total)


def _what_is_shown(scene: Scene, team: Team, rng: Random) -> Question | None:
    if len(scene.groups) != 1:
        return None
    (group,) = scene.groups
    mine, others = _noun(group.thing, team, group.count)
    return Question('What is in the picture?', mine, 'other', 'what is', (*others, group.thing.category))


def _what_color(scene: Scene, team: Team, rng: Random) -> Question:
    return Question('What color is the background?', scene.color, 'other', 'what color', (background(scene),))


def _pattern(scene: Scene, team: Team, rng: Random) -> Question:
    return Question('What pattern does the background have?', scene.texture, 'other', 'what pattern', ('none',))


def _where(scene: Scene, team: Team, rng: Random) -> Question | None:
    single = [group for group in scene.groups if group.count == 1]
    if not single:
        return None
    group = rng.choice(single)
    spot = position(group)
    near = tuple(word for word in spot.split() if word != spot) or ('center',) * (spot == 'middle')
    return Question(f'Where is the {_noun(group.thing, team)[0]}?', spot, 'other', 'where is', near)


def _related(scene: Scene, team: Team, rng: Random) -> Question | None:
    relation = scene.relation()
    if relation is None or scene.total != 2:
        return None
    forward = rng.random() < 0.5
    asked, known = scene.groups if forward else scene.groups[::-1]
    words = {('left', True): 'to the left of', ('left', False): 'to the right of', ('above', True): 'above'}
    mine, others = _noun(asked.thing, team)
    text = f'What is {words.get((relation, forward), "below")} the {_noun(known.thing, team)[0]}?'
    return Question(text, mine, 'other', 'what is', others, (_noun(known.thing, team)[0],))


def _which_category(scene: Scene, team: Team, rng: Random) -> Question | None:
    categories = Counter(thing.category for thing in scene.things)
    unique = [group for group in scene.groups if categories[group.thing.category] == 1]
    if len(scene.groups) < 2 or not unique:
        return None
    group = rng.choice(unique)
    mine, others = _noun(group.thing, team, group.count)
    return Question(f'Which {group.thing.category} is in the picture?', mine, 'other', 'which', others)
