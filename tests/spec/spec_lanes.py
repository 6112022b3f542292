"""Gives a module exports that take and return vectors as halves.

An engine whose interface to the host has no v128 could not run most tests of the SIMD proposals:
nearly every one calls an export with vectors. add_lanes() appends, for each exported function
"f" that has v128 in its signature, a function of the same meaning, exported as "lanes:f", in
whose signature each v128 is two i64, the low half first. Nothing of the module itself changes.

It reads and writes only what modules of the tests have: function types, and sections in order.
"""
I64, V128 = 0x7E, 0x7B
TYPES, IMPORTS, FUNCTIONS, EXPORTS, CODE = 1, 2, 3, 7, 10
V128_CONST_ZERO = b"\xfd\x0c" + bytes(16)


class Reader:
    """A place in a module."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise IndexError("past the end")
        self.at += count
        return self.data[self.at - count:self.at]

    def name(self) -> bytes:
        return self.take(self.number())


def number(value: int) -> bytes:
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if value == 0:
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def vector(items: list) -> bytes:
    return number(len(items)) + b"".join(items)


def sections_of(module: bytes) -> list:
    reader = Reader(module)
    if reader.take(8) != b"\0asm\x01\0\0\0":
        raise ValueError("no core module")
    sections = []
    while reader.at < len(module):
        identifier = reader.byte()
        sections.append((identifier, reader.take(reader.number())))
    return sections


def value_types(reader: Reader) -> bytes:
    types = reader.take(reader.number())
    if any(not 0x69 <= one <= 0x7F for one in types):
        raise ValueError("a type of more than a byte")
    return types


def read_types(body: bytes) -> list:
    reader = Reader(body)
    types = []
    for _ in range(reader.number()):
        if reader.byte() != 0x60:
            raise ValueError("no function type")
        types.append((value_types(reader), value_types(reader)))
    return types


def skip_limits(reader: Reader) -> None:
    flags = reader.byte()
    reader.number()
    if flags & 1:
        reader.number()


def imported_functions(body: bytes) -> list:
    """Their types' indices."""
    reader = Reader(body)
    types = []
    for _ in range(reader.number()):
        reader.name()
        reader.name()
        kind = reader.byte()
        if kind == 0:
            types.append(reader.number())
        elif kind == 1:
            reader.byte()
            skip_limits(reader)
        elif kind == 2:
            skip_limits(reader)
        elif kind == 3:
            reader.take(2)
        else:
            raise ValueError("an import of another kind")
    return types


def indices(body: bytes) -> list:
    reader = Reader(body)
    return [reader.number() for _ in range(reader.number())]


def exported_functions(body: bytes) -> list:
    reader = Reader(body)
    found = []
    for _ in range(reader.number()):
        name = reader.name()
        kind, index = reader.byte(), reader.number()
        if kind == 0:
            found.append((name, index))
    return found


def halves(types: bytes) -> bytes:
    return b"".join(bytes([I64, I64]) if one == V128 else bytes([one]) for one in types)


def wrapper(function: int, params: bytes, results: bytes) -> bytes:
    """The body: joins the halves, calls, and takes the results apart."""
    code = bytearray()
    local = 0
    for one in params:
        if one == V128:
            code += V128_CONST_ZERO
            code += b"\x20" + number(local) + b"\xfd\x1e\x00"  # i64x2.replace_lane 0
            code += b"\x20" + number(local + 1) + b"\xfd\x1e\x01"
            local += 2
        else:
            code += b"\x20" + number(local)
            local += 1
    code += b"\x10" + number(function)
    for place in reversed(range(len(results))):
        code += b"\x21" + number(local + place)
    for place, one in enumerate(results):
        if one == V128:
            for lane in (0, 1):
                code += b"\x20" + number(local + place) + b"\xfd\x1d" + bytes([lane])
        else:
            code += b"\x20" + number(local + place)
    body = vector([b"\x01" + bytes([one]) for one in results]) + bytes(code) + b"\x0b"
    return number(len(body)) + body


def extend(body: bytes, items: list) -> bytes:
    """A section that is a vector, with more items at its end."""
    reader = Reader(body)
    count = reader.number()
    return number(count + len(items)) + body[reader.at:] + b"".join(items)


def write(sections: list, added: dict) -> bytes:
    out = bytearray(b"\0asm\x01\0\0\0")
    for identifier, body in sections:
        if identifier in added:
            body = extend(body, added[identifier])
        out += bytes([identifier]) + number(len(body)) + body
    return bytes(out)


def add_lanes(module: bytes):
    """The module with its added exports; None where it has no use for them or is none."""
    try:
        sections = sections_of(module)
        parts = {identifier: body for identifier, body in sections if identifier != 0}
        if not {TYPES, FUNCTIONS, EXPORTS, CODE} <= parts.keys():
            return None
        types = read_types(parts[TYPES])
        functions = imported_functions(parts.get(IMPORTS, b"\0")) + indices(parts[FUNCTIONS])
        added = {TYPES: [], FUNCTIONS: [], EXPORTS: [], CODE: []}
        for name, index in exported_functions(parts[EXPORTS]):
            params, results = types[functions[index]]
            if V128 not in params + results:
                continue
            flat = [vector([bytes([one]) for one in halves(side)]) for side in (params, results)]
            label = b"lanes:" + name
            added[EXPORTS].append(number(len(label)) + label + b"\0" +
                                  number(len(functions) + len(added[CODE])))
            added[FUNCTIONS].append(number(len(types) + len(added[TYPES])))
            added[TYPES].append(b"\x60" + b"".join(flat))
            added[CODE].append(wrapper(index, params, results))
        return write(sections, added) if added[CODE] else None
    except (IndexError, ValueError):
        return None
