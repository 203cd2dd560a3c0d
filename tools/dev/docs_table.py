"""A table that a tool writes into a page between two marks."""

END = '<!-- end -->\n'


def put(page: str, table: str, tool: str) -> str:
    """The page with the table in the place of the former one.

    Args:
        page: Text with a line `<!-- made by TOOL -->` and, somewhere below, a line `<!-- end -->`.
        table: What comes between them.
        tool: The TOOL of the line.

    Raises:
        ValueError: A mark is missing.
    """
    begin = f'<!-- made by {tool} -->\n'
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f'The page needs a line {begin.strip()} and, below it, a line {END.strip()} for the table.')
    return f'{before}{begin}\n{table}\n{END}{after}'
