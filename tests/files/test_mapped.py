import re
from pathlib import Path

import pytest
import torch

from mmflamingo.files.mapped import give_back, mapped_ranges

pytestmark = pytest.mark.skipif(not Path('/proc/self/smaps').exists(), reason='only Linux tells what is mapped')


def held_bytes(tensor):
    """Memory that the mapping around a tensor holds now."""
    place, is_own = tensor.data_ptr(), False
    for line in Path('/proc/self/smaps').read_text().splitlines():
        header = re.match(r'([0-9a-f]+)-([0-9a-f]+) ', line)
        if header:
            is_own = int(header[1], 16) <= place < int(header[2], 16)
        elif is_own and line.startswith('Rss:'):
            return 1024 * int(line.split()[1])
    raise AssertionError('the tensor lies in no mapping')


def test_a_mapped_tensor_gives_its_memory_back_and_can_be_read_again(tmp_path):
    torch.save({'a': torch.arange(2**20), 'b': torch.arange(2**20) + 7}, tmp_path / 'file.pth')
    mapped = torch.load(tmp_path / 'file.pth', mmap=True)
    sums = [tensor.sum() for tensor in mapped.values()]
    before = held_bytes(mapped['a'])
    assert before >= 16 * 2**20
    give_back(mapped['a'], mapped_ranges())
    assert before - held_bytes(mapped['a']) == pytest.approx(mapped['a'].nbytes, rel=0.01)
    assert [tensor.sum() for tensor in mapped.values()] == sums


def test_what_lies_in_no_file_stays():
    tensor = torch.arange(2**20)
    give_back(tensor, mapped_ranges())
    give_back(tensor[::2], mapped_ranges())
    give_back(torch.empty(0), mapped_ranges())
    assert torch.equal(tensor, torch.arange(2**20))
