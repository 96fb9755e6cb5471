"""The answer that both sides of the markdown measure stream: words, lists, code and tables."""

from __future__ import annotations

import re

ROUND = """Here is **some** answer with `code`, a [link](https://example.org) and plain words that \
go on so that lines wrap, number {n}.

## Part {n}

- item one is here

  with a second paragraph
- item two is *there*

| name | size |
|---|---|
| a{n} | 12 |

```python
for i in range({n}):

    print(i, "hello")
```

> Somebody said this, and it is quoted.

"""
TOKENS_OF_A_ROUND = len(ROUND.split())


def pieces(tokens: int, at_once: int = 3) -> list[str]:
    """So many tokens (a word with the white space before it), some at once, as they would come."""
    rounds = range(1, tokens // TOKENS_OF_A_ROUND + 2)
    text = "".join(ROUND.format(n=number) for number in rounds)
    words = re.findall(r"\s*\S+", text)[:tokens]
    return ["".join(words[at : at + at_once]) for at in range(0, tokens, at_once)]
