"""Text rules for every file of the tree, C or not."""
import re

# Where packages come from is the machine's business; a path or host in the tree is wrong elsewhere.
HOSTS = (r'registry\.npmjs', r'deb\.debian\.org', r'security\.debian\.org', r'archive\.ubuntu\.com', r'pypi\.org',
         r'files\.pythonhosted', r'registry-1\.docker', r'\bghcr\.io', r'\bquay\.io', r'\bgcr\.io', r'proxy\.golang',
         r'\bcrates\.io', r'deb\.nodesource')
RULES = (
    (re.compile('|'.join(HOSTS)), 'names the host of a package registry: take it from the machine at run time'),
    (re.compile(r'(?<![\w.$}~-])/(?:home|root|work|Users)/\w'), 'is a path of one machine: make it relative'),
    (re.compile(r'\bTODO\b'), 'is not kept in files: open an issue, or write FIXME(#NUMBER)'),
    (re.compile(r'\bFIXME\b(?!\(#\d+\))'), 'needs its issue: FIXME(#NUMBER)'),
)


def check_words(path, lines):
    if path.startswith('tools/lint/') or path == 'LICENSE':
        return  # the rules and their samples spell the words out
    for number, line in enumerate(lines, 1):
        for pattern, advice in RULES:
            found = pattern.search(line)
            if found:
                yield number, f'"{found.group()}" {advice}'


def check_space(path, lines):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, 'trailing white space: remove it'
