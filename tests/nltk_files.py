"""A WordNet of a dozen words and weights of a tagger, in the files that nltk reads."""

import json
from pathlib import Path

# Word (the first of its synset) -> the others, and the word above. 'run' is a verb, all others are nouns.
NOUNS = {
    'entity': ((), None),
    'thing': ((), 'entity'),
    'animal': (('beast',), 'thing'),
    'dog': ((), 'animal'),
    'cat': ((), 'animal'),
    'vehicle': ((), 'thing'),
    'car': (('auto',), 'vehicle'),
    'child': (('kid',), 'thing'),
    'running': ((), 'thing'),
}
VERBS = {'go': ((), None), 'run': ((), 'go')}
EXCEPTIONS = {'noun': 'children child\n', 'verb': 'running run\n'}
TAGS = {'running': 'VBG', 'runs': 'VBZ', 'red': 'JJ', 'the': 'DT', 'with': 'IN'}


def write_wordnet(folder: Path) -> str:
    """Write WordNet's files, without those that Debian's package leaves out; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, letter, synsets in (('noun', 'n', NOUNS), ('verb', 'v', VERBS), ('adj', 'a', {}), ('adv', 'r', {})):
        data, index = _database(synsets, letter)
        (folder / f'data.{name}').write_text(data)
        (folder / f'index.{name}').write_text(index)
        (folder / f'{name}.exc').write_text(EXCEPTIONS.get(name, ''))
    return str(folder)


def _database(synsets: dict, letter: str) -> tuple[str, str]:
    """Texts of a data and an index file; offsets have 8 digits, so the lengths of lines are known before the offsets."""
    offsets = dict.fromkeys(synsets, 0)
    for _ in range(2):
        data, index = '', []
        for word, (others, above) in synsets.items():
            offsets[word] = len(data)
            words = [word, *others]
            up = f'001 @ {offsets[above]:08d} {letter} 0000' if above else '000'
            frames = ' 00' if letter == 'v' else ''
            names = ' '.join(f'{name} 0' for name in words)
            data += f'{offsets[word]:08d} 03 {letter} {len(words):02x} {names} {up}{frames} | made up  \n'
            pointers = '1 @' if above else '0'
            index += [f'{name} {letter} 1 {pointers} 1 0 {offsets[word]:08d}  \n' for name in words]
    return data, ''.join(sorted(index))


def write_tagger(folder: Path) -> str:
    """Write weights that make every word a noun but those of TAGS; returns the folder for nltk's data path."""
    name = 'averaged_perceptron_tagger_eng'
    place = folder / 'taggers' / name
    place.mkdir(parents=True, exist_ok=True)
    parts = {'weights': {'bias': {'NN': 1.0}}, 'tagdict': TAGS, 'classes': ['NN', *sorted(set(TAGS.values()))]}
    for part, content in parts.items():
        (place / f'{name}.{part}.json').write_text(json.dumps(content))
    return str(folder)
