"""Running out of memory, on any device."""

import gc

import torch

# What torch says on CPUs, where it has no exception of its own for it.
CPU_MESSAGES = ("can't allocate memory", 'not enough memory')


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, and not that something is wrong."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error) for message in CPU_MESSAGES)


def free_cache() -> None:
    """Give back what was left behind by a step that failed."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
