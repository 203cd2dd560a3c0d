import random
import shutil

import pytest

from mmflamingo.evaluation.java_tokenizer import tokenize_with_java
from mmflamingo.evaluation.ptb_tokenizer import tokenize

# Recorded from Stanford's jar.
RECORDED = [
    ('A man riding a horse.', 'a man riding a horse'),
    ('', ''),
    ('...', ''),
    ("I can't, won't; it's the dogs' bone.", "i ca n't wo n't it 's the dogs bone"),
    ('She’s here, isn’t she?', "she 's here is n't she"),
    ("You cannot, he's gonna, lemme", "you can not he 's gon na lem me"),
    ("rock 'n' roll of the '90s at 5 o'clock", "rock 'n' roll of the '90s at 5 o'clock"),
    ("'twas y'all's, O'Neill ma'am", "'t was y' all 's o'neill ma'am"),
    ("He ran 'cause it's late, 'CAUSE of the 'caused", "he ran 'cause it 's late 'cause of the 'cause d"),
    ("a li'l s'mores e'er ev'ry nat'l nor'easter", "a li'l s'mores e'er ev'ry nat'l nor'easter"),
    ("cont'd. c'mon, c’mon", "cont'd. c'mon c 'm on"),
    ('a Pte. PTE. PTYs. Mfg. MFG. mtG. dog', 'a pte. pte ptys mfg. mfg mtg. dog'),
    ('plan k. Earlier x, k. However x, k. Their x', 'plan k earlier x k however x k their x'),
    ('demo$1.class of 1.class x', 'demo $ 1.class of 1.class x'),
    ('www.a.com/b/c.html#d-e and www.abc.com/b/c.email[f', 'www.a.com/b/c.html#d-e and www.abc.com/b/c.email[f'),
    ('"Stop," said ‘the’ “sign”', 'stop said the sign'),
    ('a (red) [blue] <b>sign</b>', 'a -lrb- red -rrb- -lsb- blue -rsb- <b> sign </b>'),
    ('Mr. Smith of the U.S. at 5 a.m.', 'mr. smith of the u.s. at 5 a.m.'),
    ('a letter T. The dog', 'a letter t the dog'),
    ('a letter T. Dogs, plan B.', 'a letter t. dogs plan b.'),
    ('No. 5 and no. Fig.', 'no. 5 and no fig'),
    ('in mass. of Mass. etc.', 'in mass of mass. etc.'),
    ('a dog., a cat.', 'a dog. a cat'),
    ('a dog,black-and-white', 'a dog,black-and-white'),
    ('a black,white dog', 'a black white dog'),
    ('t-shirt - a well-known 3-year-old -- red—blue', 't-shirt a well-known 3-year-old red blue'),
    ('and/or he/she a/b/c/d w/ 1/2 cup', 'and/or he/she a/b/c / d w / 1/2 cup'),
    ('$5.50 £3 €2 1,000.5 50% #1 #tag @me', '$ 5.50 # 3 $ 2 1,000.5 50 % # 1 #tag @me'),
    ('10:30am on 10/12/2014, 2014-10-12 +1', '10:30 am on 10/12/2014 2014-10-12 +1'),
    ('1 1/2 cups, ½ cup', '1\xa01/2 cups 1/2 cup'),
    ('(555) 123-4567', '-lrb-555-rrb-\xa0123-4567'),
    ('a.b@c.org www.a.com/bc, https://a.b/c?d=e.', 'a.b@c.org www.a.com/bc https://a.b/c?d=e'),
    ('photo 1.jpg, a.jpg', 'photo 1.jpg a.jpg'),
    ('AT&amp;T &lt;a&gt; &quot;b&quot; R&B a&b', 'at&t < a > b r&b a & b'),
    (':) :-( ;D =( <3 ^_^ (^_^)', ':-rrb- :--lrb- ;d =-lrb- < 3 ^_^ -lrb-^_^-rrb-'),
    ('wow!! what?! hmm... ok..', 'wow !! what ?! hmm ok'),
    ('café naïve Ångström 日本語 🐶dog', 'café naïve ångström 日本語 dog'),
    ('25°C m² 10³ a_b __c__', '25 ° c m ² 10 ³ a_b __ c __'),
    ('C++ C# F# A+ *b* ~c', 'c++ c# f# a + * b * ~ c'),
]  # fmt: skip

WORDS = """
    a the man woman dogs street St. Mr. Mrs. Dr. U.S. U.S.A. a.m. p.m. etc. e.g. no. No. Inc.
    Ave. vs. Mt. Jan. T. B. T.V. don't can't isn't I'm you're they've we'll he'd dog's dogs'
    James's y'all ma'am o'clock O'Brien d'oh rock'n'roll 'n' 'em 'tis '90s 1990's cannot gonna
    gotta wanna dont cant im black-and-white t-shirt 3-year-old -- - — – and/or w/ w/o s/he 1/2
    3/4 1,000 2.5 .5 1,000.50 -5 50% $5 $5.00 £3 €20 #1 #tag @home 10:30 10:30am 5' 5'10" 24/7
    10/12/2014 (555) 123-4567 555-1234 2x4 café naïve jalapeño Köln 25°C ½ m² … “quoted”
    ‘single’ it’s “ ” ‘ ’ " ' ` `` '' « » ( ) [ ] { } (red) [sic] {x} :) :-( ;-) :D =) <3 ^_^
    >_< ! ? !! ?! ... .. . , ; : & AT&T R&B Q&A &amp; &quot; &lt;b&gt; <b> </i> <unk>
    www.site.com site.org a.b@c.com http://a.b/c. C++ C# * ** _ __ a_b \\ / | ~ ^ = + % The In A
    It They © ® ™ 🐶 日本語 IMG_1234.jpg x.jpg Wi-Fi X-ray U-turn L.A. N.Y. D.C. Ph.D. 1st 2nd
""".split()


class Everything:
    def __contains__(self, word):
        return True


def nasty_captions(count):
    """Lines of words and oddities, some of them without a space between, some cut or changed."""
    rng = random.Random(0)
    for _ in range(count):
        line = ''.join(
            rng.choice(WORDS) + rng.choice(('', ' ', ' ', ' ', ' ', ', ', '. ', '-', "'", '  '))
            for _ in range(rng.randint(1, 12))
        )
        for _ in range(rng.randint(0, 2)):
            at = rng.randrange(len(line) + 1)
            line = line[:at] + rng.choice(('', '.', "'", chr(rng.randint(33, 126)))) + line[at + 1 :]
        yield line


@pytest.mark.parametrize(('caption', 'tokens'), RECORDED)
def test_recorded_tokens(caption, tokens):
    assert tokenize(caption) == tokens


def test_plain_words_take_a_short_cut_to_the_same_tokens(monkeypatch):
    captions = [caption for caption, _ in RECORDED] + list(nasty_captions(200))
    expected = [tokenize(caption) for caption in captions]
    monkeypatch.setattr('mmflamingo.evaluation.ptb_tokenizer._NOT_PLAIN', Everything())
    assert [tokenize(caption) for caption in captions] == expected


@pytest.mark.skipif(shutil.which('java') is None, reason='needs Java')
def test_the_jar_agrees_with_the_recorded_tokens():
    captions, tokens = zip(*RECORDED, strict=True)
    assert tokenize_with_java(captions) == list(tokens)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which('java') is None, reason='needs Java')
def test_equal_to_the_jar_on_nasty_captions():
    captions = list(nasty_captions(20000))
    different = [
        (caption, jar, ours)
        for caption, jar in zip(captions, tokenize_with_java(captions), strict=True)
        if jar != (ours := tokenize(caption))
    ]
    assert not different, f'{len(different)} captions, for example {different[:3]}'


@pytest.mark.skipif(shutil.which('java') is None, reason='needs Java')
def test_a_tag_that_is_never_closed_takes_no_other_caption():
    captions = ['a <b c="a dog', 'two dogs, running', 'a man\'s "> hat']
    assert tokenize_with_java(captions) == list(map(tokenize, captions))
