"""Answers as the official VQA script compares them.

Equal, oddities included, to `PythonEvaluationTools/vqaEvaluation/vqaEval.py` of
https://github.com/GT-Vision-Lab/VQA, the script behind the published scores.
"""

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

# Whole words. `somebody'd` loses its apostrophe, as in the script. Left out are its entries
# without effect: those with a capital ('Im'), as words are in lower case, and `let's`, `she's`.
CONTRACTIONS = {
    'aint': "ain't", 'arent': "aren't", 'cant': "can't", 'couldve': "could've",
    'couldnt': "couldn't", "couldn'tve": "couldn't've", "couldnt've": "couldn't've",
    'didnt': "didn't", 'doesnt': "doesn't", 'dont': "don't", 'hadnt': "hadn't",
    "hadnt've": "hadn't've", "hadn'tve": "hadn't've", 'hasnt': "hasn't", 'havent': "haven't",
    'hed': "he'd", "hed've": "he'd've", "he'dve": "he'd've", 'hes': "he's", 'howd': "how'd",
    'howll': "how'll", 'hows': "how's", 'isnt': "isn't", 'itd': "it'd", "itd've": "it'd've",
    "it'dve": "it'd've", 'itll': "it'll", 'maam': "ma'am", 'mightnt': "mightn't",
    "mightnt've": "mightn't've", "mightn'tve": "mightn't've", 'mightve': "might've",
    'mustnt': "mustn't", 'mustve': "must've", 'neednt': "needn't", 'notve': "not've",
    'oclock': "o'clock", 'oughtnt': "oughtn't", "ow's'at": "'ow's'at", "'ows'at": "'ow's'at",
    "'ow'sat": "'ow's'at", 'shant': "shan't", "shed've": "she'd've", "she'dve": "she'd've",
    'shouldve': "should've", 'shouldnt': "shouldn't", "shouldnt've": "shouldn't've",
    "shouldn'tve": "shouldn't've", "somebody'd": 'somebodyd', "somebodyd've": "somebody'd've",
    "somebody'dve": "somebody'd've", 'somebodyll': "somebody'll", 'somebodys': "somebody's",
    'someoned': "someone'd", "someoned've": "someone'd've", "someone'dve": "someone'd've",
    'someonell': "someone'll", 'someones': "someone's", 'somethingd': "something'd",
    "somethingd've": "something'd've", "something'dve": "something'd've",
    'somethingll': "something'll", 'thats': "that's", 'thered': "there'd",
    "thered've": "there'd've", "there'dve": "there'd've", 'therere': "there're",
    'theres': "there's", 'theyd': "they'd", "theyd've": "they'd've", "they'dve": "they'd've",
    'theyll': "they'll", 'theyre': "they're", 'theyve': "they've", 'twas': "'twas",
    'wasnt': "wasn't", "wed've": "we'd've", "we'dve": "we'd've", 'weve': "we've",
    'werent': "weren't", 'whatll': "what'll", 'whatre': "what're", 'whats': "what's",
    'whatve': "what've", 'whens': "when's", 'whered': "where'd", 'wheres': "where's",
    'whereve': "where've", 'whod': "who'd", "whod've": "who'd've", "who'dve": "who'd've",
    'wholl': "who'll", 'whos': "who's", 'whove': "who've", 'whyll': "why'll", 'whyre': "why're",
    'whys': "why's", 'wont': "won't", 'wouldve': "would've", 'wouldnt': "wouldn't",
    "wouldnt've": "wouldn't've", "wouldn'tve": "wouldn't've", 'yall': "y'all",
    "yall'll": "y'all'll", "y'allll": "y'all'll", "yall'd've": "y'all'd've",
    "y'alld've": "y'all'd've", "y'all'dve": "y'all'd've", 'youd': "you'd",
    "youd've": "you'd've", "you'dve": "you'd've", 'youll': "you'll", 'youre': "you're",
    'youve': "you've",
}  # fmt: skip


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


def normalize(answer: str) -> str:
    """An answer in lower case without punctuation and articles, numbers up to ten as digits."""
    words = [NUMBER_WORDS.get(word, word) for word in _without_punctuation(answer).lower().split()]
    return ' '.join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)
