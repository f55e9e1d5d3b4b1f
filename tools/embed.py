#!/usr/bin/env python3
"""Connector files as a C source, so that they are part of the program.

embed.py DIRECTORY OUT DEPFILE: every *.yaml of the directory, sorted by name. The dependency file names the directory
too, so that a new file is noticed.
"""

import pathlib
import sys


def literal(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("?", "\\?")
    return '"%s\\n"' % escaped


def main(directory, out, depfile):
    files = sorted(pathlib.Path(directory).glob("*.yaml"))
    lines = ["/* Made by tools/embed.py: do not edit. */", '#include "connector/builtin.h"', ""]
    for i, file in enumerate(files):
        text = file.read_text(encoding="utf-8")
        lines.append("static const char text_%d[] =" % i)
        lines += ["\t" + literal(line) for line in text.splitlines()] or ['\t""']
        lines[-1] += ";"
    lines.append("static const struct {")
    lines.append("\tstruct str name, text;")
    lines.append("} files[] = {")
    for i, file in enumerate(files):
        lines.append('\t{{"%s", %d}, {text_%d, sizeof(text_%d) - 1}},' % (file.stem, len(file.stem), i, i))
    lines += ["\t{{0}},", "};", ""]
    lines += ["bool connector_builtin_at(size_t i, struct str *ret_name, struct str *ret_text)", "{"]
    lines += ["\tif (i + 1 >= sizeof(files) / sizeof(files[0]))", "\t\treturn false;"]
    lines += ["\t*ret_name = files[i].name;", "\t*ret_text = files[i].text;", "\treturn true;", "}", ""]
    pathlib.Path(out).write_text("\n".join(lines), encoding="utf-8")
    needs = [str(pathlib.Path(directory))] + [str(file) for file in files]
    pathlib.Path(depfile).write_text("%s: %s\n" % (out, " ".join(needs)), encoding="utf-8")


main(*sys.argv[1:])
