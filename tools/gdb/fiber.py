"""Fibers in gdb, in a live process and in a core file.

    (gdb) source tools/gdb/fiber.py
    (gdb) fibers              every fiber: loop, state, name, label, what it waits for
    (gdb) fibers ID           its call chain; ID is the number or address `fibers` printed
    (gdb) fibers all          the call chains of all that do not run

A fiber that does not run has left its frame pointer in context.frame (src/rt/context.c). The
house is built with frame pointers, so following them needs no registers: nothing is written, and
cores work. Frames of libraries built without them end the chain early.
"""
import gdb

FRAMES_MAX = 64


def runtime():
    """The struct with the process's loops."""
    return gdb.parse_and_eval("'rt.c'::rt")


def each_in(head, kind, member):
    """The objects of an intrusive list."""
    struct = gdb.lookup_type('struct ' + kind)
    offset = next(field.bitpos // 8 for field in struct.fields() if field.name == member)
    link, end = head['next'], int(head.address)
    while int(link) != end and int(link) != 0:
        yield gdb.Value(int(link) - offset).cast(struct.pointer())
        link = link['next']


def fibers():
    """(loop, fiber) of every fiber that lives, numbered from 1 in this order."""
    for index in range(int(runtime()['count'])):
        loop = runtime()['loop'][index]
        for fiber in each_in(loop['fibers'], 'fiber', 'alive_link'):
            yield loop, fiber


def text(s):
    """A struct str; labels are borrowed, so what it points to may be gone."""
    try:
        length = min(int(s['n']), 200)
        return gdb.selected_inferior().read_memory(int(s['p']), length).tobytes().decode('utf-8', 'replace')
    except gdb.MemoryError:
        return '?'


def state(fiber):
    name = str(fiber['state'].cast(gdb.lookup_type('enum fiber_state'))).replace('FIBER_', '').lower()
    marks = [mark for mark in ('canceled', 'shielded', 'deaf') if fiber[mark]]
    return ' '.join([name] + marks)


def frames(fiber):
    """Return addresses, innermost first: each frame holds the caller's frame and where it goes on."""
    word = gdb.lookup_type('unsigned long')
    frame = int(fiber['context']['frame'])
    low, high = int(fiber['stack']), int(fiber)
    for _ in range(FRAMES_MAX):
        if not low <= frame <= high - 2 * word.sizeof:
            return
        pair = gdb.Value(frame).cast(word.pointer())
        yield int(pair[1])
        if int(pair[0]) <= frame:
            return
        frame = int(pair[0])


def place(address):
    """The call at `address`: one byte back, since it is where the call returns to."""
    found = gdb.find_pc_line(address - 1)
    block = gdb.block_for_pc(address - 1)
    while block is not None and block.function is None:
        block = block.superblock
    name = block.function.name if block is not None else None
    if name is None:
        return gdb.execute('info symbol %d' % (address - 1), to_string=True).split(' in section')[0].strip()
    return '%s () at %s:%d' % (name, found.symtab.filename if found.symtab else '?', found.line)


class Fibers(gdb.Command):
    """List the fibers of all loops, or show call chains: fibers [NUMBER | ADDRESS | all]"""

    def __init__(self):
        super().__init__('fibers', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip()
        for number, (loop, fiber) in enumerate(fibers(), 1):
            if wanted in ('', 'all', str(number), hex(int(fiber))):
                self.show(number, loop, fiber)
                if wanted:
                    self.chain(fiber)

    @staticmethod
    def show(number, loop, fiber):
        awaits = ' awaits %s' % hex(int(fiber['awaits'])) if int(fiber['awaits']) else ''
        label = text(fiber['label'])
        print('%3d  %s  loop %d  %-8s  %s%s%s' % (number, hex(int(fiber)), int(loop['index']), state(fiber),
                                                 fiber['name'].string(), ' [%s]' % label if label else '', awaits))

    @staticmethod
    def chain(fiber):
        if int(fiber['loop']['running']) == int(fiber):
            print('       it runs: see the backtrace of its loop\'s thread')
            return
        found = [place(address) for address in frames(fiber)]
        for depth, line in enumerate(found):
            print('     #%-2d %s' % (depth, line))
        if not found:
            print('       it has not run yet')


Fibers()
