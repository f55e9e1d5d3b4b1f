"""Who may include whom: src/LAYERS."""
import fnmatch


def read_layers(path):
    """Two dicts: room -> rooms it may include, third-party header pattern -> rooms that own it."""
    rooms, owners = {}, {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            name, colon, rest = line.split('#')[0].partition(':')
            if colon:
                (owners if name.startswith('<') else rooms)[name.strip()] = rest.split()
    return rooms, owners


def check_rooms(rooms):
    """The rooms must form layers: a room includes only rooms that stand above it in the file."""
    seen = set()
    for room, allowed in rooms.items():
        for other in allowed:
            if other not in seen:
                yield 1, f'{room} may include {other}, which is not above it: keep the file in layer order'
        seen.add(room)


def check_include(source, rooms, owners):
    room = source.room
    if room is None:
        return
    if room not in rooms:
        yield 1, f'room {room} is not in src/LAYERS: add it'
        return
    for line, name in source.includes():
        if name.startswith('<'):
            yield from third_party(line, name, room, owners)
        else:
            yield from own_header(line, name, room, rooms)


def third_party(line, name, room, owners):
    for pattern, owning in owners.items():
        if fnmatch.fnmatch(name, pattern) and room not in owning:
            yield line, f'{name} belongs to {" and ".join(owning)}: use what they offer'


def own_header(line, name, room, rooms):
    other = name.split('/')[0]
    if '/' not in name:
        yield line, f'include "{room}/{name}": headers are named from src'
    elif other != room and other not in rooms[room]:
        yield line, f'{room} must not know {other} (src/LAYERS): move the code or hand in a callback'
    elif other != room and name.endswith('_private.h'):
        yield line, f'{name} is private to {other}: use its public header'
