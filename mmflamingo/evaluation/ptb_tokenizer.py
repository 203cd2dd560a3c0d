"""PTB tokens in pure Python, equal to those of Stanford's tokenizer as COCO's captions use it."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import ptb_tables as tables


def _characters(ranges: str) -> str:
    """'AA C0-D6' as the inside of a regular expression's character class."""
    return ''.join(
        '-'.join(rf'\u{int(end, 16):04x}' for end in item.split('-')) for item in ranges.split()
    )


def _any_case(words: str) -> str:
    return '(?i:' + '|'.join(words.split()) + ')'


def _any_case_but_first(words: str) -> str:
    return '(?:' + '|'.join(f'{word[0]}(?i:{word[1:]})' for word in words.split()) + ')'


LETTER = f'A-Za-z{_characters(tables.LETTERS)}'
MARK = _characters(tables.MARKS)
DIGIT = f'0-9{_characters(tables.DIGITS)}'
SYMBOL = rf'!#-&*+/<-@\\^_|~{_characters(tables.SYMBOLS)}'
SPACE = r' \t\u00a0\u2000-\u200a\u3000'
APOSTROPHE = r"(?:['\u0092\u2019]|&apos;)"
ANY_QUOTE = r"(?:['`\u0091\u0092\u2018\u2019\u201b]|&apos;)"

ALPHA = f'(?:[{LETTER}{MARK}]|&[aeiouAEIOU](?:acute|grave|uml);)'
ALNUM = f'(?:[{LETTER}{MARK}{DIGIT}]|&[aeiouAEIOU](?:acute|grave|uml);)'
WORD = f'{ALPHA}{ALNUM}*(?:[.!?]{ALPHA}{ALNUM}*)*'
NUMBER = rf'(?:[{DIGIT}]*(?:[.:,\u00ad\u066b\u066c][{DIGIT}]+)+|[{DIGIT}]+)'
ACRONYM = r'(?:[A-Za-z](?:\.[A-Za-z])*|(?:Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-(?:U\.K|U\.S\.S\.R))'
_PART = f'(?:[dDoOlL]{ANY_QUOTE}[{LETTER}{DIGIT}])?[{LETTER}{DIGIT}]+'
COMPOUND = rf'{_PART}(?:[-_\u058a\u2010\u2011]{_PART})*'
LIST = r'[A-Za-z0-9][A-Za-z0-9.,\u00ad]*(?:-(?:[A-Za-z](?:\.[A-Za-z])+\.|[A-Za-z0-9\u00ad]+))+'
TAG_NAME = '[A-Za-z][A-Za-z0-9_:.-]*'
TAG = rf'<(?:{TAG_NAME}(?: +{TAG_NAME}(?: *= *(?:\'[^\'\r\n]*\'|"[^"\r\n]*"))?)* *(?:/ *)?|/{TAG_NAME} *|[!?][A-Za-z-][^>\r\n]*)>'
URL_END = r'[^ \t\n\f\r"<>|.!?(){},-]'
URL_PATH = rf'[^ \t\n\f\r"<>|()]+{URL_END}'
HOST_PART = r'[^ \t\n\f\r"<>|(){}.\u00a0]+'

BRACKETS = {'(': '-LRB-', ')': '-RRB-', '[': '-LSB-', ']': '-RSB-', '{': '-LCB-', '}': '-RCB-'}
SPELLINGS = {
    '\u00bc': '1/4', '\u00bd': '1/2', '\u00be': '3/4', '\u2153': '1/3', '\u2154': '2/3',
    '\u00a2': 'cents', '\u00a3': '#', '\u0080': '$', '\u00a4': '$', '\u20a0': '$', '\u20ac': '$',
    '&amp;': '&', '&lt;': '<', '&gt;': '>',
}  # fmt: skip


def _as_written(token: str) -> str:
    return token


def _word(token: str) -> str:
    return token.replace('\u00ad', '').replace('&amp;', '&')


def _unbroken(token: str) -> str:
    return token.replace(' ', '\u00a0')


def _parentheses(token: str) -> str:
    return _unbroken(token).replace('(', '-LRB-').replace(')', '-RRB-')


def _respelled(token: str) -> str:
    return SPELLINGS.get(token.lower(), token)


def _straight(token: str) -> str:
    return re.sub('[\u0091\u2018\u201b]', '`', re.sub(APOSTROPHE, "'", token))


def _dropped(token: str) -> str:
    return ''


class _Rule(NamedTuple):
    """A kind of token: what it looks like and how it is spelled.

    Each group of the pattern is a token, the whole match where there are none. What is matched
    behind the last group is left for the next token but counts for the length of the match.
    """

    pattern: re.Pattern
    spell: Callable[[str], str]


def _rule(pattern: str, spell: Callable[[str], str] = _word) -> _Rule:
    return _Rule(re.compile(pattern), spell)


# The longest match wins, the first of equally long ones.
RULES = [
    _rule(r'(?i:(can)(not))'),
    _rule(r'(?i:(gon|wan)(na))'),
    _rule(r'(?i:(got)(ta))'),
    _rule(r'(?i:(lem|gim)(me))'),
    _rule(WORD),
    _rule(r"('[tT])(?i:is|was)"),
    _rule(TAG, _unbroken),
    _rule(rf'(?i:ol|dunkin|somethin){APOSTROPHE}'),
    _rule(rf'[lLdDjJ]{APOSTROPHE}'),
    _rule(rf'{APOSTROPHE}[nN]{APOSTROPHE}'),
    _rule(rf'{APOSTROPHE}[nN]'),
    _rule(rf'{APOSTROPHE}(?i:em|till?|[2-9]0s)'),
    _rule(rf'(?i:c{ANY_QUOTE}mon|o{ANY_QUOTE}o|cap{APOSTROPHE}n|c{APOSTROPHE}est)'),
    _rule(rf'([A-Za-z]*[A-MO-Za-mo-z])[nN]{ANY_QUOTE}[tT]'),
    _rule(rf'[nN]{ANY_QUOTE}[tT]', _straight),
    _rule(rf'({APOSTROPHE}(?i:[msd]|re|ve|ll))[^A-Za-z]', _straight),
    _rule(r"(')[A-Za-z][^ \t\n\u00a0]", _dropped),
    _rule(rf'{APOSTROPHE}(?i:[msd]|re|ve|ll)', _straight),
    _rule(rf'({WORD}){APOSTROPHE}(?i:[msd]|re|ve|ll)'),
    _rule(rf'([yY]{APOSTROPHE})[A-Za-z]'),
    _rule(rf'[{LETTER}]+[aeiouyAEIOUY]{ANY_QUOTE}[aeiouA-Z][{LETTER}]*'),
    _rule(rf'({APOSTROPHE}[0-9][0-9])[{SPACE}\n]'),
    _rule(rf'https?://{URL_PATH}'),
    _rule(
        r'(?:www\.(?:[^ \t\n\f\r"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}'
        r'|(?:[^ \t\n\f\r"`\'<>|.!?(){},-_$]+\.)+(?:com|net|org|edu))'
        rf'(?:/{URL_PATH})?'
    ),
    _rule(rf'(?:&lt;|<)?[a-zA-Z0-9][^ \t\n\f\r"<>|()\u00a0{{}}]*@(?:{HOST_PART}\.)*{HOST_PART}>?'),
    _rule(r'@[a-zA-Z_][a-zA-Z_0-9]*'),
    _rule(rf'#[{LETTER}{MARK}]+'),
    _rule(rf'[-+]?{NUMBER}'),
    _rule(rf'(?:[{DIGIT}]{{1,4}}[- \u00a0])?[{DIGIT}]{{1,4}}(?:\\?/|\u2044)[{DIGIT}]{{1,4}}', _unbroken),
    _rule(rf'[{DIGIT}]{{1,2}}[-/][{DIGIT}]{{1,2}}[-/][{DIGIT}]{{2,4}}'),
    _rule(r'-(?i:[lr][rcs]b)-|C\.D\.s|(?i:pro|anti)-|S(?:&|&amp;)P-500|S(?:&|&amp;)Ls'),
    _rule(r'[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}'),
    _rule(r'(?i:c\+\+|[cf]#)'),
    _rule(r'[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+'),
    _rule(rf'({_any_case(tables.CLOSING_ABBREVIATIONS)}\.)(?s:..)?'),
    _rule(rf'{_any_case(tables.TITLE_ABBREVIATIONS)}\.'),
    _rule(rf'{_any_case_but_first(tables.CAPITAL_ABBREVIATIONS)}\.'),
    _rule(rf'({_any_case(tables.NUMBER_ABBREVIATIONS)}\.)[{SPACE}]?[{DIGIT}]'),
    _rule(rf'([A-Za-z])\.[{SPACE}]+(?:(?:{_any_case_but_first(tables.SENTENCE_STARTS)}|M[rRsS]\.)[{SPACE}\n]|{TAG})'),
    _rule(rf'{ACRONYM}\.'),
    _rule(rf'([{LETTER}{DIGIT}]+(?:\.[{LETTER}{DIGIT}]+)*\.{_any_case(tables.FILE_EXTENSIONS)})[{SPACE}\n.?!,]'),
    _rule(r'(?i:Ph|Ed)\.D\.'),
    _rule(rf'((?:{WORD}|{COMPOUND}|{LIST})\.)[,:;\u3001]'),
    _rule(COMPOUND),
    _rule(rf'[nA-HJ-XZ]{ANY_QUOTE}[{LETTER}]{{2,}}'),
    _rule(LIST),
    _rule(r'([<>]?[:;=][-o*\']?[()DPdpO\\{@|\[\]])[^A-Za-z0-9]', _parentheses),
    _rule(r'<<|>>', _as_written),
    _rule(r"[-\^x=~<>']_[-\^x=~<>']|\([-\^x=~<>'][_.]?[-\^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\)", _parentheses),
    _rule(
        r'\([0-9]{2,3}\)[ \u00a0]?[0-9]{3,4}[- \u00a0]?[0-9]{3,5}'
        r'|(?:\+\+?)?(?:[0-9]{2,4}[- \u00a0])?[0-9]{2,4}[- \u00a0][0-9]{3,4}[- \u00a0]?[0-9]{3,5}'
        r'|(?:\+\+?)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}', _parentheses
    ),
    _rule(r'&#[0-9]+;', _as_written),
    _rule(r'(?i:&(?:amp|lt|gt);)|[\u00bc-\u00be\u2153\u2154\u00a2\u00a3\u0080\u00a4\u20a0\u20ac]', _respelled),
    _rule(r'(?i:&(?:quot|apos|nbsp|[mn]dash);)|-{2,4}|\.{3,5}|(?:\.[ \u00a0]){2,4}\.|\'\'|[`\u0091\u2018\u201b]{2}|[\u0092\u2019]{2}', _dropped),
    _rule(r'[\u207a\u207b\u208a\u208b]?(?:[\u00b2\u00b3\u00b9\u2070\u2074-\u2079]+|[\u2080-\u2089]+)', _as_written),
    _rule(r'(?:\\\*)+|\*+|_+|-{5,}|[?!]{2,}|@+|#+|[A-Z]*\$', _as_written),
    _rule(r'[`\u0091\u0092\u2018\u2019\u201b]{2}', _straight),
    _rule(r'[()\[\]{}]', lambda token: BRACKETS[token]),
    _rule(f'(?![?!])[{SYMBOL}]', _as_written),
]  # fmt: skip


def _tokens(caption: str) -> Iterator[str]:
    start = 0
    while start < len(caption):
        best = match = None
        for rule in RULES:
            match = rule.pattern.match(caption, start)
            if match and (best is None or match.end() > best.end()):
                best, spell = match, rule.spell
        if best is None:
            start += 1
            continue
        start = best.end(best.re.groups)
        yield from map(spell, best.groups() or [best.group()])


def tokenize(caption: str) -> str:
    """The tokens of a caption in lower case, without punctuation, a space between each two."""
    return ' '.join(token.lower() for token in _tokens(f'{caption}\n') if token)
