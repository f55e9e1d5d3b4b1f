"""What a reader may rely on: documented prototypes, AWAITS where something may suspend, opening
comments, unique names and magics."""
import re

MAGIC = re.compile(r'^\s*#\s*define\s+(\w*MAGIC\w*)\s+(0[xX][0-9a-fA-F]+)', re.M)
AWAITS = re.compile(r'\bAWAITS\b')


def check_documented(source):
    """A comment stands right above a prototype, or above the group without blank lines it is in."""
    if not source.is_header or source.room is None:
        return
    for prototype in source.prototypes():
        if not documented(source, prototype.line):
            yield prototype.line, (f'{prototype.name}() has no comment: say ownership, units, errors, thread and limits '
                                   'above it')


def documented(source, line):
    above = line - 1
    while above >= 1 and source.lines[above - 1].strip():
        if not source.masked[above - 1].strip():
            return True
        above -= 1
    return False


def check_opening(source):
    """Every file says first what it is for."""
    if not source.text.startswith('/*'):
        yield 1, 'no opening comment: say what the file is for, how it works and what it leaves to others'
        return
    lines = source.text[:source.text.find('*/')].count('\n') + 1
    if source.room is not None and not source.is_header and lines < 2:
        yield 1, 'the opening comment is one line: say also how the file works and what it leaves to others'


def check_awaits(sources):
    """A prototype and its definition agree on AWAITS; clang checks the calls."""
    marked = {}
    for source in sources:
        if source.is_header and source.room is not None:
            for prototype in source.prototypes():
                marked[prototype.name] = bool(AWAITS.search(prototype.text))
    for source in sources:
        if source.is_header or source.room is None:
            continue
        for function in source.functions():
            want = marked.get(function.name)
            has = bool(AWAITS.search(function.head))
            if want is not None and not re.search(r'\bstatic\b', function.head) and want != has:
                where = 'prototype' if want else 'definition'
                yield source, function.line, (f'{function.name}() has AWAITS only on its {where}: mark both or none')


def check_names(sources):
    """A function's name belongs to one room: two libraries that both have it link without a word, and
    one of them is called in the other's place. (Within a room the linker tells.)"""
    seen = {}
    for source in sources:
        if source.is_header or source.room is None:
            continue
        for function in source.functions():
            if re.search(r'\bstatic\b', function.head) or function.name == 'main':
                continue
            other = seen.setdefault(function.name, source)
            if other.room != source.room:
                yield source, function.line, f'{function.name}() is also a function of {other.path}: choose another name'


def check_magics(sources):
    """A magic names one struct."""
    seen = {}
    for source in sources:
        for found in MAGIC.finditer(source.text):
            value = int(found.group(2), 16)
            line = source.text.count('\n', 0, found.start()) + 1
            if value in seen and seen[value] != found.group(1):
                yield source, line, f'{found.group(1)} has the value of {seen[value]}: choose another'
            seen.setdefault(value, found.group(1))
