#!/usr/bin/env python3
"""Proves that tools/tally sees every way a test can fail. Last line `N passed, N failed`."""
import json
import os
import subprocess
import tempfile

TALLY = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tally')


def meson(name, result, stdout, code=0):
    return json.dumps({'name': name, 'result': result, 'stdout': stdout, 'returncode': code}) + '\n'


def check_line(checks, failures, errors):
    return f'Running suite(s): x\n50%: Checks: {checks}, Failures: {failures}, Errors: {errors}\nx.c:1:F: why\n'


RED_TAP = """ok 1 - x
    not ok 1 - y
      ---
      location: '/t/a.test.mjs:3:7'
      ...
not ok 2 - z
  ---
  location: '/t/a.test.mjs:2:1'
  ...
ok 3 - w
  ---
  location: '/t/b.test.mjs:1:1'
  ...
# pass 5
# fail 1
"""

# what the legs left behind -> the last line, and the exit status
CASES = {
    'nothing ran': ({}, '0 passed, 0 failed', 1),
    'check cases count': ({'u.json': meson('a', 'OK', check_line(7, 0, 0))}, '7 passed, 0 failed', 0),
    'other programs count once': ({'u.json': meson('a', 'OK', '3 inputs replayed')}, '1 passed, 0 failed', 0),
    'failures and errors count': ({'u.json': meson('a', 'FAIL', check_line(7, 2, 1), 1)}, '4 passed, 3 failed', 1),
    'several suites in one program': (
        {'u.json': meson('a', 'FAIL', check_line(2, 0, 0) + check_line(3, 1, 0), 1)}, '4 passed, 1 failed', 1),
    'a crash before the summary': ({'u.json': meson('a', 'FAIL', 'Segmentation fault', -11)}, '0 passed, 1 failed', 1),
    'a leak after green cases': ({'u.json': meson('a', 'FAIL', check_line(3, 0, 0), 23)}, '2 passed, 1 failed', 1),
    'a time-out': ({'u.json': meson('a', 'TIMEOUT', None, None)}, '0 passed, 1 failed', 1),
    'skipped is neither': (
        {'u.json': meson('a', 'SKIP', '', 77) + meson('b', 'OK', '')}, '1 passed, 0 failed', 0),
    'node counts': ({'e.tap': '# pass 5\n# fail 1\n# cancelled 2\n# skipped 1\n'}, '5 passed, 3 failed', 1),
    'what passed alone is unsteady': ({'e.tap': RED_TAP, 'e.again': '# pass 4\n# fail 0\n'}, '6 passed, 0 failed', 0),
    'what failed alone too is red': ({'e.tap': RED_TAP, 'e.again': '# pass 3\n# fail 1\n'}, '5 passed, 1 failed', 1),
    'a second run that died is none': ({'e.tap': RED_TAP, 'e.again': 'TAP version 13\n'}, '5 passed, 1 failed', 1),
    'a second run of nothing is none': ({'e.tap': RED_TAP, 'e.again': '# pass 0\n# fail 0\n'}, '5 passed, 1 failed', 1),
    'node died': ({'e.tap': 'TAP version 13\nok 1 - x\n'}, '0 passed, 1 failed', 1),
    'plain text': ({'l.text': 'noise\n6 passed, 0 failed\n'}, '6 passed, 0 failed', 0),
    'plain text without its line': ({'l.text': 'Traceback\n'}, '0 passed, 1 failed', 1),
    'legs add up': ({'l.text': '1 passed, 0 failed\n', 'e.tap': '# pass 5\n# fail 0\n'}, '6 passed, 0 failed', 0),
}


def run(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                file.write(text)
        done = subprocess.run([TALLY, folder], capture_output=True, text=True, check=False)
        return (done.stdout.splitlines() or [done.stderr])[-1], done.returncode


def failed_files_are_found():
    with tempfile.NamedTemporaryFile('w', suffix='.tap') as file:
        file.write(RED_TAP)
        file.flush()
        done = subprocess.run([TALLY, '--failed', file.name], capture_output=True, text=True, check=False)
        return done.stdout == '/t/a.test.mjs\n'


def main():
    failed = 0
    for name, (files, line, status) in CASES.items():
        got = run(files)
        good = got == (line, status)
        failed += not good
        print(f'{"ok" if good else "not ok"} {name}' + ('' if good else f': {got}, not {(line, status)}'))
    good = failed_files_are_found()
    failed += not good
    print(f'{"ok" if good else "not ok"} failed files are found')
    print(f'{len(CASES) + 1 - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    raise SystemExit(main())
