"""Small rooms: gates for files, headers and functions."""
FILE_LINES_MAX = 600
HEADER_LINES_MAX = 200
FUNCTION_LINES_MAX = 60


def check_file(source):
    limit = HEADER_LINES_MAX if source.is_header else FILE_LINES_MAX
    if len(source.lines) > limit:
        yield limit + 1, f'{len(source.lines)} lines, the gate is {limit}: split it by noun'


def check_functions(source):
    for function in source.functions():
        if function.lines > FUNCTION_LINES_MAX:
            yield function.line, (f'{function.name}() has {function.lines} lines, the gate is {FUNCTION_LINES_MAX}: '
                                  'name its steps as functions')
