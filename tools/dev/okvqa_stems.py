"""How often our stems of OK-VQA answers make the same answers equal as OpenFlamingo's do.

    python tools/dev/okvqa_stems.py --peers PYTHON --nltk-data FOLDER

Takes the commonest nouns and verbs of WordNet and inflects them by rule (dog, dogs; run, runs, running, runner, runners). A
question's file holds one form as OpenFlamingo's stemmer leaves it, as OK-VQA's files do; a model says another form. OpenFlamingo
stems what was said; ours makes keys of both. parity/README.md says how to make the environment of PYTHON. FOLDER holds nltk's
corpora/wordnet and taggers/averaged_perceptron_tagger_eng (python -m nltk.downloader -d FOLDER wordnet averaged_perceptron_tagger_eng).
"""

import argparse
import json
import os
import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from parity.workers import run_peer

from mmflamingo.evaluation.answer_stem import stem

VOWELS = 'aeiou'
NUM_WORDS = {'noun': 2000, 'verb': 1000}
NUM_STRANGERS = 20_000


def common_words(wordnet: Path, part: str) -> list[str]:
    """The words of a part of speech whose senses were tagged most often, by WordNet's cntlist.rev."""
    counts: dict[str, int] = {}
    number = {'noun': '1', 'verb': '2'}[part]
    for line in (wordnet / 'cntlist.rev').read_text().splitlines():
        key, _, count = line.split()
        word, sense = key.split('%')
        if sense[0] == number and word.isascii() and word.isalpha():
            counts[word] = counts.get(word, 0) + int(count)
    return sorted(counts, key=lambda word: (-counts[word], word))[: NUM_WORDS[part]]


def with_s(word: str) -> str:
    """Regular plural, or third person."""
    if word.endswith(('s', 'x', 'z', 'ch', 'sh')):
        return f'{word}es'
    if word.endswith('y') and word[-2:-1] not in VOWELS:
        return f'{word[:-1]}ies'
    return f'{word}s'


def extended(word: str, ending: str) -> str:
    """A verb with -ing or -er: a last e goes, a single consonant after a single vowel is doubled in short words."""
    if word.endswith('e') and not word.endswith(('ee', 'oe', 'ye')):
        return word[:-1] + ending
    short = len(word) <= 4 and word[-3:-2] not in VOWELS and word[-2:-1] in VOWELS and word[-1] not in 'aeiouwxy'
    return word + short * word[-1] + ending


def families(wordnet: Path) -> Iterator[list[str]]:
    """Words with their inflections."""
    for noun in common_words(wordnet, 'noun'):
        yield [noun, with_s(noun)]
    for verb in common_words(wordnet, 'verb'):
        yield [verb, with_s(verb), extended(verb, 'ing'), extended(verb, 'er'), f'{extended(verb, "er")}s']


def row(name: str, pairs: list[tuple[str, str]], theirs: dict[str, str]) -> str:
    """A line of the table: what is said, what was answered, and who takes them for equal."""
    verdicts = [(theirs[said] == theirs[true], stem(said) == stem(theirs[true])) for said, true in pairs]
    counts = [verdicts.count(verdict) for verdict in product((True, False), repeat=2)]
    agree = 100 * (counts[0] + counts[3]) / len(pairs)
    return f'| {name} | {len(pairs):,} | {agree:.1f} % | ' + ' | '.join(f'{count:,}' for count in counts) + ' |'


def examples(pairs: list[tuple[str, str]], theirs: dict[str, str], rng: random.Random) -> str:
    """Some pairs on which the two differ."""
    split = {True: [], False: []}
    for said, true in pairs:
        equal = theirs[said] == theirs[true]
        if equal != (stem(said) == stem(theirs[true])):
            split[equal].append(f'{said} / {true}')
    lists = {equal: ', '.join(rng.sample(own, min(12, len(own)))) for equal, own in split.items()}
    return f'Equal by OpenFlamingo alone: {lists[True]}.\nEqual by ours alone: {lists[False]}.'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peers', required=True, metavar='PYTHON', help="the Python of the peers' environment")
    parser.add_argument('--nltk-data', required=True, type=Path, metavar='FOLDER')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/okvqa_stems'))
    args = parser.parse_args()
    rng = random.Random(0)
    groups = list(families(args.nltk_data / 'corpora' / 'wordnet'))
    words = sorted({word for group in groups for word in group})
    args.work_dir.mkdir(parents=True, exist_ok=True)
    (args.work_dir / 'answers.json').write_text(json.dumps(words))
    os.environ['NLTK_DATA'] = str(args.nltk_data.resolve())
    run_peer(args.peers, 'peer_stem', args.work_dir)
    theirs = dict(zip(words, json.loads((args.work_dir / 'stems.json').read_text()), strict=True))
    nouns, verbs = groups[: NUM_WORDS['noun']], groups[NUM_WORDS['noun'] :]
    kin = {
        name: [pair for group in own for pair in product(group, repeat=2)]
        for name, own in (('nouns', nouns), ('verbs', verbs))
    }
    strangers = [tuple(rng.sample(words, 2)) for _ in range(NUM_STRANGERS)]
    print('| pairs | number | the same verdict | both equal | OpenFlamingo alone | ours alone | both different |')
    print('|---|---|---|---|---|---|---|')
    print(row('forms of a noun', kin['nouns'], theirs))
    print(row('forms of a verb', kin['verbs'], theirs))
    print(row('any two words', strangers, theirs))
    print(examples([*kin['nouns'], *kin['verbs']], theirs, rng))


if __name__ == '__main__':
    main()
