r"""Penn Treebank tokens of captions in pure Python.

COCO's caption scores are defined on the tokens of Stanford's PTBTokenizer (`-preserveLines
-lowerCase`, the jar inside pycocoevalcap 1.2) without punctuation. Where Java is missing, this
module gives the same tokens, for a caption and for nearly any other line of text: words split as
in "do n't", abbreviations with their full stop, numbers, links, smileys, `(` spelled '-lrb-'.

Known differences:

- The jar reads on into the next line after a caption that ends with a lone letter or with 'No.',
  'Fig.' and the like; here, and in `java_tokenizer.py`, a caption stands alone.
- The jar drops characters newer than Unicode 6.1 (2012); a few of those that lie between older
  letters count as letters here.
- Emoji and all else beyond the Basic Multilingual Plane, dropped by both, may end a mail address
  at another place. A capital sigma may become another small one.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import ptb_tables as tables

# What pycocoevalcap leaves out. Lower-cased brackets ('-lrb-') are not among them.
PUNCTUATION = frozenset("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;".split())


def _characters(ranges: str) -> str:
    """'AA C0-D6' as the inside of a regular expression's character class."""
    return re.sub(r'([0-9A-F]{2,4}) ?', lambda m: rf'\u{m[1]:0>4}', ' '.join(ranges.split()))


def _any_of(words: str, capital: bool = False) -> str:
    """One of the words in any case, but with a capital in front if `capital`."""
    if capital:
        return '(?:' + '|'.join(f'{word[0]}(?ai:{word[1:]})' for word in words.split()) + ')'
    return '(?ai:' + '|'.join(words.split()) + ')'


# Insides of character classes
LETTER = 'A-Za-z' + _characters(tables.LETTERS)
MARK = _characters(tables.MARKS)
DIGIT = '0-9' + _characters(tables.DIGITS)
SPACE = r' \t\u00a0\u2000-\u200a\u3000'
HYPHEN = r'\-\u058a\u2010\u2011'
CURLY_QUOTE = r'`\u0091-\u0094\u00ab\u00bb\u2018-\u201f\u2039\u203a'
NO_LINK = r' \t\n\f\r"<>|'  # ends a web or mail address

# Parts of rules
APOSTROPHE = r"(?:['\u0092\u2019]|&apos;)"
QUOTE = r"(?:['`\u0091\u0092\u2018\u2019\u201b]|&apos;)"
AMPERSAND = '(?:&|&amp;)'
ACCENTED = '&[aeiouAEIOU](?ai:acute|grave|uml);'
WORD_PART = f'(?:[{LETTER}{MARK}]|{ACCENTED})(?:[{LETTER}{MARK}{DIGIT}]|{ACCENTED})*'
WORD = rf'{WORD_PART}(?:[.!?]{WORD_PART})*'
PIECE = f'(?:[dDlLoO]{QUOTE}[{LETTER}{DIGIT}])?[{LETTER}{DIGIT}]+'
COMPOUND = f'{PIECE}(?:[_{HYPHEN}]{PIECE})*'
LETTERS_WITH_STOPS = r'[A-Za-z](?:\.[A-Za-z])+\.'
DOTTED_COMPOUND = rf'[A-Za-z0-9][A-Za-z0-9.,\u00ad]*(?:-(?:{LETTERS_WITH_STOPS}|[A-Za-z0-9\u00ad]+))+'
JOINED_INITIALS = rf'[A-Z]+(?:(?:\+|{AMPERSAND})[A-Z]+)+'
ENDING = '(?ai:[msd]|re|ve|ll)'
NUMBER = rf'(?:[{DIGIT}]*(?:[.:,\u00ad\u066b\u066c][{DIGIT}]+)+|[{DIGIT}]+)'
SLASHED = '[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}'
TAG_NAME = '[A-Za-z][A-Za-z0-9_:.-]*'
TAG_VALUE = r""" *= *(?:'[^'\r\n]*'|"[^"\r\n]*")"""
TAG = (
    rf'<(?:{TAG_NAME}(?: +{TAG_NAME}(?:{TAG_VALUE})?)* *(?:/ *)?'
    rf'|/{TAG_NAME} *|[!?][A-Za-z-][^>\r\n]*)>'
)
LINK_END = rf'[^{NO_LINK}().!?{{}},-]'
LINK_PATH = rf'/[^{NO_LINK}()]+{LINK_END}'
WWW_PART, WWW_END = rf'(?:[^{NO_LINK}.!?(){{}},]+\.)', '[a-zA-Z]{2,4}'
SITE_PART, SITE_END = rf"(?:[^{NO_LINK}`'!?(){{}},-_$]+\.)", '(?ai:com|net|org|edu)'
MAIL_HOST = rf'[^{NO_LINK}(){{}}.\u00a0]+'
CLOSING_ABBREVIATION = (
    f'(?:{_any_of(tables.CLOSING_ABBREVIATIONS)}|(?ai:p?pt)[ey][sS]?'
    rf'|{_any_of(tables.CAPITAL_ABBREVIATIONS, capital=True)}|(?ai:ed|ph)\.[dD])'
)
SENTENCE = rf'(?:{_any_of(tables.SENTENCE_STARTS, capital=True)}|M[rRsS]\.|{TAG})[{SPACE}\n]'

_SPELLING = str.maketrans(
    dict.fromkeys('\u0091\u2018\u201b\u2039', '`')
    | dict.fromkeys('\u0092\u2019\u203a', "'")
    | dict.fromkeys('\u0093\u201c\u00ab', '``')
    | dict.fromkeys('\u0094\u201d\u00bb', "''")
    | dict.fromkeys('\u0080\u00a4\u20a0\u20ac', '$')
    | {'\u00a2': 'cents', '\u00a3': '#'}
    | {'\u00bc': '1/4', '\u00bd': '1/2', '\u00be': '3/4', '\u2153': '1/3', '\u2154': '2/3'}
    | {'[': '-LSB-', ']': '-RSB-', '{': '-LCB-', '}': '-RCB-', '(': '-LRB-', ')': '-RRB-'}
)


def _as_written(token: str) -> str:
    return token


def _word(token: str) -> str:
    return token.replace('\u00ad', '').replace('&amp;', '&')


def _mark(token: str) -> str:
    return token.translate(_SPELLING)


def _contraction(token: str) -> str:
    return _mark(token.replace('&apos;', "'"))


def _entity(token: str) -> str:
    return {'&amp;': '&', '&lt;': '<', '&gt;': '>'}[token.lower()]


def _unbroken(token: str) -> str:
    return token.replace(' ', '\u00a0')


def _with_parentheses(token: str) -> str:
    return _unbroken(token).replace('(', '-LRB-').replace(')', '-RRB-')


def _left_out(token: str) -> str:
    return '.'


class _Rule(NamedTuple):
    """One kind of token: how it looks, and how it is spelled.

    Each group of the pattern is a token; the whole match is one where there are no groups. What the
    pattern matches after its last group stays for the next token, but counts for the length.
    """

    pattern: re.Pattern
    spell: Callable[[str], str]


def _rule(pattern: str, spell: Callable[[str], str] = _word) -> _Rule:
    return _Rule(re.compile(pattern), spell)


# The longest match wins, the first of equally long ones. What no rule matches is left out.
RULES = (
    # Words and what is split from them
    _rule(r'(?ai:(can)(not))'),
    _rule(r'(?ai:(gon|wan)(na))'),
    _rule(r'(?ai:(got)(ta))'),
    _rule(r'(?ai:(lem|gim)(me))'),
    _rule(WORD),
    _rule(r"('[tT])(?ai:is|was)"),
    _rule(TAG, _unbroken),
    _rule(f'(?:[dDjJlL]|(?ai:ol|dunkin|somethin)){APOSTROPHE}', _as_written),
    _rule(f'{APOSTROPHE}[nN]{APOSTROPHE}?', _as_written),
    _rule(f'{APOSTROPHE}(?ai:em|till?|cause|[2-9]0s)', _as_written),
    _rule(f'(?ai:o{QUOTE}o|cap{APOSTROPHE}n|c{APOSTROPHE}est)', _as_written),
    _rule(r"(?ai:c'mon|cont'd\.|e'er|ev'ry|li'l|nat'l|nor'easter|s'mores)", _as_written),
    _rule(f'([A-Za-z]*[A-MO-Za-mo-z])[nN]{QUOTE}[tT]'),
    _rule(f'[nN]{QUOTE}[tT]', _contraction),
    _rule(f'({APOSTROPHE}{ENDING})[^A-Za-z]', _contraction),
    _rule(r"(')[A-Za-z][^ \t\n\u00a0]"),
    _rule(f'{APOSTROPHE}{ENDING}', _contraction),
    _rule(f'({WORD}){APOSTROPHE}{ENDING}'),
    _rule(f'([yY]{APOSTROPHE})[{LETTER}{MARK}]', _as_written),
    _rule(f'[{LETTER}]+[aeiouyAEIOUY]{QUOTE}[aeiouA-Z][{LETTER}]*'),
    _rule(rf'({APOSTROPHE}[0-9]{{2}})[{SPACE}\n]', _as_written),
    # Addresses and names on the net
    _rule(rf'(?ai:https?)://[^{NO_LINK}(){{}}]+{LINK_END}', _as_written),
    _rule(rf'www\.{WWW_PART}+{WWW_END}', _as_written),
    _rule(rf'www\.{WWW_PART}+?{WWW_END}{LINK_PATH}', _as_written),
    _rule(rf'{SITE_PART}+{SITE_END}', _as_written),
    _rule(rf'{SITE_PART}+?{SITE_END}{LINK_PATH}', _as_written),
    _rule(
        rf'(?:&lt;|<)?[a-zA-Z0-9][^{NO_LINK}()\u00a0{{}}]*@(?:{MAIL_HOST}\.)*{MAIL_HOST}>?',
        _as_written,
    ),
    _rule('@[a-zA-Z_][a-zA-Z0-9_]*', _as_written),
    _rule(f'#[{LETTER}{MARK}]+', _as_written),
    # Numbers
    _rule(f'[-+]?{NUMBER}'),
    _rule(
        rf'(?:[{DIGIT}]{{1,4}}[- \u00a0])?[{DIGIT}]{{1,4}}(?:\\?/|\u2044)[{DIGIT}]{{1,4}}',
        _unbroken,
    ),
    _rule(f'[{DIGIT}]{{1,2}}[-/][{DIGIT}]{{1,2}}[-/][{DIGIT}]{{2,4}}'),
    # Words with other characters inside
    _rule(rf'-(?ai:[lr][rcs]b)-|C\.D\.s|(?ai:pro|anti)-|S{AMPERSAND}(?:P-500|Ls)'),
    _rule(rf'{SLASHED}(?:\\?/{SLASHED}){{1,2}}', _as_written),
    _rule(r'(?ai:c\+\+|[cf]#)', _as_written),
    _rule(JOINED_INITIALS),
    # Abbreviations
    _rule(rf'({CLOSING_ABBREVIATION}\.)(?s:..)?'),
    _rule(rf'(?:{_any_of(tables.TITLE_ABBREVIATIONS)}|[mM][ft][gG])\.'),
    _rule(rf'({_any_of(tables.NUMBER_ABBREVIATIONS)}\.)[{SPACE}]?[{DIGIT}]'),
    _rule(rf'([A-Za-z])\.[{SPACE}]+{SENTENCE}'),
    _rule(rf'{LETTERS_WITH_STOPS}|[A-Za-z]\.'),
    _rule(r'(?:(?:Canada|Sino|Korean|EU|Japan|non)-U\.S|U\.S\.-(?:U\.K|U\.S\.S\.R))\.'),
    _rule(
        rf'([{LETTER}{DIGIT}]+(?:\.[{LETTER}{DIGIT}]+)*\.{_any_of(tables.FILE_EXTENSIONS)})'
        rf'[{SPACE}\n.?!,]'
    ),
    _rule(rf'((?:{WORD}|{COMPOUND}|{DOTTED_COMPOUND}|{JOINED_INITIALS})\.)[,:;\u3001]'),
    # Compounds
    _rule(COMPOUND),
    _rule(f'[nA-HJ-XZ]{QUOTE}[{LETTER}]{{2,}}'),
    _rule(DOTTED_COMPOUND),
    # Smileys, telephone numbers
    _rule(r"([<>]?[:;=][-o*']?[()DPdpO\\{@|[\]])[^A-Za-z0-9]", _with_parentheses),
    _rule(r"[-^x=~<>']_[-^x=~<>']|\([-^x=~<>'][_.]?[-^x=~<>']\)", _with_parentheses),
    _rule(r"\([\^x=~<>']-[\^x=~<>'`]\)", _with_parentheses),
    _rule(
        r'(?:\([0-9]{2,3}\)[ \u00a0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \u00a0])?[0-9]{2,4}[- \u00a0])'
        r'[0-9]{3,4}[- \u00a0]?[0-9]{3,5}|(?:\+\+?)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}',
        _with_parentheses,
    ),
    # Marks
    _rule('&#[0-9]+;', _as_written),
    _rule('(?ai:&(?:amp|lt|gt);)', _entity),
    _rule('&(?:quot|apos|(?ai:nbsp|[mn]dash|md));', _left_out),
    _rule('&(?ai:quot|apos|ht|lr|qc|ql|qr|tl|ur|cdq|odq);', _as_written),
    _rule(r'-{2,4}|\.{3,5}|(?:\.[ \u00a0]){2,4}\.', _left_out),
    _rule(rf"''|[{CURLY_QUOTE}]{{1,2}}", _mark),
    _rule(r'[\u207a\u207b\u208a\u208b]?(?:[\u00b2\u00b3\u00b9\u2070\u2074-\u2079]+|[\u2080-\u2089]+)'),
    _rule(r'(?:\\\*)+|\*+|_+|-{5,}|[?!]{2,}|@+|#+|[A-Z]*\$|<<|>>'),
    _rule(
        rf'[\][(){{}}#$%&*+/<=>@\\^_|~\u00bc-\u00be\u2153\u2154{_characters(tables.SYMBOLS)}]',
        _mark,
    ),
)

# Most words can't be part of anything longer than themselves.
_PLAIN = re.compile(r'[A-Za-z]+(?=[,;:!?]?[ \n])|[A-Za-z]{2,}(?=\.[ \n])')
_NOT_PLAIN = frozenset(
    ' '.join(
        (
            'cannot gonna gotta wanna lemme gimme',
            'pte ptes pty ptys ppte pptes ppty pptys mfg mtg',
            tables.CLOSING_ABBREVIATIONS,
            tables.TITLE_ABBREVIATIONS,
            tables.CAPITAL_ABBREVIATIONS,
            tables.NUMBER_ABBREVIATIONS,
        )
    )
    .lower()
    .split()
)


def _tokens(line: str) -> Iterator[str]:
    start = 0
    while start < len(line):
        plain = _PLAIN.match(line, start)
        if plain and plain[0].lower() not in _NOT_PLAIN:
            yield plain[0]
            start = plain.end()
            continue
        best, spell = None, _word
        if not line[start].isspace():
            for rule in RULES:
                match = rule.pattern.match(line, start)
                if match and (best is None or match.end() > best.end()):
                    best, spell = match, rule.spell
        if best is None:
            start += 1
            continue
        yield from map(spell, best.groups() or [best[0]])
        start = best.end(best.re.groups)


def tokenize(caption: str) -> str:
    """Tokens of one line in lower case, without punctuation, with a space between each two."""
    tokens = (token.lower() for token in _tokens(f'{caption}\n'))
    return ' '.join(token for token in tokens if token and token not in PUNCTUATION)
