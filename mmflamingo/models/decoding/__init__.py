"""From a prompt to a text, or to the likelier of several."""
