import pytest
import torch

from mmflamingo.datasets import TextBlocks

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
