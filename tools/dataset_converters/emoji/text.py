"""Text without pictures for the language model: interleaved documents in which words stand where pictures will be.

A chunk is what a shot of a Flamingo prompt is, `Output:...` or `Question:... Short answer:...`, ended by
`<|endofchunk|>`, with a description of the scene in the place of `<image>`. From such text the language model learns the
wording of captions and answers, to follow a team's habits, and to look up in its context what a new word was said of.
"""

from collections.abc import Callable
from random import Random
from zlib import crc32

from .language import NUM_TEAMS, VOICES, Team, caption, description, phrase
from .questions import ask, check, majority
from .scenes import sample_portrait, sample_scene
from .vocabulary import ONSETS, RHYMES, THINGS

END = '<|endofchunk|>'
BINDING_QUESTION = 'What is this?'
KINDS = ('caption', 'vqa', 'binding', 'undescribed', 'questions', 'checks')
WORD_OWNERS = ('binding_train', 'binding_train', 'binding_dev', 'binding')


def new_word(rng: Random, split: str = 'binding_train') -> str:
    """A word nobody has heard before, such as 'daxug'. The splits share none: every word belongs to one of them."""
    while True:
        word = ''.join(rng.choice(part) for part in (ONSETS, RHYMES, ONSETS, RHYMES))
        if WORD_OWNERS[crc32(word.encode()) % len(WORD_OWNERS)] == split:
            return word


def answer_chunk(question: str, answer: str) -> str:
    """One question with its answer, as the shots of a VQA prompt have it."""
    return f'Question:{question} Short answer:{answer}{END}'


def binding_order(rng: Random, shots: int) -> list[int]:
    """Which of two things (0 or 1) each shot shows: one of each in every two shots, in random order."""
    order: list[int] = []
    for _ in range(0, shots, 2):
        order += rng.sample((0, 1), 2)
    return order[:shots]


def document(rng: Random, teams: list[int], weights: tuple[int, ...], max_chunks: int = 8) -> str:
    """A document of 1 to `max_chunks` chunks, all of one team and one of KINDS, which are as frequent as `weights` say."""
    team = Team.number(rng.choice(teams))
    kind = rng.choices(KINDS, weights)[0]
    if kind == 'binding':
        return _binding_document(rng, team, max_chunks)
    if kind in ('questions', 'checks'):
        return _questions_document(rng, team, max_chunks, ask if kind == 'questions' else check)
    chunks = []
    for _ in range(rng.randint(1, max_chunks if kind == 'undescribed' else 5)):
        scene = sample_scene(rng)
        seen = '' if kind == 'undescribed' else description(scene, team, rng)
        if kind == 'vqa':
            (question,) = ask(scene, team, rng, 1)
            chunks.append(seen + answer_chunk(question.text, majority(question.ask_ten(rng))))
        else:
            chunks.append(f'{seen}Output:{caption(scene, team, rng.choice(VOICES))}{END}')
    return ''.join(chunks)


def _questions_document(rng: Random, team: Team, max_chunks: int, make_questions: Callable) -> str:
    """One scene and several questions about it. The true answer is given: nobody is mistaken about a text he reads."""
    scene = sample_portrait(rng, rng.choice(THINGS)) if rng.random() < 0.3 else sample_scene(rng)
    questions = make_questions(scene, team, rng, rng.randint(1, max_chunks))
    return description(scene, team, rng) + ''.join(answer_chunk(one.text, one.answer) for one in questions)


def _binding_document(rng: Random, team: Team, max_chunks: int) -> str:
    things, words = rng.sample(THINGS, 2), [new_word(rng), new_word(rng)]
    order = binding_order(rng, rng.randint(2, max_chunks))
    order.append(rng.choice(order))
    chunks = []
    at_length = rng.random() < 0.5
    for which in order:
        portrait = sample_portrait(rng, things[which])
        seen = description(portrait, team, rng) if at_length else f'{phrase(portrait.groups[0], team)}.'
        chunks.append(seen + answer_chunk(BINDING_QUESTION, words[which]))
    return ''.join(chunks)


def all_team_numbers(without: set[int]) -> list[int]:
    """The teams that write training text."""
    return [number for number in range(NUM_TEAMS) if number not in without]
