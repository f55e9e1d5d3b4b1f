#!/usr/bin/env python3
"""The house linter: one line per problem, `file:line: rule: what is wrong: what to do`.

    tools/lint/lint.py [--root DIR] [PATH...]

PATHs limit the report, not what is read: some rules need the whole tree. Exit 1 when anything
is reported. Each rule is one small function in the module named after its family;
tools/lint/test.py proves that each can fail.
"""
import argparse
import os
import sys

import calls
import contracts
import layers
import listed
import programs
import size
import words
from source import Source

SKIPPED_DIRS = {'.git', 'build', 'node_modules', 'gatehouse-data', '__pycache__', 'corpus', 'samples'}
SCRIPTS = ('.py', '.mjs', '.js', '.sh')
C_RULES = (
    ('file-size', size.check_file),
    ('function-size', size.check_functions),
    ('banned-call', calls.check_calls),
    ('undocumented', contracts.check_documented),
    ('opening-comment', contracts.check_opening),
)
TREE_RULES = (
    ('awaits', contracts.check_awaits),
    ('name', contracts.check_names),
    ('magic', contracts.check_magics),
)
TEXT_RULES = (
    ('word', words.check_words),
    ('space', words.check_space),
)


def tree(root):
    """Every text file below root, as {path: text}."""
    files = {}
    for folder, dirs, names in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in SKIPPED_DIRS)
        for name in sorted(set(names) - {'.git'}):  # a file in a linked worktree
            path = os.path.join(folder, name)
            try:
                with open(path, encoding='utf-8') as file:
                    files[os.path.relpath(path, root)] = file.read()
            except (UnicodeDecodeError, OSError):
                continue
    return files


def is_shell(path, text):
    return path.endswith('.sh') or text.startswith(('#!/usr/bin/env bash', '#!/bin/sh', '#!/bin/bash'))


def check_text(files):
    for path, text in files.items():
        lines = text.splitlines()
        for rule, check in TEXT_RULES:
            for line, message in check(path, lines):
                yield path, line, rule, message
        if path.endswith(SCRIPTS) and len(lines) > size.FILE_LINES_MAX:
            yield path, 1, 'file-size', f'{len(lines)} lines, the gate is {size.FILE_LINES_MAX}: split it'


def check_c(sources):
    for source in sources:
        for rule, check in C_RULES:
            for line, message in check(source):
                yield source.path, line, rule, message
    for rule, check in TREE_RULES:
        for source, line, message in check(sources):
            yield source.path, line, rule, message


def check_layers(root, sources):
    path = os.path.join(root, 'src', 'LAYERS')
    if not os.path.exists(path):
        return
    rooms, owners = layers.read_layers(path)
    for line, message in layers.check_rooms(rooms):
        yield 'src/LAYERS', line, 'layer', message
    for source in sources:
        for line, message in layers.check_include(source, rooms, owners):
            yield source.path, line, 'layer', message


def check_listed(files):
    for path, message in listed.check_listed(files):
        yield path, 1, 'listed', message
    for path, line, message in listed.check_events(files):
        yield path, line, 'event', message


def check_programs(root, files):
    for path, line, message in programs.check_format(root, [p for p in files if p.endswith(('.c', '.h'))]):
        yield path, line, 'format', message
    for path, line, message in programs.check_shell(root, [p for p in files if is_shell(p, files[p])]):
        yield path, line, 'shell', message
    for path, line, message in programs.check_generated(root):
        yield path, line, 'generated', message


def lint(root):
    files = tree(root)
    sources = [Source(path, text) for path, text in files.items() if path.endswith(('.c', '.h'))]
    yield from check_text(files)
    yield from check_c(sources)
    yield from check_layers(root, sources)
    yield from check_listed(files)
    yield from check_programs(root, files)


def main():
    parser = argparse.ArgumentParser(description='the house linter')
    parser.add_argument('--root', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    parser.add_argument('paths', nargs='*')
    options = parser.parse_args()
    wanted = tuple(os.path.relpath(path, options.root) for path in options.paths)
    problems = sorted(set(p for p in lint(options.root) if not wanted or p[0].startswith(wanted)))
    for path, line, rule, message in problems:
        print(f'{path}:{line}: {rule}: {message}')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
