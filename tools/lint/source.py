"""A C file as the rules see it: raw lines, lines without comments and strings, functions, prototypes.

This is no parser. It leans on what clang-format guarantees in this tree: a function's body opens
with a brace alone in column 0 and ends at the next closing brace in column 0.
"""
import re

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
NAME = re.compile(r'\b([a-z]\w*)\s*\(')
CHECK_TEST = re.compile(r'\bSTART_TEST\((\w+)\)')


class Function:
    """One definition: where it stands and the text in front of its body."""

    def __init__(self, name, line, last, head):
        self.name = name
        self.line = line
        self.lines = last - line + 1
        self.head = head


class Prototype:
    """One declaration of a header: where it starts and its whole text."""

    def __init__(self, name, line, text):
        self.name = name
        self.line = line
        self.text = text


class Source:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.masked_text = mask(text)
        self.masked = self.masked_text.splitlines()

    @property
    def is_header(self):
        return self.path.endswith('.h')

    @property
    def room(self):
        """The room of a file under src/, or None."""
        parts = self.path.split('/')
        return parts[1] if parts[0] == 'src' and len(parts) > 2 else None

    def includes(self):
        """(line, 'x.h' or '<x.h>') of every #include."""
        for number, line in enumerate(self.lines, 1):
            found = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))', line)
            if found:
                yield number, found.group(1) or found.group(2)

    def functions(self):
        for number, line in enumerate(self.masked, 1):
            if line.rstrip() != '{':
                continue
            first = self._head_start(number)
            head = ' '.join(self.masked[first - 1:number - 1])
            last = next((n for n in range(number + 1, len(self.masked) + 1) if self.masked[n - 1].startswith('}')),
                        len(self.masked))
            found = NAME.search(head) or CHECK_TEST.search(head)
            if found:
                yield Function(found.group(1), first, last, head)

    def _head_start(self, brace):
        """The line where the declaration begins whose body opens at line `brace`."""
        first = brace
        while first > 1:
            above = self.masked[first - 2].rstrip()
            if not above or above.startswith('#') or above[-1] in ';}\\':
                break
            first -= 1
        return first

    def prototypes(self):
        """Function declarations at brace depth 0; macros and inline definitions are not."""
        text = blank_preprocessor(self.masked_text)
        depth = start = 0
        for at, char in enumerate(text):
            if char == '{':
                depth += 1
            elif char == '}':
                depth -= 1
                if depth == 0:
                    start = at + 1
            elif char == ';' and depth == 0:
                statement = text[start:at]
                found = NAME.search(statement)
                if found and not statement.lstrip().startswith('typedef') and found.group(1) != 'static_assert':
                    begin = start + len(statement) - len(statement.lstrip())
                    yield Prototype(found.group(1), text.count('\n', 0, begin) + 1, statement)
                start = at + 1


def mask(text):
    """The text with comments and literals blanked, every line and column where it was."""
    return TOKEN.sub(lambda found: re.sub(r'[^\n]', ' ', found.group()), text)


def blank_preprocessor(masked):
    """The masked text with directives, their continuations and bare macro lines blanked."""
    kept = []
    continued = False
    for line in masked.split('\n'):
        directive = continued or line.lstrip().startswith('#')
        continued = directive and line.rstrip().endswith('\\')
        kept.append(' ' * len(line) if directive else line)
    return '\n'.join(kept)
