"""VQA accuracy against the official script, on answers that no annotator would give."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mmflamingo.evaluation.answer_normalization import CONTRACTIONS, NUMBER_WORDS, PUNCTUATION, normalize, one_line
from mmflamingo.evaluation.vqa_accuracy import vqa_accuracy

from .report import Row

NUM_MIXED, NUM_EQUAL, NUM_FROZEN = 12_000, 3_000, 200
FROZEN = Path(__file__).parents[3] / 'tests' / 'parity' / 'vqa.json'
WORDS = [
    *('red', 'Dog', 'a', 'An', 'THE', 'yes', 'no', '5', '2.5', '.5', '5.', '1,000', 'T-shirt', 'e.g.', '10:30', 'café'),
    *NUMBER_WORDS,
    *list(CONTRACTIONS)[::7],
    *list(CONTRACTIONS.values())[::11],
]
GLUE = (' ', ' ', ' ', '  ', '\t', '\n', '', '.', "'", *PUNCTUATION)


def compare(folder: Path, run_peer: Callable[[str, Path], None], freeze: bool = False) -> Iterator[Row]:
    """Rows for accuracy and normalisation.

    The copy of the official script in open_flamingo normalises in every case; the official one leaves answers that
    are all equal, and the prediction with them, as they are. So those sets are held against the rule written down
    again below, and how often the copy departs from it is counted.

    Args:
        folder: Where the cases go.
        run_peer: Runs a worker script in the peers' environment.
        freeze: Write some cases, with what the copy gives, for the tests.
    """
    rng = random.Random(0)
    cases = [_mixed_answers(rng) for _ in range(NUM_MIXED)]
    equal = [_equal_answers(rng) for _ in range(NUM_EQUAL)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'cases.json').write_text(json.dumps([*cases, *equal]))
    run_peer('peer_vqa', folder)
    theirs = json.loads((folder / 'results.json').read_text())
    script = 'official VQA script (open_flamingo)'
    of_mixed, of_equal = theirs['accuracies'][:NUM_MIXED], theirs['accuracies'][NUM_MIXED:]
    if freeze:
        some = [(*case, expected) for case, expected in zip(cases, of_mixed, strict=True)][:NUM_FROZEN]
        FROZEN.write_text(json.dumps(some, indent=0) + '\n')
    yield Row(script, 'accuracy, answers that differ', len(cases), _unequal(cases, of_mixed))
    pairs = [
        (normalize(text), expected)
        for (prediction, answers), normal in zip([*cases, *equal], theirs['normal'], strict=True)
        for text, expected in zip((prediction, *answers), normal, strict=True)
    ]
    yield Row(script, 'normal form of an answer', len(pairs), sum(ours != expected for ours, expected in pairs))

    restated = [float(_as_it_stands(*case)) for case in equal]
    yield Row('official VQA rule, restated', 'accuracy, ten equal answers', len(equal), _unequal(equal, restated))
    known = 'known: the copy normalises equal answers, too'
    yield Row(script, 'accuracy, ten equal answers', len(equal), _unequal(equal, of_equal), known=known)


def _unequal(cases: Sequence[tuple[str, list[str]]], expected: Sequence[float]) -> int:
    ours = [vqa_accuracy(*case) for case in cases]
    return sum(round(own, 9) != round(value, 9) for own, value in zip(ours, expected, strict=True))


def _answer(rng: random.Random) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.randint(1, 4))]
    return ''.join(word + rng.choice(GLUE) for word in words)


def _mixed_answers(rng: random.Random) -> tuple[str, list[str]]:
    few = [_answer(rng) for _ in range(rng.randint(2, 5))]
    answers = [rng.choice(few) for _ in range(10)]
    answers[:2] = few[:2]
    if one_line(few[0]) == one_line(few[1]):
        answers[1] = f'{few[1]} red'
    prediction = rng.choice(few) if rng.random() < 0.8 else _answer(rng)
    if rng.random() < 0.5:
        prediction = rng.choice((prediction.lower(), f' {prediction}.', f'the {prediction}', normalize(prediction)))
    return prediction, answers


def _equal_answers(rng: random.Random) -> tuple[str, list[str]]:
    answer = _answer(rng)
    prediction = rng.choice((answer, f' {answer}\n', normalize(answer), answer.lower(), f'{answer}.'))
    return prediction, [answer] * 10


def _as_it_stands(prediction: str, answers: Sequence[str]) -> bool:
    """Ten equal answers are right or wrong: equal after line ends and tabs became spaces and the ends were cut."""
    prediction, answer = (' '.join(text.replace('\t', '\n').split('\n')).strip() for text in (prediction, answers[0]))
    return prediction == answer
