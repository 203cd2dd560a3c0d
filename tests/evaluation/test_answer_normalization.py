import pytest

from mmflamingo.evaluation.answer_normalization import normalize, one_line


@pytest.mark.parametrize(
    ('answer', 'expected'),
    [
        ('The Dog', 'dog'),
        ('a', ''),
        ('none', '0'),
        ('Ten apples', '10 apples'),
        ('eleven', 'eleven'),
        ('1,000', '1000'),
        ('red,blue', 'red blue'),
        ('red, blue', 'red blue'),
        ('t-shirt', 't shirt'),
        ('t-shirt -', 'tshirt'),
        ('1,000 t-shirts', '1000 tshirts'),
        ("women's", "women's"),
        ('10:30', '10:30'),
        ('yes.', 'yes'),
        ('2.5', '2.5'),
        ('.5', '.5'),
        ('5.', '5'),
        ('u.s.a.', 'usa'),
        ('dont', "don't"),
        ("somebody'd", 'somebodyd'),
        ('Im', 'im'),
        ('.' * 33, '.'),
    ],
)
def test_table_by_hand(answer, expected):
    assert normalize(answer) == expected


def test_one_line():
    assert one_line('\ta\nb \n') == 'a b'
