"""What an error of another library says, for a user."""

import re

# Sentences with these advise to switch a protection off, or speak of settings that this project does not have.
ADVICE = re.compile(
    r'trust_remote_code|weights_only|allow_pickle|safe_globals|ignore_mismatched_sizes|use_safetensors|local_files_only'
    r'|remote_code|trusted source|you trust|HF_HUB|huggingface-cli|hf auth|MAX_\w+ *=|ulimit',
    re.IGNORECASE,
)
LONGEST = 300  # characters beside paths
PATH = re.compile(r'(?:/[^\s/:]+)+')
LONGEST_PATHS = 4096  # characters


def plain_reason(error: BaseException) -> str:
    """The first sentences of an error, without advice to switch a protection off.

    Args:
        error: Of any library; its message may have many lines.

    Returns:
        str: At most 300 characters beside the paths of files, which would hide the reason in deep folders, ending in a full stop; the error's type if nothing else is left.
    """
    sentences = re.split(r'(?<=[.!?:])\s+|\n+', str(error).strip())
    kept = ' '.join(sentence.strip() for sentence in sentences if sentence.strip() and not ADVICE.search(sentence))
    text = kept.rstrip(' .:,;') or type(error).__name__
    longest = LONGEST + min(LONGEST_PATHS, sum(map(len, PATH.findall(text))))
    return f'{text[:longest]}...' if len(text) > longest else f'{text}.'
