"""Answers that differ only by number or by -ing become one, for OK-VQA."""

import functools
import re

VOWEL = re.compile('[aeiouy]')
DOUBLE = re.compile(r'([^aeiou])\1$')
# 'virus' and 'glass' are not plurals.
NO_PLURAL = ('ss', 'us')
IRREGULAR = {
    'children': 'child', 'feet': 'foot', 'geese': 'goose', 'men': 'man', 'mice': 'mouse', 'people': 'person',
    'teeth': 'tooth', 'women': 'woman',
}  # fmt: skip


@functools.lru_cache(maxsize=1 << 16)
def stem(answer: str) -> str:
    """A key that an answer's inflections share; it is not a word, so compare it with other keys only.

    OK-VQA's own answers were stemmed by a tagger and a list of words, which aren't public. OpenFlamingo rebuilt that for
    predictions with nltk and a table of 150 words. Here both sides of a comparison get the same key instead: plural
    endings and -ing come off, then what the rest may have lost or changed by them (final e, y or i, f or v, doubled
    consonants), so 'riding' = 'ride', 'ponies' = 'pony', 'leaves' = 'leaf', 'buildings' = 'build'.

    Args:
        answer: An answer in lower case, normalised.
    """
    return ' '.join(map(_key, answer.split()))


def _key(word: str) -> str:
    word = word.removesuffix("'s").removesuffix("'")
    word = IRREGULAR.get(word, word)
    if len(word) > 3 and word.endswith('s') and not word.endswith(NO_PLURAL):
        word = word[:-1]
    rest = word.removesuffix('ing')
    if len(rest) > 1 and VOWEL.search(rest):
        word = rest
    if len(word) < 3:
        return word
    word = DOUBLE.sub(r'\1', word.removesuffix('e'))
    return word[:-1] + {'y': 'i', 'v': 'f'}.get(word[-1], word[-1])
