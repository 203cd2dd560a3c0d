"""A list of candidate answers for a set of open questions."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform
from mmengine.fileio import get_text

from mmflamingo.registry import TRANSFORMS

from ..choice_lists import check_choices


@TRANSFORMS.register_module()
class AddChoices(BaseTransform):
    """Have every sample answered by ranking a list of candidates, instead of by generated text.

    The answer is scored as before, by the set's own metric.

    Added Keys:

    - choices: the candidates, one list for all samples

    Args:
        choices: The candidates.
        choices_file: A text file of them, one a line; relative to the working directory.

    Raises:
        ValueError: Both or none are given, or some of the candidates are empty or the same.
        FileNotFoundError: There is no such file.
    """

    def __init__(self, choices: Sequence[str] | None = None, choices_file: str | None = None) -> None:
        if (choices is None) == (choices_file is None):
            raise ValueError('AddChoices needs choices or choices_file, one of them.')
        if choices_file is not None:
            choices = [line for line in get_text(choices_file).splitlines() if line.strip()]
        self.choices = check_choices(choices, f"AddChoices: '{choices_file}'" if choices_file else 'AddChoices.choices')

    def transform(self, results: dict) -> dict:
        """Add the candidates."""
        results['choices'] = self.choices
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({len(self.choices)} choices)'
