#!/usr/bin/env python3
"""Proves that every rule of the linter can fail: samples/bad gives exactly samples/expected,
samples/good gives nothing, and files over the size gates are reported.

Prints one line a case and `N passed, N failed` last."""
import os
import shutil
import tempfile

import lint
import listed
import programs
import size
from source import Source

HERE = os.path.dirname(os.path.abspath(__file__))


def reported(sample):
    """{'path:line: rule'} of a sample tree, without the rules that need other programs."""
    return {f'{path}:{line}: {rule}' for path, line, rule, _ in lint.lint(os.path.join(HERE, 'samples', sample))
            if rule not in ('format', 'shell')}


def case_bad_samples():
    with open(os.path.join(HERE, 'samples', 'expected'), encoding='utf-8') as file:
        expected = {line.strip() for line in file if line.strip()}
    got = reported('bad')
    assert got == expected, f'missing {sorted(expected - got)}, unexpected {sorted(got - expected)}'


def case_good_samples():
    got = reported('good')
    assert not got, sorted(got)


def case_long_function():
    body = '\tcall();\n' * size.FUNCTION_LINES_MAX
    source = Source('src/base/x.c', f'/* x\n */\nint x(void)\n{{\n{body}}}\n')
    assert [line for line, _ in size.check_functions(source)] == [3]
    source = Source('src/base/x.c', '/* x\n */\nint x(void)\n{\n' + '\tcall();\n' * (size.FUNCTION_LINES_MAX - 3) + '}\n')
    assert not list(size.check_functions(source))


def case_long_files():
    assert list(size.check_file(Source('src/base/x.c', 'int x;\n' * (size.FILE_LINES_MAX + 1))))
    assert not list(size.check_file(Source('src/base/x.c', 'int x;\n' * size.FILE_LINES_MAX)))
    assert list(size.check_file(Source('src/base/x.h', 'int x;\n' * (size.HEADER_LINES_MAX + 1))))


def case_format():
    if programs.clang_format() is None:
        return
    with tempfile.TemporaryDirectory() as root:
        shutil.copy(os.path.join(HERE, '..', '..', '.clang-format'), root)
        with open(os.path.join(root, 'x.c'), 'w', encoding='utf-8') as file:
            file.write('int x ;\n')
        assert [path for path, _, _ in programs.check_format(root, ['x.c'])] == ['x.c']


def case_shell():
    if shutil.which('shellcheck') is None:
        return
    found = list(programs.check_shell(os.path.join(HERE, 'samples', 'bad'), ['run.sh']))
    assert found, 'shellcheck found nothing in samples/bad/run.sh'


def case_generated():
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, 'src', 'base'))
        os.makedirs(os.path.join(root, 'doc'))
        table, page = os.path.join(root, 'src', 'base', 'errors.def'), os.path.join(root, 'doc', 'errors.md')
        for text, where in (('X(OK, 200, 0, 0, "ok")\n', 'doc/errors.md'), ('X(OK)\n', 'src/base/errors.def')):
            with open(table, 'w', encoding='utf-8') as file:
                file.write(text)
            with open(page, 'w', encoding='utf-8') as file:
                file.write('old\n')
            assert [path for path, _, _ in programs.check_generated(root)] == [where]


def case_event():
    files = {'src/audit/events.def': 'X("a.known", "it")\n',
             'src/gateway/x.c': 'record.event = STR("a.known");\nrecord = {.event = STR("a.stranger")};\n'}
    assert [line for _, line, _ in listed.check_events(files)] == [2]


def main():
    failed = passed = 0
    for name, case in sorted(globals().items()):
        if not name.startswith('case_'):
            continue
        try:
            case()
            passed += 1
            print(f'ok {name}')
        except AssertionError as error:
            failed += 1
            print(f'not ok {name}: {error}')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    raise SystemExit(main())
