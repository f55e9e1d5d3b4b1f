"""Rules that other programs know: clang-format for C, shellcheck for shell, the generators of doc/."""
import os
import re
import shutil
import subprocess
import sys

# Other versions break some lines differently, so only this one is asked.
CLANG_FORMAT_MAJOR = '14'
TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')


def clang_format():
    for name in (f'clang-format-{CLANG_FORMAT_MAJOR}', 'clang-format'):
        program = shutil.which(name)
        if program:
            version = subprocess.run([program, '--version'], capture_output=True, text=True, check=True).stdout
            if re.search(rf'version {CLANG_FORMAT_MAJOR}\.', version):
                return program
    return None


def check_format(root, paths):
    """(path, line, message) of the first place clang-format would change in each file."""
    program = clang_format()
    if program is None or not paths:
        return
    halves = [paths[::2], paths[1::2]]
    running = [subprocess.Popen([program, '--dry-run', '-Werror', *half], cwd=root, stderr=subprocess.PIPE, text=True)
               for half in halves if half]
    seen = set()
    for process in running:
        for found in re.finditer(r'^(\S+?):(\d+):\d+: error:', process.communicate()[1], re.M):
            path = found.group(1)
            if path not in seen:
                seen.add(path)
                yield path, int(found.group(2)), 'not in house format: run ./dev format'


def check_shell(root, paths):
    program = shutil.which('shellcheck')
    if program is None or not paths:
        return
    done = subprocess.run([program, '-x', '-f', 'gcc', *paths], cwd=root, capture_output=True, text=True, check=False)
    for found in re.finditer(r'^(.+?):(\d+):\d+: \w+: (.*)$', done.stdout, re.M):
        yield found.group(1), int(found.group(2)), found.group(3)


# A table in src, the page made from it, and the script that does it.
GENERATED = (
    ('src/base/errors.def', 'doc/errors.md', 'errors.py'),
    ('src/audit/events.def', 'doc/audit-events.md', 'events.py'),
)


def check_generated(root):
    """Generated pages that their sources have moved away from."""
    for table, page, script in GENERATED:
        if not os.path.exists(os.path.join(root, table)):
            continue
        done = subprocess.run([sys.executable, '-B', os.path.join(TOOLS, 'docs', script), os.path.join(root, table)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield table, 1, f'{done.stderr.splitlines()[-1]}: see tools/docs/{script}'
            continue
        with open(os.path.join(root, page), encoding='utf-8') as file:
            if file.read() != done.stdout:
                yield page, 1, f'is older than {table}: run ./dev docs'
