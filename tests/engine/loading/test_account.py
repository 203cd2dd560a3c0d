from torch import nn

from mmflamingo.engine.loading.account import describe_sources


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.resampler = nn.Linear(2, 3)
        self.language_model = nn.ModuleDict({'lm': nn.Linear(4, 5, bias=False), 'gates': nn.Linear(1, 1).half()})
        self.head = nn.Linear(1, 1)

    def loaded_prefixes(self):
        return {'language_model.lm': 'llama'}

    def rows_without_source(self):
        return {'language_model.lm.weight': 2}


def table(keys):
    return [line.split() for line in describe_sources(Model(), keys, 'file.pth').splitlines()]


def test_every_parameter_is_counted_once_with_its_source():
    fresh = 'fresh, the same in every run'.split()
    keys = {'resampler.weight', 'resampler.bias', 'language_model.gates.weight', 'language_model.gates.bias'}
    assert table(keys) == [
        ['resampler', '9', 'float32', 'file.pth'],
        ['language_model.lm.weight,', 'added', 'tokens', '8', 'float32', *fresh],
        ['language_model.lm', '12', 'float32', 'llama'],
        ['language_model.gates', '2', 'float16', 'file.pth'],
        ['head', '2', 'float32', *fresh],
        ['all', '33'],
    ]


def test_the_checkpoint_goes_before_a_file_of_a_part():
    rows = table({'language_model.lm.weight'})
    assert ['language_model.lm', '20', 'float32', 'file.pth'] in rows
    assert not any('added' in row for row in rows)
    assert rows[-1] == ['all', str(sum(p.numel() for p in Model().parameters()))]
