import pytest
import torch

from mmflamingo.datasets import TextBlocks
from mmflamingo.registry import TOKENIZERS

TOKENIZER = {'type': 'FlamingoTokenizer', 'pretrained': 'checkpoints/flamingo-tiny/tokenizer'}


def write(path, *documents):
    path.write_text('\n'.join(documents) + '\n')
    return str(path)


@pytest.fixture(autouse=True)
def in_repository(request, monkeypatch):
    monkeypatch.chdir(request.config.rootpath)


def test_documents_become_one_stream_with_bos_before_each(tmp_path):
    path = write(tmp_path / 'a.txt', 'a cat', 'two dogs and a cat')
    whole = TextBlocks(path, TOKENIZER, block_size=4)
    stream = torch.cat([item['inputs'] for item in whole]).tolist()
    assert stream[0] == 0 and stream.count(0) == 2  # <s>
    assert len(whole) == len(TextBlocks(path, TOKENIZER, block_size=2)) // 2


def test_too_little_or_no_text(tmp_path):
    with pytest.raises(ValueError, match='fewer than one block of 64'):
        TextBlocks(write(tmp_path / 'a.txt', 'a cat'), TOKENIZER, block_size=64)
    with pytest.raises(FileNotFoundError, match='emoji_scenes.py --splits text'):
        TextBlocks(str(tmp_path / 'no.txt'), TOKENIZER)


def test_emphasis_weighs_the_matched_tokens(tmp_path):
    path = write(tmp_path / 'a.txt', 'Question:Is it red? Short answer:yes<|endofchunk|>', 'a cat')
    text = TextBlocks(path, TOKENIZER, block_size=4, emphasis={r'(?<=Short answer:)[^<]+': 8})
    tokenizer = TOKENIZERS.build(TOKENIZER)
    tokens = torch.cat([item['inputs'] for item in text])
    weights = torch.cat([item['weights'] for item in text])
    assert tokenizer.hf.decode(tokens[weights == 8]) == 'yes'
    assert set(weights.tolist()) == {1.0, 8.0}
    assert 'weights' not in TextBlocks(path, TOKENIZER, block_size=4)[0]
