"""Calls that are not made here, and what to call instead."""
import re

BANNED = {
    'strcpy': 'use struct str or buf_put',
    'strcat': 'use buf_put',
    'strncpy': 'it may leave no NUL: use struct str',
    'strncat': 'use buf_put',
    'sprintf': 'use snprintf, buf_put_fmt or arena_fmt',
    'vsprintf': 'use vsnprintf',
    'gets': 'it has no bound: use fgets or read',
    'strtok': 'it keeps hidden state: use str_cut',
    'atoi': 'it hides errors: use strtoll and check where it stopped',
    'atol': 'it hides errors: use strtoll and check where it stopped',
    'atof': 'it hides errors: use strtod and check where it stopped',
    'rand': 'use random_bytes',
    'random': 'use random_bytes',
    'system': 'no shell: use rt/child.h',
    'popen': 'no shell: use rt/child.h',
    'alloca': 'fiber stacks are small: use the arena',
    'setjmp': 'it breaks fibers and AUTO: return an enum err',
    'longjmp': 'it breaks fibers and AUTO: return an enum err',
    'signal': 'use the loop\'s signals or sigaction',
    'usleep': 'it blocks the loop: use fiber_sleep',
    'sleep': 'it blocks the loop: use fiber_sleep',
    'assert': 'it can be compiled out: use CHECK',
    'gmtime': 'it is not thread-safe: use gmtime_r',
    'localtime': 'it is not thread-safe: use localtime_r',
}
# call: (path prefixes where it may stand, advice)
ONLY_IN = {
    'fork': (('src/rt/', 'test/', 'bench/'), 'children are started by rt/child.h'),
    'vfork': (('src/rt/',), 'children are started by rt/child.h'),
    'getenv': (('src/gateway/conf', 'src/gateway/notify', 'src/cli/', 'src/net/listen', 'src/secrets/systemd',
                'src/upstream/channel_stdio', 'test/', 'bench/'), 'the environment is read by config, cli, the stdio launcher and what speaks with systemd'),
}
CALL = re.compile(r'(?<![\w.>])([a-z]\w*)\s*\(')


def check_calls(source):
    for number, line in enumerate(source.masked, 1):
        if line.lstrip().startswith('#'):
            continue
        for name in CALL.findall(line):
            advice = BANNED.get(name)
            if name in ONLY_IN and not source.path.startswith(ONLY_IN[name][0]):
                advice = ONLY_IN[name][1]
            if advice:
                yield number, f'{name}() is not called here: {advice}'
