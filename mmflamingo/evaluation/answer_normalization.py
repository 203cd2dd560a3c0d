"""Answers as the official VQA script compares them.

Equal, oddities included, to `PythonEvaluationTools/vqaEvaluation/vqaEval.py` of
https://github.com/GT-Vision-Lab/VQA, the script behind the published scores.
"""

import functools
import re

# Removed where one of them has a space beside it or the answer has a comma between digits, else
# turned into a space. The apostrophe and the colon stay.
PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'

COMMA_IN_NUMBER = re.compile(r'\d,\d')
# The script means to keep the point in '.5' and '2.5'. Its lookbehind is misspelt, which leaves
# only the lookahead to decide: '5.' loses its point, '.5' and 'a.5' keep it.
LONE_POINT = re.compile(r'\.(?!\d)')
# The script passes the flag re.UNICODE where `sub` takes the number of replacements.
MOST_POINTS = int(re.UNICODE)

NUMBER_WORDS = {
    'none': '0', 'zero': '0', 'one': '1', 'two': '2', 'three': '3', 'four': '4', 'five': '5',
    'six': '6', 'seven': '7', 'eight': '8', 'nine': '9', 'ten': '10',
}  # fmt: skip
ARTICLES = ('a', 'an', 'the')

# The script restores an apostrophe that is missing, one only: "wouldnt've" and "wouldn'tve" become
# "wouldn't've", "wouldntve" stays. Left out are its entries without effect: those with a capital
# ('Im'), as words are in lower case by then, and those of "let's" and "she's" to themselves.
_CONTRACTIONS = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
    haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't
    mightn't've must've mustn't needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've
    shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll
    someone's something'd something'd've something'll that's there'd there'd've there're there's
    they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're
    what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're
    why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're
    you've
""".split()
CONTRACTIONS = {
    word[:i] + word[i + 1 :]: word for word in _CONTRACTIONS for i, character in enumerate(word) if character == "'"
}
CONTRACTIONS["somebody'd"] = 'somebodyd'  # the wrong way round, as in the script


def one_line(answer: str) -> str:
    """An answer without newlines, tabs and outer spaces."""
    return answer.replace('\n', ' ').replace('\t', ' ').strip()


def _without_punctuation(answer: str) -> str:
    has_number_comma = COMMA_IN_NUMBER.search(answer) is not None
    text = answer
    for mark in PUNCTUATION:
        beside_space = f'{mark} ' in answer or f' {mark}' in answer
        text = text.replace(mark, '' if beside_space or has_number_comma else ' ')
    return LONE_POINT.sub('', text, count=MOST_POINTS)


@functools.lru_cache(maxsize=1 << 16)
def normalize(answer: str) -> str:
    """An answer in lower case without punctuation and articles, numbers up to ten as digits."""
    words = [NUMBER_WORDS.get(word, word) for word in _without_punctuation(answer).lower().split()]
    return ' '.join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)
