"""A file nobody builds tests nothing: every C file is named in a meson.build."""
import posixpath
import re

LISTED = re.compile(r'^(src|test/unit|test/fuzz|test/fixtures|bench)/.*\.c$')


def check_listed(files):
    """(path, message) of every C file that its own meson.build and the root's leave out."""
    for path in files:
        if not LISTED.match(path):
            continue
        folder, name = posixpath.split(path)
        text = files.get(posixpath.join(folder, 'meson.build'), '') + files.get('meson.build', '')
        if not re.search(rf"['/]{re.escape(name)}'|'{re.escape(name[:-2])}'", text):
            yield path, f'is not named in {folder}/meson.build, so nobody builds it: list it'


EVENT = re.compile(r'(?:\.event = |installation_audit\(\w+, )(?:STR\()?"([a-z_]+\.[a-z_]+)"')


def check_events(files):
    """(path, line, message) of every audit event whose name is not in the table."""
    known = set(re.findall(r'X\("([a-z_.]+)"', files.get('src/audit/events.def', '')))
    for path, text in files.items():
        if not path.startswith('src/') or not path.endswith('.c') or not known:
            continue
        for found in EVENT.finditer(text):
            if found.group(1) not in known:
                line = text.count('\n', 0, found.start()) + 1
                yield path, line, f'"{found.group(1)}" is not in src/audit/events.def: add a row that says what it means'
