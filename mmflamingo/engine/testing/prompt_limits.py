"""Are all queries short enough for the language model? Asked before the first prediction."""

from torch import nn
from torch.utils.data import Dataset

from mmflamingo.datasets.members import members

from ..errors import RunError

SHOWN = 10


def check_queries(model: nn.Module, dataset: Dataset) -> None:
    """Check that each query fits into the language model's context, at least without its shots.

    Args:
        model: The model under test; its data preprocessor measures prompts.
        dataset: The test set, which may wrap others. Sets without `get_query` are not checked.

    Raises:
        RunError: Gives the number of those that don't and names the first ten.
    """
    find_excess = getattr(getattr(model, 'data_preprocessor', None), 'find_excess', None)
    if not find_excess:
        return
    sets = [part for part in members(dataset) if hasattr(part, 'get_query')]
    complaints = [why for part in sets for number in range(len(part)) if (why := find_excess(part.get_query(number)))]
    if complaints:
        more = f'\n  and {len(complaints) - SHOWN} more' if len(complaints) > SHOWN else ''
        shown = '\n  '.join(complaints[:SHOWN])
        raise RunError(f'{len(complaints)} of {sum(map(len, sets))} queries are too long:\n  {shown}{more}')
