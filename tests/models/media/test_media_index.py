import pytest
import torch

from mmflamingo.models.media.media_context import MediaContext
from mmflamingo.models.media.media_index import MEDIA_INDEX

X, P = 9, 0  # <image>, padding

# prompt of 7 tokens, then 2 generated ones
TABLE = [
    #  tokens                      mode                        medium each token sees
    ([1, X, 3, 4, X, 6, 7, 5, 5], 'preceding', [0, 1, 1, 1, 2, 2, 2, 2, 2]),
    ([1, X, 3, 4, X, 6, 7, 5, 5], 'following', [1, 1, 2, 2, 2, 0, 0, 0, 0]),
    ([1, X, 3, 4, X, 6, 7, 5, 5], 'preceding_blind_decoding', [0, 1, 1, 1, 2, 2, 2, 0, 0]),
    ([P, P, 1, 2, X, 3, 4, 5, 5], 'preceding', [0, 0, 0, 0, 1, 1, 1, 1, 1]),
    ([P, P, 1, 2, X, 3, 4, 5, 5], 'following', [1, 1, 1, 1, 1, 0, 0, 0, 0]),
    ([X, X, 1, 2, 3, 3, 4, 5, 5], 'preceding', [1, 2, 2, 2, 2, 2, 2, 2, 2]),
    ([X, X, 1, 2, 3, 3, 4, 5, 5], 'following', [1, 2, 0, 0, 0, 0, 0, 0, 0]),
    ([1, 2, 3, 4, 5, 6, 7, 5, 5], 'preceding', [0] * 9),
    ([1, 2, 3, 4, 5, 6, 7, 5, 5], 'following', [0] * 9),
]


@pytest.mark.parametrize(('tokens', 'mode', 'expected'), TABLE)
def test_table(tokens, mode, expected):
    """The whole sequence at once, and prompt and generated tokens in turns as with a cache."""
    input_ids = torch.tensor([tokens])
    media = MediaContext(torch.zeros(1, 2, 3, 4), MEDIA_INDEX[mode], X, prompt_length=7)
    media.read(input_ids, past_length=0)
    assert media.groups.index.tolist() == [expected]

    in_turns = []
    for start, end in ((0, 7), (7, 8), (8, 9)):
        media.read(input_ids[:, start:end], past_length=start)
        in_turns += media.groups.index[0].tolist()
    assert in_turns == expected


def test_tokens_are_grouped_by_their_medium():
    media = MediaContext(torch.zeros(2, 2, 2, 4), MEDIA_INDEX['preceding'], X)
    media.read(torch.tensor([[1, X, 3, X, 4, 5], [1, 2, X, 3, 4, 5]]), past_length=0)
    tokens = torch.arange(12.0).view(2, 6, 1)
    groups = media.groups.group(tokens, 4)[..., 0]
    assert groups.shape == (4, 4)
    assert groups[0, :2].tolist() == [1, 2] and groups[1, :3].tolist() == [3, 4, 5]
    assert groups[2].tolist() == [8, 9, 10, 11], 'the second medium of the second sample is filling'
    returned = media.groups.ungroup(groups[..., None])[..., 0]
    assert returned.tolist() == [[0, 1, 2, 3, 4, 5], [0, 0, 8, 9, 10, 11]], '0 where there is no medium'


def test_rows_of_beams_go_on_counting():
    media = MediaContext(torch.zeros(2, 2, 3, 4), MEDIA_INDEX['preceding'], X)
    media.read(torch.tensor([[X, 1, X, 2], [3, 3, X, 2]]), past_length=0)
    media.read(torch.tensor([[5], [5], [5], [5], [X], [5]]), past_length=4)
    assert media.groups.index.tolist() == [[2], [2], [2], [1], [2], [1]]


def test_rows_that_no_sample_owns():
    media = MediaContext(torch.zeros(2, 1, 3, 4), MEDIA_INDEX['preceding'], X)
    with pytest.raises(ValueError, match='3 rows of text can not share the media of 2 samples'):
        media.read(torch.ones(3, 4, dtype=torch.long), past_length=0)
