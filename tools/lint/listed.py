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
